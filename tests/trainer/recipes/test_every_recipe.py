"""Every recipe of every module trains: two steps at 0.25_32 on eight of the bundled pictures."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.bundled import CLASSES, write_shard
from tests.trainer.lively import stir
from trainer import export, recipe
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.variant import Variant
from trainer.training import initial_model, loop
from trainer.training.distribution import Workers
from trainer.training.training_task import Task

pytestmark = pytest.mark.slow

PICTURES, STEPS = 8, 2
VARIANT = Variant(0.25, 32)
RECIPES = [
    chosen
    for name in recipe.names()
    for chosen in vars(recipe.experiment(name)).values()
]  # fmt: skip


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> str:
    return write_shard(tmp_path_factory.mktemp("shard") / "data_tfrecord-00000-of-00001", PICTURES)


def _short(chosen: recipe.Recipe) -> recipe.Recipe:
    """As it is but for its length: of two steps, the delay takes one."""
    return dataclasses.replace(
        chosen, epochs=1, batch_size=PICTURES // STEPS, warmup_epochs=min(chosen.warmup_epochs, 0.5), evaluations=1,
        quant_delay=min(chosen.quant_delay, 1), calibration_pictures=min(chosen.calibration_pictures, PICTURES),
    )  # fmt: skip


@pytest.fixture(scope="module")
def base_model(tmp_path_factory) -> str:
    """Of a float network that lets something through, for what fine-tunes."""
    folder = str(tmp_path_factory.mktemp("base") / "Format-Serving")
    model = stir(mobilenet_v1.build(width=VARIANT.width, resolution=VARIANT.resolution, classes=CLASSES))
    description = export.Description(VARIANT.width, VARIANT.resolution, CLASSES, 1.0, False, 0, {}, {})
    export.export(folder, model, description, [f"class_{label}" for label in range(CLASSES)])
    return folder


@pytest.fixture
def _eagerly() -> Iterator[None]:
    """Tracing 18 recipes takes two minutes and adds nothing: test_loop.py and test_quant_delay.py train as graphs."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("_eagerly")
@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly.:UserWarning")
@pytest.mark.parametrize("chosen", RECIPES, ids=lambda chosen: chosen.name)
def test_two_steps_move_every_kernel_and_the_loss_is_finite(chosen, shard, base_model, tmp_path, caplog):
    job = Task(
        _short(chosen), VARIANT.resolution, CLASSES, [shard], PICTURES, [shard],
        str(tmp_path / "resume"), str(tmp_path / "logs"),
    )  # fmt: skip
    before = []

    def build() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = initial_model.build(job, VARIANT, base_model if chosen.name.endswith("_qat") else None)
        before.extend(weight.numpy() for weight in model.trainable_weights)
        return model

    with caplog.at_level("INFO", logger="mobilenet.progress"):
        model, steps = loop.train(job, build, Workers(tf.distribute.get_strategy()))
    reports = [r.progress for r in caplog.records if hasattr(r, "progress") and r.progress["task"] == "train"]
    assert steps == reports[-1]["step"] == STEPS
    assert 0.5 < reports[-1]["loss"] < 10
    moved = [
        np.abs(weight.numpy() - old).max() > 0
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if "kernel" in weight.name
    ]
    assert len(moved) == 28 and all(moved)
