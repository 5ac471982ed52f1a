"""A training's curves are what was written, whatever killed it."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from trainer.training import curves


def write(folder: Path, points: dict[int, float], *, tag: str = "train/loss", suffix: str = ".v2") -> Path:
    """As trainer/training/loop.py writes → the event file."""
    before = set(folder.glob("*"))
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=suffix)
    with writer.as_default():
        for step, value in points.items():
            tf.summary.scalar(tag, value, step=step)
    writer.close()
    [file] = set(folder.glob("*")) - before
    return file


def test_all_points_of_a_long_training_are_there_in_the_order_of_steps(tmp_path):
    write(tmp_path, {step: 1 / step for step in range(3000, 0, -1)})
    found = curves.read(tmp_path)
    assert list(found) == ["train/loss"]
    assert [step for step, _ in found["train/loss"]] == list(range(1, 3001))  # TensorBoard's page would sample 1,000.
    assert [value for _, value in found["train/loss"]] == pytest.approx([1 / step for step in range(1, 3001)])


def test_they_are_what_tensorboards_own_accumulator_reads(tmp_path):
    write(tmp_path, {1: 2.5, 3: 1.5})
    write(tmp_path, {3: 0.75}, tag="eval/top1")
    theirs = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    theirs.Reload()
    assert curves.read(tmp_path) == {
        tag: [(event.step, make_ndarray(event.tensor_proto).item()) for event in theirs.Tensors(tag)]
        for tag in ("train/loss", "eval/top1")
    }


def test_a_step_that_was_done_again_counts_as_it_was_written_last_whatever_the_files_are_called(tmp_path):
    write(tmp_path, {1: 4.0, 2: 3.0, 3: 9.0}, suffix=".z")
    write(tmp_path, {3: 2.0, 4: 1.0}, suffix=".a")
    assert curves.read(tmp_path) == {"train/loss": [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]}


@pytest.mark.parametrize("left", [-1, -20])
def test_of_a_file_that_was_cut_off_the_whole_points_are_read(tmp_path, left):
    file = write(tmp_path, {1: 4.0, 2: 3.0, 3: 2.0})
    file.write_bytes(file.read_bytes()[:left])
    assert curves.read(tmp_path) == {"train/loss": [(1, 4.0), (2, 3.0)]}


def test_what_is_no_scalar_is_left_out(tmp_path):
    write(tmp_path, {1: 4.0})
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default(step=1):
        tf.summary.text("note", "hello")
        tf.summary.histogram("weights", [1.0, 2.0])
    writer.close()
    assert curves.read(tmp_path) == {"train/loss": [(1, 4.0)]}


@pytest.mark.parametrize("content", [None, b"", b"no event"])
def test_an_empty_a_missing_and_a_foreign_file_give_nothing(tmp_path, content):
    if content is not None:
        (tmp_path / "events.out.tfevents.1.host.1.0.v2").write_bytes(content)
    assert curves.read(tmp_path) == {}
    assert curves.read(tmp_path / "no-such-folder") == {}
