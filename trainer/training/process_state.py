"""What training sets for the whole process: seeds, deterministic operations, the precision of computing."""

from __future__ import annotations

import logging

import tensorflow as tf

from trainer.keras import keras
from trainer.recipe import Recipe


def prepare(recipe: Recipe) -> None:
    """Seeds every generator and sets determinism and precision as the recipe and the device allow."""
    keras.backend.clear_session()  # Layer names and seeds as in a fresh process, whichever runner calls.
    keras.utils.set_random_seed(recipe.seed)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    # Not on a GPU, where a frozen batch norm has no deterministic gradient; nor for the float model alone, since it
    # cannot be switched off again and the local runners train both in one process.
    if not gpu:
        tf.config.experimental.enable_op_determinism()
    mixed = recipe.mixed_precision and gpu
    if recipe.mixed_precision and not mixed:
        logging.info("%s: mixed precision needs a GPU; training in float32.", recipe.name)
    keras.mixed_precision.set_global_policy("mixed_float16" if mixed else "float32")
