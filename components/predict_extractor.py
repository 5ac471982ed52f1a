"""The predict extractor: each picture decoded once, every model run on it, the JPEG bytes dropped.

Stands where tfma.default_extractors has its own, which wants raw tensors, cannot mix SavedModel and .tflite, and
quantizes inputs by truncation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma

from components import classifiers
from components.classifiers import Classifier, Preprocessing
from components.outcomes import outcomes
from trainer import preprocessing
from trainer.imagenet import ENCODED, LABEL

SHA256 = "sha256"
STAGE = "ExtractPredictions"
BATCH = 32  # Pictures decoded at a time: 19 MB at 224 px, and as fast as any larger batch.

_FEATURES = "features"  # TFMA's names for the parts of its extracts.
_INPUT = "input"
_PREDICTIONS = "predictions"


def predict_extractor(models: Mapping[str, str], *, keep: Sequence[str] = ()) -> tfma.extractors.Extractor:
    """Adds what `outcomes` keeps of each picture, and the file's SHA-256, under the name of each model.

    Args:
      models: name → Format-Serving directory. Paths cross to the workers; models are loaded there.
      keep: features that slices are made of. All others are dropped: from here on a picture is some twenty numbers.
    """
    return tfma.extractors.Extractor(stage_name=STAGE, ptransform=_predict(dict(models), tuple(keep)))


@beam.ptransform_fn
def _predict(extracts: Any, models: dict[str, str], keep: tuple[str, ...]) -> Any:
    return extracts | "Predict" >> beam.ParDo(_Predict(models, keep))


class _Predict(beam.DoFn):
    """Runs in a worker: loads the models once, then goes through the batches of Examples that TFXIO parsed."""

    def __init__(self, models: dict[str, str], keep: tuple[str, ...]) -> None:
        self._paths = models
        self._keep = keep

    def setup(self) -> None:
        self._models = {name: classifiers.load(path) for name, path in self._paths.items()}
        shared = {model.preprocessing for model in self._models.values()}
        self._decoders = {how: decoder(how) for how in shared}

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        features = extracts[_FEATURES]
        encoded, labels = _flat(features[ENCODED], ENCODED), _flat(features[LABEL], LABEL).astype(np.int64)
        parts = [slice(start, start + BATCH) for start in range(0, len(labels), BATCH)]
        results = [self._run(encoded[part], labels[part]) for part in parts]
        by_model = {name: _joined([result[name] for result in results]) for name in self._models}
        predictions = by_model if len(by_model) > 1 else next(iter(by_model.values()))  # TFMA's convention.
        kept = {name: features[name] for name in self._keep if name in features}
        rest = {key: value for key, value in extracts.items() if key != _INPUT}
        yield {**rest, _FEATURES: kept, _PREDICTIONS: predictions}

    def _run(self, encoded: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        images = {how: decode(encoded) for how, decode in self._decoders.items()}
        return {name: _outcomes(model, images[model.preprocessing], labels) for name, model in self._models.items()}


def decoder(how: Preprocessing) -> Callable[[np.ndarray], np.ndarray]:
    """JPEG bytes [n] → float32 [n, R, R, 3], each picture by `preprocessing.eval_image`."""

    def eval_image(encoded: tf.Tensor) -> tf.Tensor:
        return preprocessing.eval_image(encoded, resolution=how.resolution, central_fraction=how.central_fraction)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def eval_images(encoded: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(eval_image, encoded, fn_output_signature=tf.float32)

    return lambda encoded: eval_images(tf.constant(encoded, tf.string)).numpy()


def _outcomes(model: Classifier, images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    results = outcomes(model.probabilities(images), labels)
    return {**results, SHA256: np.full(len(labels), model.sha256, object)}


def _flat(values: Any, name: str) -> np.ndarray:
    """A feature that each picture has one value of, as TFXIO parsed it: [n, 1] → [n]."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != 1:
        raise ValueError(f"got {name} as {type(values).__name__}, wanted exactly one value in every example.")
    return values[:, 0]


def _joined(results: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {key: np.concatenate([result[key] for result in results]) for key in results[0]}
