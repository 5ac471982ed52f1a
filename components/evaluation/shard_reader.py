"""From a shard of Examples to batches of decoded pictures, all in tf.data: no picture's bytes pass through Python.

What `mobilenet evaluate` reads with. TFX's Evaluator brings Arrow batches: every JPEG is copied several times for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from trainer.imagenet import ENCODED, FILENAME, HEIGHT, LABEL, NOTE, WIDTH

Decode = Callable[[tf.Tensor], tf.Tensor]  # JPEG bytes, a scalar → [R, R, 3].

_FEATURES = {LABEL: tf.int64, FILENAME: tf.string, HEIGHT: tf.int64, WIDTH: tf.int64, NOTE: tf.string}
_KINDS = {"bytes_list": tf.string, "int64_list": tf.int64, "float_list": tf.float32}


def read(
    shard: str, decodes: Sequence[Decode], *, features: Sequence[str], batch: int
) -> Iterator[tuple[list[np.ndarray], pa.RecordBatch]]:
    """Batches in the shard's order: the pictures by each of `decodes`, float32 [n, R, R, 3], and their columns.

    Args:
      features: columns wanted beside those that every evaluation has; one that the first Example lacks is left out.
      batch: pictures in each but the last.
    """
    specs = {name: tf.io.RaggedFeature(kind) for name, kind in _kinds(shard, features).items()}
    specs[ENCODED] = tf.io.FixedLenFeature([], tf.string)

    def parse(record: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], dict[str, tf.Tensor]]:
        columns = tf.io.parse_single_example(record, specs)
        encoded = columns.pop(ENCODED)
        return tuple(decode(encoded) for decode in decodes), columns  # Of a list tf.data would make one tensor.

    pictures = tf.data.TFRecordDataset(shard).map(parse, tf.data.AUTOTUNE, deterministic=True)
    for images, columns in pictures.ragged_batch(batch).prefetch(tf.data.AUTOTUNE):
        yield [each.numpy() for each in images], _record_batch(columns)


def _kinds(shard: str, features: Sequence[str]) -> dict[str, tf.DType]:
    """The type of each column; of one that we do not know, the first Example tells."""
    first = next(iter(tf.data.TFRecordDataset(shard).take(1).as_numpy_iterator()), b"")
    there = tf.train.Example.FromString(first).features.feature
    told = {name: there[name].WhichOneof("kind") for name in features if name in there}
    return _FEATURES | {name: _KINDS[kind] for name, kind in told.items() if kind}


def _record_batch(columns: Mapping[str, tf.RaggedTensor]) -> pa.RecordBatch:
    """As TFXIO has it: a list for each Example, and no column where every list is empty."""
    parts = {name: (value.row_splits.numpy(), value.values.numpy()) for name, value in columns.items()}
    there = {name: part for name, part in parts.items() if len(part[1])}
    arrays = [pa.ListArray.from_arrays(pa.array(splits, pa.int32()), pa.array(of)) for splits, of in there.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(there))
