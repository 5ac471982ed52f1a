"""The pictures of `mobilenet debug-quantization`, as the model sees them: of Examples, of folders, of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.sources import record_files
from pipeline.analysis.drift_inputs import DebugError
from pipeline.evaluate import data as evaluated_data
from pipeline.release import pictures, predict
from trainer import eval_image, export, input_pipeline

Follow = Callable[[str, Iterable[Any], int], Iterable[Any]]  # (what it is, the work, how much) → the work, followed.


def read(data: Sequence[Path], described: export.Description, limit: int, follow: Follow) -> np.ndarray:
    """At most `limit` pictures: the first of the shards, or spread evenly over all files.

    Returns:
      Float32 [n, R, R, 3] in [-1, 1], with the model's own central crop.

    Raises:
      DebugError, PredictError: there are none, or some cannot be read.
    """
    shards = [file for path in data for file in _shards(path)]
    if shards:
        if others := [str(path) for path in data if not _shards(path)]:
            raise DebugError(f"got shards of Examples and {', '.join(others)}: give one kind of data.")
        return _of_shards(shards, described, limit, follow)
    files = [file for path in data for file in _pictures(path)]
    if not files:
        raise DebugError(
            f"no pictures in {', '.join(map(str, data))}: wanted shards of Examples, or JPEG, PNG, GIF, BMP "
            "or WebP files."
        )
    chosen = [files[place * len(files) // limit] for place in range(limit)] if len(files) > limit else files
    side, how = described.resolution, described.preprocessing
    given = [pictures.Given(str(file)) for file in chosen]
    batches = [given[start : start + predict.BATCH] for start in range(0, len(given), predict.BATCH)]
    followed = follow("reading pictures", batches, len(batches))
    return np.concatenate([pictures.decode(batch, resolution=side, how=how) for batch in followed])


def _shards(path: Path) -> list[str]:
    if path.is_file() and not record_files.is_shard(path.name):
        return []
    found = evaluated_data.find(path)
    return found.files if found else []


def _pictures(path: Path) -> list[Path]:
    if path.is_dir():
        return pictures.within(path)
    return [path]  # What it holds decides, and that it is there.


def _of_shards(shards: list[str], described: export.Description, limit: int, follow: Follow) -> np.ndarray:
    records = tf.data.TFRecordDataset(shards).map(lambda record: input_pipeline.parse(record)[0]).take(limit)
    try:
        encoded = list(follow("reading pictures", records.as_numpy_iterator(), limit))
    except tf.errors.OpError as error:
        kind = type(error).__name__
        raise DebugError(f"{', '.join(shards)} cannot be read as Examples with pictures ({kind}). Whole?") from error
    if not encoded:
        raise DebugError(f"no pictures in {', '.join(shards)}: wanted at least one.")
    side, fraction = described.resolution, described.central_fraction
    return np.stack([eval_image.eval_image(jpeg, resolution=side, central_fraction=fraction) for jpeg in encoded])
