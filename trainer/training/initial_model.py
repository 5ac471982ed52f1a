"""The network as training begins: new, or with a base model's weights; fake-quantized where the recipe says so."""

from __future__ import annotations

import tensorflow as tf

from trainer import export, input_pipeline, quantization
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.layer_names import HEAD
from trainer.network.variant import Variant
from trainer.training.training_task import Task

_BATCH = 128  # Pictures at a time, for the ranges.


def build(task: Task, variant: Variant, base_model: str | None) -> keras.Model:
    """A new network, or one with the base model's weights.

    A quantized recipe takes the ranges that came with an imported base model; without any, it measures them on
    training pictures.

    Args:
      base_model: the folder of a float model, as `export.export` writes it.

    Raises:
      ValueError: the base model is of another variant, has other classes, or is fake-quantized.
    """
    chosen = task.recipe
    model = network(task, variant)
    if base_model:
        _take_weights(model, base_model, variant, task)
    if not chosen.quantized:
        return model
    ranges = export.read_ranges(base_model) if base_model else {}
    calibration = None if ranges else _calibration(task)
    quantized = quantization.quantize(model, calibration=calibration, freeze_bn=chosen.freeze_bn)
    if ranges:
        quantization.take_ranges(quantized, ranges)
    return quantized


def network(task: Task, variant: Variant) -> keras.Model:
    """The float network of the task, with new weights."""
    return mobilenet_v1.build(
        width=variant.width, resolution=variant.resolution, classes=task.classes,
        dropout=task.recipe.dropout, bn_momentum=task.recipe.bn_momentum,
        # Several replicas quantize with a frozen batch norm only, which has nothing to synchronize.
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1 and not task.recipe.quantized,
    )  # fmt: skip


def _take_weights(model: keras.Model, base_model: str, variant: Variant, task: Task) -> None:
    """All of the base model's weights; where a float model has other classes, all but the head's."""
    base, description = export.load_keras(base_model)
    new_head = description.classes != task.classes and not task.recipe.quantized
    wanted = (variant, description.classes if new_head else task.classes, False)
    if (description.variant, description.classes, description.quantized) != wanted:
        raise ValueError(
            f"the base model is {description.variant.name} with {description.classes} classes"
            f"{', fake-quantized' if description.quantized else ''}; "
            f"wanted float, {variant.name}, {task.classes} classes."
        )
    for layer, base_layer in zip(model.layers, base.layers, strict=True):
        if not (new_head and layer.name == HEAD):
            layer.set_weights(base_layer.get_weights())


def _calibration(task: Task) -> list | None:
    wanted = task.recipe.calibration_pictures
    return training_pictures(task, wanted) if wanted else None


def training_pictures(task: Task, wanted: int) -> list:
    """Batches of training pictures as evaluation sees them: [n, R, R, 3] in all."""
    pictures = min(wanted, task.train_pictures)
    batches = input_pipeline.eval_dataset(
        task.train_files, resolution=task.resolution, central_fraction=task.recipe.central_fraction,
        batch_size=min(_BATCH, pictures),
    )  # fmt: skip
    return [images.numpy() for images, _ in batches.take(max(pictures // _BATCH, 1))]
