"""TFRecord shards → batched tf.data, in an order that is a function of (seed, epoch) alone.

So a killed run goes on at the very picture where it stopped: the records before it are skipped undecoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from trainer import preprocessing
from trainer.imagenet import ENCODED, LABEL

SHUFFLE_RECORDS = 20_000  # Encoded pictures: about 2 GB of ImageNet, all of a small data set.
READERS = 8  # Shards read in turn, so that neighbours in a shard do not meet in a batch.

_FEATURES = {
    ENCODED: tf.io.FixedLenFeature([], tf.string),
    LABEL: tf.io.FixedLenFeature([], tf.int64),
}


class InputError(ValueError):
    """No shards where examples were expected."""


@dataclass(frozen=True)
class Share:
    """Worker i of n takes the i-th n-th of every global batch, in as many batches as it has replicas."""

    worker: int = 0
    workers: int = 1
    replicas: int = 1  # Of this worker.


WHOLE = Share()


def train_dataset(
    files: Sequence[str],
    *,
    train_image: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    batch_size: int,
    seed: int,
    epoch: int,
    skip_batches: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """One epoch of (images float32 [b, R, R, 3], labels int64 [b]); the last, smaller batch is left out.

    Args:
      files: shard paths or glob patterns.
      train_image: (JPEG bytes, seed int64 [2]) → picture; its seed depends on (seed, epoch, position) alone.
      batch_size: of the global batch. All workers read all records in the same order, and decode their own share.
      skip_batches: how many batches of this epoch were trained on before.
      share: which part of every global batch; b = batch_size / (share.workers * share.replicas).
    """
    order = seed + 1_000_003 * epoch
    paths = tf.data.Dataset.from_tensor_slices(shards(files)).shuffle(1 << 16, order, reshuffle_each_iteration=False)
    records = paths.interleave(
        tf.data.TFRecordDataset, cycle_length=READERS, num_parallel_calls=READERS, deterministic=True
    )
    records = records.shuffle(SHUFFLE_RECORDS, order, reshuffle_each_iteration=False).enumerate()

    def example(position: tf.Tensor, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = parse(record)
        return train_image(encoded, tf.stack([tf.constant(order, tf.int64), position])), label

    records = _shared_out(records.skip(skip_batches * batch_size), batch_size, share)
    pictures = records.map(example, tf.data.AUTOTUNE, deterministic=True)
    return _batched(pictures, batch_size // (share.workers * share.replicas), drop_remainder=True)


def eval_dataset(files: Sequence[str], *, resolution: int, central_fraction: float, batch_size: int) -> tf.data.Dataset:
    """All pictures in the order of the shards: (images float32 [b, R, R, 3], labels int64 [b])."""

    def example(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = parse(record)
        return preprocessing.eval_image(encoded, resolution=resolution, central_fraction=central_fraction), label

    records = tf.data.TFRecordDataset(shards(files))
    return _batched(records.map(example, tf.data.AUTOTUNE, deterministic=True), batch_size, drop_remainder=False)


def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A serialized tf.Example → (JPEG bytes, label 1…N)."""
    features = tf.io.parse_single_example(record, _FEATURES)
    return features[ENCODED], features[LABEL]


def shards(files: Sequence[str]) -> list[str]:
    """Paths and glob patterns → the sorted paths of the shards."""
    found = sorted({path for pattern in files for path in tf.io.gfile.glob(pattern)})
    if not found:
        raise InputError(f"no TFRecord shards at {', '.join(files)}: wanted at least one. Is the split empty?")
    return found


def _shared_out(records: tf.data.Dataset, batch_size: int, share: Share) -> tf.data.Dataset:
    """Of every whole global batch the records of this worker, still encoded: its slice, in the batch's order."""
    if share.workers == 1:
        return records
    size = batch_size // share.workers
    first = size * share.worker

    def mine(position: tf.Tensor, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return position[first : first + size], record[first : first + size]

    return records.batch(batch_size, drop_remainder=True).map(mine).unbatch()


def _batched(pictures: tf.data.Dataset, batch_size: int, *, drop_remainder: bool) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    batches = pictures.batch(batch_size, drop_remainder=drop_remainder).prefetch(tf.data.AUTOTUNE)
    return batches.with_options(options)
