"""Models as the evaluation sees them: pictures in, probabilities out, whatever the file format."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tf_keras.src.saving.serialization_lib import SafeModeScope

from components.conversion.artifact import CONVERSION, CONVERSION_FORMAT, INT8
from trainer import export, quantizers
from trainer.file_format import FileFormat
from trainer.imagenet import CENTRAL_FRACTION
from trainer.keras import keras
from trainer.tflite.guard import GuardedRunner

KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")
TFLITE_SUFFIX = ".tflite"
_SIGNATURES = ("serving_image", "serving_default")  # The first takes pictures in every model of ours.
_OUTPUTS = ("probabilities", "logits")
_SUM = 1e-2  # How far the sum of a float softmax may be from 1; logits are further off.


class ModelError(ValueError):
    """A file or folder that is no picture classifier which can be run here."""


@dataclass(frozen=True)
class Model:
    """Where a model lies: a path crosses to the workers, an interpreter cannot."""

    name: str
    path: str  # A file or a folder; a URI for workers elsewhere.
    central_fraction: float | None = None  # Of each side. None: what the model says of itself, else the reference's.


@dataclass(frozen=True)
class Preprocessing:
    """Models with equal preprocessing share the decoded pictures."""

    resolution: int  # Pixels.
    central_fraction: float  # Of each side.


class Classifier(Protocol):
    """A loaded model. Not to be pickled: load it where it runs."""

    @property
    def preprocessing(self) -> Preprocessing: ...

    @property
    def sha256(self) -> str:
        """Of the evaluated file; of a SavedModel, over its graph and variables. Hexadecimal."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it, with its version."""
        ...

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]."""
        ...


def load(model: Model) -> Classifier:
    """A .tflite file; a TFLite artifact's folder; a Keras file; a SavedModel, of our trainers or of anybody's.

    Raises:
      ModelError: nothing of these, or no classifier of square colour pictures.
    """
    if model.path.endswith(TFLITE_SUFFIX):
        return TFLiteClassifier(model, model.path)
    if model.path.endswith(KERAS_SUFFIXES):
        return KerasClassifier(model)
    if tf.io.gfile.exists(os.path.join(model.path, INT8)):
        return TFLiteClassifier(model, os.path.join(model.path, INT8))
    if tf.io.gfile.exists(os.path.join(model.path, "saved_model.pb")):
        return SavedModelClassifier(model)
    raise ModelError(
        f"{model.path} is no model that is known here: wanted a .tflite file, a SavedModel's folder, a Keras file "
        f"({', '.join(KERAS_SUFFIXES)}), a release bundle or a TF1 checkpoint."
    )


class TFLiteClassifier:
    """A .tflite file on one thread of ai-edge-litert: the evaluation's workers are the parallelism."""

    def __init__(self, model: Model, path: str) -> None:
        file = _read(path)
        self._runner = GuardedRunner(file)
        self.runtime = self._runner.runtime
        self._softmax = any(operator.name == "SOFTMAX" for operator in self._runner.graph.operators)
        said = _json(os.path.join(os.path.dirname(path), CONVERSION), CONVERSION_FORMAT).get("preprocessing", {})
        self.preprocessing = _preprocessing(model, self._runner.graph.resolution, said)
        self.sha256 = hashlib.sha256(file).hexdigest()

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        outputs = self._runner.probabilities(images)
        # With few steps a row of a quantized softmax need not add up to 1: of many equal outputs each rounds to 0.
        return outputs if self._softmax else _probabilities(outputs)


class SavedModelClassifier:
    """A SavedModel, through the signature that takes pictures: ours has `serving_image`, others `serving_default`."""

    runtime = f"TensorFlow {tf.__version__}"

    def __init__(self, model: Model) -> None:
        files = [os.path.join(model.path, "saved_model.pb")]
        folder = os.path.join(model.path, "variables")
        names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
        files += sorted(os.path.join(folder, name) for name in names)
        self.sha256 = hashlib.sha256(b"".join(_read(file) for file in files)).hexdigest()
        self._model = tf.saved_model.load(model.path)  # Its variables live as long as it does.
        self._signature = _signature(model, self._model)
        [(self._input, spec)] = self._signature.structured_input_signature[1].items()
        outputs = self._signature.structured_outputs
        self._output = next((name for name in _OUTPUTS if name in outputs), next(iter(outputs)))
        # Not by export.read_description: Dataflow's workers have a URI here, where that reads folders.
        said = _json(os.path.join(model.path, export.KERAS, export.DESCRIPTION_FILE), export.DESCRIPTION_FORMAT)
        self.preprocessing = _preprocessing(model, _side(model, spec.shape.as_list()), said)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return _probabilities(self._signature(**{self._input: tf.constant(images)})[self._output].numpy())


class KerasClassifier:
    """A whole model as Keras 2 saves it, fake-quantized or not. Code inside it (Lambda layers) is not run."""

    runtime = f"TensorFlow {tf.__version__}"

    def __init__(self, model: Model) -> None:
        file = _read(model.path)
        self.sha256 = hashlib.sha256(file).hexdigest()
        self._model = _load_keras(model)
        self.preprocessing = _preprocessing(model, _side(model, list(self._model.input_shape)), {})
        self._predict: Callable[..., Any] = tf.function(self._model, autograph=False)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return _probabilities(self._predict(tf.constant(images), training=False).numpy())


def _load_keras(model: Model) -> keras.Model:
    try:
        # For HDF5 files Keras 2 drops `safe_mode` on its way; within the scope it holds.
        with SafeModeScope(True), tfmot.quantization.keras.quantize_scope(quantizers.custom_objects()):
            return keras.models.load_model(model.path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, ImportError, KeyError) as error:
        raise ModelError(
            f"{model.path} is no model that Keras 2 loads: {str(error).splitlines()[0][:200]} Save it with tf_keras, "
            "or as a SavedModel."
        ) from error


def _signature(model: Model, loaded: Any) -> Any:
    for name in _SIGNATURES:
        signature = loaded.signatures.get(name)
        inputs = list(signature.structured_input_signature[1].values()) if signature else []
        if len(inputs) == 1 and inputs[0].dtype == tf.float32:
            return signature
    raise ModelError(
        f"{model.path} has the signatures {', '.join(loaded.signatures) or '(none)'}: wanted "
        f"{' or '.join(_SIGNATURES)} with float pictures [n, R, R, 3] in [-1, 1] as its one input."
    )


def _side(model: Model, shape: list[int | None]) -> int:
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2] or not shape[1]:
        raise ModelError(f"{model.path} takes {shape}: wanted square colour pictures of a fixed size, [n, R, R, 3].")
    return shape[1]


def _preprocessing(model: Model, resolution: int, said: dict[str, Any]) -> Preprocessing:
    fraction = model.central_fraction or said.get("central_fraction", CENTRAL_FRACTION)
    return Preprocessing(resolution, float(fraction))


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    """Float [n, C]: as they are where each row is a distribution, else the softmax of them."""
    if outputs.ndim != 2:
        raise ModelError(f"the model gives {list(outputs.shape)}: wanted [n, classes].")
    if outputs.min(initial=0) >= 0 and np.abs(outputs.sum(axis=1) - 1).max(initial=0) <= _SUM:
        return outputs
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _json(path: str, file_format: FileFormat) -> dict[str, Any]:
    """{} where there is no such file."""
    return file_format.checked(json.loads(_read(path)), path) if tf.io.gfile.exists(path) else {}


def _read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()
