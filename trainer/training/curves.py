"""A training's curves, read back from its TensorBoard event files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR
from tensorboard.util.tensor_util import make_ndarray

EVENT_FILES = "*.tfevents.*"


def read(log_dir: str | os.PathLike[str]) -> dict[str, list[tuple[int, float]]]:
    """Tag → its points (step, value) in the order of the steps; of a step that was written twice, the later write.

    Tags are those of `loop.py`: train/loss, train/top1, train/learning_rate, eval/top1. A killed training that
    went on leaves several files and steps done twice; what a kill cut off within a file is left out. Nothing where
    there is no such folder or file.

    Args:
      log_dir: a Trainer's model_run, which holds the event files themselves.
    """
    written: dict[str, list[tuple[int, float, float]]] = {}
    for file in sorted(Path(log_dir).glob(EVENT_FILES)):
        for tag, point in _scalars(file):
            written.setdefault(tag, []).append(point)
    # In order of (step, time), of which a dict keeps the last value.
    return {tag: list({step: value for step, _, value in sorted(points)}.items()) for tag, points in written.items()}


def _scalars(file: Path) -> Iterator[tuple[str, tuple[int, float, float]]]:
    """(tag, (step, time of writing, value)) as written; TensorBoard's reader ends quietly where a file is cut off."""
    event: Any  # Its protobuf class has no types.
    for event in EventFileLoader(os.fspath(file)).Load():
        for value in event.summary.value:
            if value.metadata.data_class == DATA_CLASS_SCALAR:
                yield value.tag, (event.step, event.wall_time, float(make_ndarray(value.tensor).item()))
