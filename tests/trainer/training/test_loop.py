"""A killed run ends where an unbroken one does, and every picture is seen once an epoch."""

import dataclasses
import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer import input_pipeline, quantization
from trainer.imagenet import ENCODED, LABEL
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.recipes import tiny
from trainer.training import loop
from trainer.training.distribution import DistributionError, Workers
from trainer.training.training_task import Task, TrainingError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PICTURES, CLASSES, SIDE = 48, 4, 32
PROBE = np.random.default_rng(1).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
ALONE = Workers(tf.distribute.get_strategy())


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    """Flat pictures, one colour a class, in two shards."""
    folder = tmp_path_factory.mktemp("shards")
    for shard in range(2):
        with tf.io.TFRecordWriter(str(folder / f"data_tfrecord-{shard:05}-of-00002")) as writer:
            for number in range(shard, PICTURES, 2):
                writer.write(_example(number))
    return f"{folder}/*"


def _example(number: int) -> bytes:
    label = 1 + number % (CLASSES - 1)
    picture = np.full((28, 28, 3), 60 * label, np.uint8)
    picture[number % 28] = number  # So that every picture is another one.
    features = {
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_jpeg(picture).numpy()])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _task(shards: str, folder, **changes) -> Task:
    recipe = dataclasses.replace(tiny.FLOAT, batch_size=8, epochs=2, **changes)
    return Task(recipe, SIDE, CLASSES, [shards], PICTURES, [shards], str(folder / "resume"), str(folder / "logs"))


def _build() -> keras.Model:
    keras.utils.set_random_seed(1)
    return mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES, bn_momentum=0.9, dropout=0.0)


def _build_quantized() -> keras.Model:
    return quantization.quantize(_build(), calibration=None, freeze_bn=False)


class Killed(Exception):
    pass


AVERAGED = {"optimizer": "rmsprop", "momentum": 0.9, "weight_decay": 0.0, "ema_decay": 0.9}


@pytest.mark.parametrize(
    ("changes", "build"),
    [({}, _build), ({**AVERAGED, "quantized": True, "quant_delay": 10}, _build_quantized)],
    ids=["adamw", "rmsprop, averages, delayed quantization"],
)
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(changes, build, shards, tmp_path, monkeypatch):
    tf.config.experimental.enable_op_determinism()
    unbroken, steps = loop.train(_task(shards, tmp_path / "unbroken", **changes), build, ALONE)
    assert steps == 12

    save = tf.train.CheckpointManager.save

    def killed_after_eight(self, checkpoint_number):
        save(self, checkpoint_number=checkpoint_number)
        if checkpoint_number == 8:
            raise Killed

    broken = _task(shards, tmp_path / "broken", **changes)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SHARE", math.inf)  # One after every step.
        patch.setattr(tf.train.CheckpointManager, "save", killed_after_eight)
        with pytest.raises(Killed):
            loop.train(broken, build, ALONE, checkpoint_seconds=0)
    resumed, steps = loop.train(broken, build, ALONE)
    assert steps == 12
    for ours, theirs in zip(resumed.weights, unbroken.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_its_last_step_and_goes_on_from_there(number, shards, tmp_path, monkeypatch):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    task = _task(shards, tmp_path)
    due = loop.Reporter.due

    def interrupted_at_five(self, step):
        if step == 5:
            signal.raise_signal(number)
        return due(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Reporter, "due", interrupted_at_five)
        with pytest.raises(KeyboardInterrupt):
            loop.train(task, _build, ALONE, checkpoint_seconds=math.inf)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    latest = tf.train.latest_checkpoint(task.checkpoint_dir)
    assert latest is not None and latest.endswith("-5")
    assert tf.train.load_checkpoint(latest).get_tensor("step/.ATTRIBUTES/VARIABLE_VALUE") == 5
    assert loop.train(task, _build, ALONE)[1] == 12


def test_what_is_evaluated_and_handed_on_are_the_averages_and_not_the_last_steps_weights(shards, tmp_path, monkeypatch):
    evaluated = []
    monkeypatch.setattr(loop, "top1", lambda predict, batches: evaluated.append(predict(PROBE).numpy()) or 0.0)
    task = _task(shards, tmp_path, **AVERAGED, evaluations=1)
    model, _ = loop.train(task, _build, ALONE)
    reader = tf.train.load_checkpoint(task.checkpoint_dir)
    stem = "model/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    average = reader.get_tensor("averages/0/.ATTRIBUTES/VARIABLE_VALUE")
    assert np.abs(reader.get_tensor(stem) - average).max() > 1e-4
    np.testing.assert_array_equal(model.get_layer("Conv2d_0").kernel.numpy(), average)
    np.testing.assert_allclose(evaluated[0], model(PROBE, training=False).numpy(), atol=1e-5)


def test_every_picture_is_seen_once_an_epoch_in_an_order_of_its_own(shards):
    def pictures(epoch: int, skip: int = 0) -> list[bytes]:
        batches = input_pipeline.train_dataset(
            [shards], train_image=lambda encoded, _: encoded, batch_size=8, seed=1, epoch=epoch, skip_batches=skip
        )
        return [encoded for batch, _ in batches.as_numpy_iterator() for encoded in batch]

    first, second = pictures(0), pictures(1)
    assert len(set(first)) == PICTURES
    assert set(first) == set(second)
    assert first != second
    assert pictures(1, skip=4) == second[32:]


@pytest.mark.parametrize("replicas", [1, 2])
def test_workers_share_out_every_global_batch_in_its_order(shards, replicas):
    def batches(share: input_pipeline.Share) -> list[list[bytes]]:
        dataset = input_pipeline.train_dataset(
            [shards], train_image=lambda encoded, seed: tf.strings.join([encoded, tf.strings.as_string(seed[1])]),
            batch_size=20, seed=1, epoch=0, skip_batches=1, share=share,
        )  # fmt: skip
        return [list(images) for images, _ in dataset.as_numpy_iterator()]

    [whole] = batches(input_pipeline.WHOLE)  # 48 pictures: one batch skipped, 8 pictures left over.
    parts = [batches(input_pipeline.Share(worker, 2, replicas)) for worker in range(2)]
    assert [len(batch) for part in parts for batch in part] == [10 // replicas] * 2 * replicas
    assert [image for part in parts for batch in part for image in batch] == whole


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "batch_size 8, which is no multiple of the 3 replicas"),
        ({"batch_size": 9, "quantized": True}, "fake quantization and batch norm together.*use one, or fine-tune"),
    ],
)
def test_what_several_replicas_cannot_train_is_refused_before_anything_is_built(changes, message, shards, tmp_path):
    class Three(tf.distribute.MirroredStrategy):
        num_replicas_in_sync = 3

    task = _task(shards, tmp_path)
    task = dataclasses.replace(task, recipe=dataclasses.replace(task.recipe, **changes))
    with pytest.raises(DistributionError, match=message):
        loop.train(task, lambda: pytest.fail("built"), Workers(Three(["CPU:0"])))


def test_too_few_pictures_for_a_batch_is_an_error_with_both_numbers(shards, tmp_path):
    task = dataclasses.replace(_task(shards, tmp_path), train_pictures=7)
    with pytest.raises(TrainingError, match="7 training pictures do not fill one batch of 8"):
        loop.train(task, _build, ALONE)


def test_a_loss_that_is_no_number_stops_the_run(shards, tmp_path):
    task = _task(shards, tmp_path, peak_lr=1e30, warmup_epochs=0)
    with pytest.raises(TrainingError, match=r"the loss is nan.*Lower peak_lr"):
        loop.train(task, _build, ALONE)


def test_two_replicas_train_each_picture_once_and_a_checkpoint_of_theirs_serves_one(shards, tmp_path):
    """In a process of its own, its CPU split in two: logical devices are made before TensorFlow's first use."""
    probe = f"""
import dataclasses, numpy, tensorflow as tf
cpus = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
from trainer.training import loop; from trainer.network import mobilenet_v1
from trainer.training.distribution import Workers
from trainer.recipes import tiny
from trainer.training.training_task import Task
recipe = dataclasses.replace(tiny.FLOAT, batch_size=8, epochs=2, **{AVERAGED!r})
files, folders = [{shards!r}], ({str(tmp_path / "r")!r}, {str(tmp_path)!r})
task = Task(recipe, {SIDE}, {CLASSES}, files, {PICTURES}, files, *folders)
build = lambda: mobilenet_v1.build(width=0.25, resolution={SIDE}, classes={CLASSES}, bn_momentum=0.9)
workers = Workers(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
model, steps = loop.train(task, build, workers)
assert steps == 12 and model.weights[0].values[0].shape[0] == 3
assert all((a.numpy() == b.numpy()).all() for a, b in (weight.values for weight in model.weights))
numpy.savez({str(tmp_path / "weights.npz")!r}, *model.get_weights())
"""
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    alone = dataclasses.replace(_task(shards, tmp_path, **AVERAGED), checkpoint_dir=str(tmp_path / "r"))
    model, steps = loop.train(alone, _build, ALONE)  # Nothing is left to do but to hand the averages over.
    assert steps == 12
    with np.load(tmp_path / "weights.npz") as theirs:
        for ours, name in zip(model.get_weights(), theirs.files, strict=True):
            assert np.isfinite(ours).all()
            np.testing.assert_array_equal(ours, theirs[name])
