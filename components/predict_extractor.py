"""The one extractor of an evaluation: each picture decoded once, every model run on it, and counted by the batch.

Stands where tfma.default_extractors has its own. Those want raw tensors, cannot mix SavedModel and .tflite, quantize
inputs by truncation, and hand every picture on alone, at several times the cost of running a small network on it. Here
an extract is a batch's worth of numbers of one slice; the JPEG bytes go no further.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_model_analysis as tfma

from components import classifiers
from components.classifiers import Classifier, Model, Preprocessing
from components.outcomes import Outcomes, Pictures, joined, outcomes, with_background
from components.picture_counts import PICTURES
from components.picture_slices import Slicer, column, has
from trainer import preprocessing
from trainer.imagenet import ENCODED, FILENAME, LABEL

BATCH = 64  # Pictures decoded at a time: 39 MB at 224 px, and as fast as any larger batch.
PROGRESS_SECONDS = 1.0

# TFMA's metrics run behind the extractor that makes the slices, which they know by this name.
STAGE = tfma.extractors.SLICE_KEY_EXTRACTOR_STAGE_NAME
_progress = logging.getLogger("mobilenet.progress")


def predict_extractor(
    models: Sequence[Model], *, slicer: Slicer, classes: int | None = None, total: int | None = None
) -> tfma.extractors.Extractor:
    """A batch of Examples → for each slice in it, the labels and every model's `outcomes`.

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
    """Runs in a worker: loads the models once, then goes through the batches of Examples that TFXIO parsed."""

    def __init__(self, models: tuple[Model, ...], slicer: Slicer, classes: int | None, total: int | None) -> None:
        self._paths, self._slicer, self._classes, self._total = models, slicer, classes, total

    def setup(self) -> None:
        self._models = [classifiers.load(model) for model in self._paths]
        self._decoders = {how: decoder(how) for how in {model.preprocessing for model in self._models}}
        self._done, self._said = 0, time.monotonic()

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        batch = extracts[tfma.ARROW_RECORD_BATCH_KEY]
        pictures = self._pictures(batch)
        for key, rows in self._slicer.slices(batch):
            yield {
                tfma.SLICE_KEY_TYPES_KEY: [key],
                PICTURES: pictures if rows is None else pictures.of(rows),
            }

    def _pictures(self, batch: pa.RecordBatch) -> Pictures:
        encoded, labels = column(batch, ENCODED), column(batch, LABEL).astype(np.int64)
        parts = [slice(start, start + BATCH) for start in range(0, len(labels), BATCH)]
        results = [self._run(encoded[part], labels[part]) for part in parts]
        found = tuple(joined(of_model) for of_model in zip(*results, strict=True))
        return Pictures(labels, found, column(batch, FILENAME) if has(batch, FILENAME) else None)

    def _run(self, encoded: np.ndarray, labels: np.ndarray) -> list[Outcomes]:
        images = {how: decode(encoded) for how, decode in self._decoders.items()}
        results = [self._outcomes(model, images[model.preprocessing], labels) for model in self._models]
        self._report(len(labels))
        return results

    def _outcomes(self, model: Classifier, images: np.ndarray, labels: np.ndarray) -> Outcomes:
        probabilities = model.probabilities(images)
        if self._classes is not None and probabilities.shape[1] == self._classes - 1:
            probabilities = with_background(probabilities)
        return outcomes(probabilities, labels, sha256=model.sha256, runtime=model.runtime)

    def _report(self, pictures: int) -> None:
        self._done += pictures
        if time.monotonic() - self._said >= PROGRESS_SECONDS:
            self._said = time.monotonic()
            values = {"task": "measure", "done": self._done, "total": self._total}
            _progress.info("%d pictures measured", self._done, extra={"progress": values})


def decoder(how: Preprocessing) -> Callable[[np.ndarray], np.ndarray]:
    """JPEG bytes [n] → float32 [n, R, R, 3], each picture by `preprocessing.eval_image`."""

    def eval_image(encoded: tf.Tensor) -> tf.Tensor:
        return preprocessing.eval_image(encoded, resolution=how.resolution, central_fraction=how.central_fraction)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def eval_images(encoded: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(eval_image, encoded, fn_output_signature=tf.float32)

    return lambda encoded: eval_images(tf.constant(encoded, tf.string)).numpy()
