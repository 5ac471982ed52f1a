"""While fake quantization is delayed, ranges are observed and nothing is rounded; then it is as without a delay."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.bundled import CLASSES, write_shard
from tests.trainer.lively import stir
from trainer import quantization, quantizers
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.recipes import tiny
from trainer.training import loop
from trainer.training.distribution import Workers
from trainer.training.training_task import Task, TrainingError

pytestmark = pytest.mark.slow

SIDE, PICTURES, BATCH = 32, 24, 8
PLAIN = dataclasses.replace(tiny.FLOAT, epochs=1, batch_size=BATCH, optimizer="sgd", weight_decay=0.0, warmup_epochs=0)


def _float() -> keras.Model:
    keras.utils.set_random_seed(1)
    return stir(mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES, bn_momentum=0.9, dropout=0.0))


def _quantized() -> keras.Model:
    return quantization.quantize(_float(), calibration=None, freeze_bn=False)


def _outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return tf.function(model, autograph=False)(images, training=True).numpy()


def test_a_delayed_step_computes_what_the_float_model_does_and_follows_the_ranges():
    images = np.random.default_rng(1).uniform(-1, 1, (BATCH, SIDE, SIDE, 3)).astype(np.float32)
    expected, model = _outputs(_float(), images), _quantized()
    ranges = {v.name: v for v in model.weights if v.name.endswith(("_max:0", "_min:0"))}
    before = {name: float(v) for name, v in ranges.items()}
    with quantizers.delay():
        delayed = _outputs(model, images)
    assert len(ranges) == 30
    assert all(float(v) != before[name] for name, v in ranges.items() if "Logits" in name or "AvgPool" in name)
    np.testing.assert_allclose(delayed, expected, atol=1e-4)
    assert np.abs(_outputs(_quantized(), images) - expected).max() > 1e-2  # Without the delay.


def _kernels_by_step(recipe, build, shard: str, folder, monkeypatch) -> list[np.ndarray]:
    """The stem's kernel after each step."""
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", math.inf)  # One checkpoint after every step.
    job = Task(recipe, SIDE, CLASSES, [shard], PICTURES, [shard], str(folder / "resume"), str(folder / "logs"))
    kernels = []
    save = tf.train.CheckpointManager.save

    def recorded(self, checkpoint_number):
        path = save(self, checkpoint_number=checkpoint_number)
        reader = tf.train.load_checkpoint(path)
        [name] = [n for n, shape in reader.get_variable_to_shape_map().items()
                  if shape == [3, 3, 3, 8] and n.startswith("model/") and "OPTIMIZER_SLOT" not in n]  # fmt: skip
        kernels.append(reader.get_tensor(name))
        return path

    monkeypatch.setattr(tf.train.CheckpointManager, "save", recorded)
    loop.train(job, build, Workers(tf.distribute.get_strategy()), checkpoint_seconds=0)
    monkeypatch.undo()
    return kernels


def test_with_a_delay_of_two_the_first_two_steps_are_the_float_models_and_the_third_is_not(tmp_path, monkeypatch):
    shard = write_shard(tmp_path / "data_tfrecord-00000-of-00001", PICTURES)
    delayed = dataclasses.replace(PLAIN, quantized=True, quant_delay=2)
    ours = _kernels_by_step(delayed, _quantized, shard, tmp_path / "delayed", monkeypatch)
    floats = _kernels_by_step(PLAIN, _float, shard, tmp_path / "float", monkeypatch)
    assert len(ours) == len(floats) == 3
    apart = [np.abs(a - b).max() for a, b in zip(ours, floats, strict=True)]
    moved = np.abs(np.diff(floats, axis=0)).reshape(2, -1).max(axis=1)
    assert apart[0] < 0.01 * moved[0] and apart[1] < 0.01 * moved[0]
    assert apart[2] > 0.05 * moved[1]


def test_training_that_ends_before_its_delay_is_refused_with_both_numbers(tmp_path):
    recipe = dataclasses.replace(PLAIN, quantized=True, quant_delay=250_000)
    job = Task(recipe, SIDE, CLASSES, [], PICTURES, [], str(tmp_path), str(tmp_path))
    with pytest.raises(TrainingError, match=r"begins after 250000 steps.*24 pictures give 3 in all: lower quant_delay"):
        loop.train(job, lambda: pytest.fail("built"), Workers(tf.distribute.get_strategy()))
