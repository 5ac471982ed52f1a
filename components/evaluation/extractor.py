"""The one extractor of an evaluation: each picture decoded once, every model run on it, and counted by the batch.

Stands where tfma.default_extractors has its own. Those want raw tensors, cannot mix SavedModel and .tflite, quantize
inputs by truncation, and hand every picture on alone, at several times the cost of running a small network on it. Here
an extract is a batch's worth of numbers of one slice; the JPEG bytes go no further.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_model_analysis as tfma

from components.evaluation import classifiers, shard_reader
from components.evaluation.classifiers import Classifier, Model, Preprocessing
from components.evaluation.counts import PICTURES
from components.evaluation.outcomes import Outcomes, Pictures, outcomes, with_background
from components.evaluation.slices import Slicer, column, has
from trainer import preprocessing
from trainer.imagenet import ENCODED, FILENAME, LABEL

SHARD = "shard"  # The key of an extract that is a shard's path.
BATCH = 64  # Pictures at a time, at most.
# Decoded at a time: numpy asks for huge pages from 4 MiB on, and the kernel clears them anew for every batch, which
# costs a fifth of decoding.
DECODED_BYTES = (4 << 20) - 1
PROGRESS_SECONDS = 1.0

# TFMA's metrics run behind the extractor that makes the slices, which they know by this name.
STAGE = tfma.extractors.SLICE_KEY_EXTRACTOR_STAGE_NAME
_progress = logging.getLogger("mobilenet.progress")


def predict_extractor(
    models: Sequence[Model], *, slicer: Slicer, classes: int | None = None, total: int | None = None
) -> tfma.extractors.Extractor:
    """Batches of Examples → for each slice in each, the labels and every model's `outcomes`.

    An extract is an Arrow batch, as TFX's Evaluator reads them, or has the path of a whole shard under SHARD.

    Args:
      models: in the order of the EvalConfig. Their paths cross to the workers; they are loaded there.
      slicer: which slices there are.
      classes: of the data, the background included: a model of one output less has none, and gets one. None: not known.
      total: pictures, for the progress that is logged.
    """
    return tfma.extractors.Extractor(stage_name=STAGE, ptransform=_predict(tuple(models), slicer, classes, total))


@beam.ptransform_fn
def _predict(extracts: Any, models: tuple[Model, ...], slicer: Slicer, classes: int | None, total: int | None) -> Any:
    return extracts | "Predict" >> beam.ParDo(_Predict(models, slicer, classes, total))


class _Predict(beam.DoFn):
    """Runs in a worker: loads the models once, then goes through the Examples."""

    def __init__(self, models: tuple[Model, ...], slicer: Slicer, classes: int | None, total: int | None) -> None:
        self._paths, self._slicer, self._classes, self._total = models, slicer, classes, total

    def setup(self) -> None:
        self._models = [classifiers.load(model) for model in self._paths]
        self._ways = tuple({model.preprocessing for model in self._models})
        self._decodes = [functools.partial(_eval_image, how=how) for how in self._ways]
        self._decode_batch = _over_batches(self._decodes)
        self._batch = decoded_batch(max(how.resolution for how in self._ways))
        self._done, self._said = 0, time.monotonic()

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for images, columns in self._batches(extracts):
            pictures = self._pictures(images, columns)
            for key, rows in self._slicer.slices(columns):
                yield {
                    tfma.SLICE_KEY_TYPES_KEY: [key],
                    PICTURES: pictures if rows is None else pictures.of(rows),
                }

    def _batches(self, extracts: dict[str, Any]) -> Iterator[tuple[Sequence[np.ndarray], pa.RecordBatch]]:
        """The decoded pictures by each preprocessing, and the columns beside them."""
        if SHARD in extracts:
            features = self._slicer.features
            yield from shard_reader.read(extracts[SHARD], self._decodes, features=features, batch=self._batch)
            return
        batch = extracts[tfma.ARROW_RECORD_BATCH_KEY]
        for start in range(0, batch.num_rows, self._batch):
            part = batch.slice(start, self._batch)
            yield [images.numpy() for images in self._decode_batch(tf.constant(column(part, ENCODED), tf.string))], part

    def _pictures(self, images: Sequence[np.ndarray], columns: pa.RecordBatch) -> Pictures:
        labels = column(columns, LABEL).astype(np.int64)
        decoded = dict(zip(self._ways, images, strict=True))
        found = tuple(
            self._outcomes(model, path.order, decoded[model.preprocessing], labels)
            for model, path in zip(self._models, self._paths, strict=True)
        )
        self._report(len(labels))
        return Pictures(labels, found, column(columns, FILENAME) if has(columns, FILENAME) else None)

    def _outcomes(
        self, model: Classifier, order: tuple[int, ...] | None, images: np.ndarray, labels: np.ndarray
    ) -> Outcomes:
        probabilities = model.probabilities(images)
        if order is not None:
            probabilities = probabilities[:, list(order)]
        if self._classes is not None and probabilities.shape[1] == self._classes - 1:
            probabilities = with_background(probabilities)
        return outcomes(probabilities, labels, sha256=model.sha256, runtime=model.runtime)

    def _report(self, pictures: int) -> None:
        self._done += pictures
        if time.monotonic() - self._said >= PROGRESS_SECONDS:
            self._said = time.monotonic()
            values = {"task": "measure", "done": self._done, "total": self._total}
            _progress.info("%d pictures measured", self._done, extra={"progress": values})


def decoded_batch(resolution: int) -> int:
    """Pictures whose float32 [n, R, R, 3] stays under DECODED_BYTES; at least one."""
    return max(1, min(BATCH, DECODED_BYTES // (resolution**2 * 3 * 4)))


def _eval_image(encoded: tf.Tensor, *, how: Preprocessing) -> tf.Tensor:
    return preprocessing.eval_image(encoded, **dataclasses.asdict(how))


def _over_batches(decodes: Sequence[shard_reader.Decode]) -> Callable[[tf.Tensor], Sequence[tf.Tensor]]:
    """JPEG bytes [n] → for each of `decodes` float32 [n, R, R, 3]."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def decode(encoded: tf.Tensor) -> list[tf.Tensor]:
        return [tf.map_fn(one, encoded, fn_output_signature=tf.float32) for one in decodes]

    return decode
