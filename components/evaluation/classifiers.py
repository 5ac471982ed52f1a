"""Models as the evaluation sees them: pictures in, probabilities out, whatever the file format."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tf_keras.src.saving.serialization_lib import SafeModeScope

from components.conversion.artifact import CONVERSION, CONVERSION_FORMAT, INT8
from trainer import export, quantizers
from trainer.file_format import FileFormat
from trainer.keras import keras
from trainer.outputs import probabilities as as_probabilities
from trainer.pictures import record, scaling
from trainer.pictures.record import DEFAULT, Aspect, Kernel
from trainer.pictures.record import Preprocessing as Record
from trainer.tflite import classifier as tflite_classifier
from trainer.tflite import feeding
from trainer.tflite.graph import Graph
from trainer.tflite.guard import GuardedRunner

KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")
TFLITE_SUFFIX = ".tflite"
_SIGNATURES = ("serving_image", "serving_default")  # The first takes pictures in every model of ours.
_OUTPUTS = ("probabilities", "logits")


class ModelError(ValueError):
    """A file or folder that is no picture classifier which can be run here."""


@dataclass(frozen=True)
class Model:
    """Where a model lies: a path crosses to the workers, an interpreter cannot.

    Attributes:
        path: A file or a folder; a URI for workers elsewhere.
        central_fraction: Of each side, whatever the model says. None: what it says of itself, else the reference's.
        said: What its release says of the preprocessing, as trainer.pictures.record.fields reads it.
        unsaid: What is taken where neither says anything, likewise.
        order: Its outputs in the order of the data's labels, with the background or without; None: as they come.
    """

    name: str
    path: str
    central_fraction: float | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    unsaid: Mapping[str, Any] = field(default_factory=dict)
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Preprocessing:
    """Models with equal preprocessing share the decoded pictures."""

    resolution: int  # Pixels.
    central_fraction: float  # Of each side.
    kernel: Kernel = DEFAULT.kernel
    aspect: Aspect = DEFAULT.aspect


class Classifier(Protocol):
    """A loaded model. Not to be pickled: load it where it runs."""

    @property
    def resolution(self) -> int:
        """Pixels a side."""
        ...

    @property
    def record(self) -> Record:
        """What is done to a picture for it, all of it."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """The part of it that is done before `probabilities`."""
        ...

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
      ModelError: nothing of these, or no classifier of square colour pictures; it names the model.
    """
    with _named(model):
        return _load(model)


@contextlib.contextmanager
def _named(model: Model) -> Iterator[None]:
    """Errors of others (of a file's parts, of its records) do not know whose file it is."""
    try:
        yield
    except ValueError as error:
        known = isinstance(error, ModelError) and (model.path in str(error) or model.name in str(error))
        raise error if known else ModelError(f"{model.name or model.path}: {error}") from error


def record_of(model: Model) -> Record:
    """What is done to a picture for a model, without loading it.

    Raises:
      ModelError: it says what no preprocessing can do.
    """
    with _named(model):
        if path := _tflite_path(model):
            file = _read(path)
            with contextlib.closing(GuardedRunner(file)) as runner:  # A stranger's file is not read here first.
                return _record(model, _tflite_said(file, path, runner.graph))
        return _record(model, {} if model.path.endswith(KERAS_SUFFIXES) else _said(model.path))


def _load(model: Model) -> Classifier:
    if path := _tflite_path(model):
        return TFLiteClassifier(model, path)
    if model.path.endswith(KERAS_SUFFIXES):
        return KerasClassifier(model)
    if tf.io.gfile.exists(os.path.join(model.path, "saved_model.pb")):
        return SavedModelClassifier(model)
    raise ModelError(
        f"{model.path} is no model that is known here: wanted a .tflite file, a SavedModel's folder, a Keras file "
        f"({', '.join(KERAS_SUFFIXES)}), a release bundle or a TF1 checkpoint."
    )


def _tflite_path(model: Model) -> str | None:
    """Of the file itself or of the one that ships in an artifact's folder."""
    if model.path.endswith(TFLITE_SUFFIX):
        return model.path
    path = os.path.join(model.path, INT8)
    return path if tf.io.gfile.exists(path) else None


def _record(model: Model, said: Mapping[str, Any]) -> Record:
    given = {} if model.central_fraction is None else {"central_fraction": model.central_fraction}
    return Record(**{**model.unsaid, **said, **model.said, **given})


class _Loaded:
    """What models of all formats have in common."""

    def __init__(self, model: Model, resolution: int, said: Mapping[str, Any]) -> None:
        self.model, self.resolution, self.record = model, resolution, _record(model, said)

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing(self.resolution, self.record.central_fraction, self.record.kernel, self.record.aspect)


class TFLiteClassifier(_Loaded):
    """A .tflite file on one thread of ai-edge-litert: the evaluation's workers are the parallelism."""

    def __init__(self, model: Model, path: str) -> None:
        file = _read(path)
        self._runner = GuardedRunner(file)
        self.runtime = self._runner.runtime
        self.sha256 = hashlib.sha256(file).hexdigest()
        graph = self._runner.graph
        super().__init__(model, graph.resolution, _tflite_said(file, path, graph))
        if fault := feeding.fault(graph, self.record):
            raise ModelError(f"{model.name}: {fault}")

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        with _named(self.model):
            return tflite_classifier.probabilities(self._runner, images, self.record)


class SavedModelClassifier(_Loaded):
    """A SavedModel, through the signature that takes pictures: ours has `serving_image`, others `serving_default`."""

    runtime = f"TensorFlow {tf.__version__}"

    def __init__(self, model: Model) -> None:
        files = [os.path.join(model.path, "saved_model.pb")]
        folder = os.path.join(model.path, "variables")
        names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
        files += sorted(os.path.join(folder, name) for name in names)
        self.sha256 = hashlib.sha256(b"".join(_read(file) for file in files)).hexdigest()
        self._loaded = tf.saved_model.load(model.path)  # Its variables live as long as it does.
        self._signature = _signature(model, self._loaded)
        [(self._input, spec)] = self._signature.structured_input_signature[1].items()
        outputs = self._signature.structured_outputs
        self._output = next((name for name in _OUTPUTS if name in outputs), next(iter(outputs)))
        super().__init__(model, _side(model, spec.shape.as_list()), _said(model.path))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        fed = tf.constant(scaling.scaled(images, self.record))
        with _named(self.model):
            return as_probabilities(self._signature(**{self._input: fed})[self._output].numpy())


class KerasClassifier(_Loaded):
    """A whole model as Keras 2 saves it, fake-quantized or not. Code inside it (Lambda layers) is not run."""

    runtime = f"TensorFlow {tf.__version__}"

    def __init__(self, model: Model) -> None:
        file = _read(model.path)
        self.sha256 = hashlib.sha256(file).hexdigest()
        self._loaded = _load_keras(model)
        super().__init__(model, _side(model, list(self._loaded.input_shape)), {})
        self._predict: Callable[..., Any] = tf.function(self._loaded, autograph=False)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        fed = tf.constant(scaling.scaled(images, self.record))
        with _named(self.model):
            return as_probabilities(self._predict(fed, training=False).numpy())


def _tflite_said(file: bytes, path: str, graph: Graph) -> dict[str, Any]:
    """What the file says, and over it what its converter left beside it."""
    beside = _json(os.path.join(os.path.dirname(path), CONVERSION), CONVERSION_FORMAT).get("preprocessing", {})
    return {**feeding.said(file, graph), **record.fields(beside, CONVERSION)}


def _said(folder: str) -> dict[str, Any]:
    """What a SavedModel of ours says, in its assets, else in the description beside it."""
    asset = os.path.join(folder, export.ASSETS, export.PREPROCESSING_FILE)
    if tf.io.gfile.exists(asset):
        return record.fields(_json(asset, export.PREPROCESSING_FORMAT), asset)
    # Not by export.read_description: Dataflow's workers have a URI here, where that reads folders.
    described = os.path.join(folder, export.KERAS, export.DESCRIPTION_FILE)
    return record.fields(_json(described, export.DESCRIPTION_FORMAT), described)


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


def _json(path: str, file_format: FileFormat) -> dict[str, Any]:
    """{} where there is no such file."""
    return file_format.checked(json.loads(_read(path)), path) if tf.io.gfile.exists(path) else {}


def _read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()
