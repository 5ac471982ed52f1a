"""The int8 file on pictures that it was trained on, against its own network with the statistics of the batch.

Batch norm has two modes. A network may be right in the one that trains it and wrong in the one that is shipped: where
the moving averages lag behind the weights, after few steps, everything becomes one class. No eval picture tells that
from a network that learned nothing.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.conversion.artifact import INT8
from components.evaluation.scores import PairedCounts
from components.gate.networks import Networks
from components.gate.provenance_records import Parts
from trainer import export, input_pipeline
from trainer.imagenet import TRAIN
from trainer.tflite.runner import Runner

PICTURES = 512  # The first of the shards, which lie in the order of a hash: a sample.
_BATCH = 64


def measure(parts: Parts, networks: Networks) -> PairedCounts:
    """Both on the sample, as evaluation shows it: the network is the baseline, the file the candidate.

    The network is in float and has the weights that quantization-aware training ended with.

    Raises:
      TFLiteError: the file cannot be run.
      OSError, ValueError: a model or the shards cannot be read.
    """
    network, described = networks.unrounded(parts.qat_model)
    runner = Runner((parts.tflite / INT8).read_bytes())
    images, labels = _pictures(parts, described)
    run = tf.function(lambda batch: network(batch, training=True), autograph=False, reduce_retracing=True)
    batches = np.array_split(images, max(1, len(images) // _BATCH))  # None much smaller than the others.
    wanted = np.concatenate([run(tf.constant(batch)).numpy() for batch in batches])
    return _counts(labels, wanted.argmax(axis=1), runner.quantized(images).argmax(axis=1), classes=described.classes)


def _pictures(parts: Parts, described: export.Description) -> tuple[np.ndarray, np.ndarray]:
    """Float32 [n, R, R, 3] in [-1, 1] and labels int64 [n]."""
    batches = input_pipeline.eval_dataset(
        [str(parts.examples / f"Split-{TRAIN}" / "*")],
        resolution=described.resolution,
        central_fraction=described.central_fraction,
        batch_size=_BATCH,
    )
    images, labels = zip(*batches.take(PICTURES // _BATCH).as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _counts(labels: np.ndarray, network: np.ndarray, file: np.ndarray, *, classes: int) -> PairedCounts:
    def by_label(which: np.ndarray) -> np.ndarray:
        return np.bincount(labels[which], minlength=classes)

    one, other = network == labels, file == labels
    return PairedCounts(
        by_label(one & other), by_label(one & ~other), by_label(~one & other), by_label(~one & ~other),
        agreed=int((network == file).sum()),
    )  # fmt: skip
