"""Models as the evaluation sees them: pictures in, probabilities out, whatever the file format."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from components.tflite_artifact import CONVERSION, INT8
from trainer import export, tflite


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

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]."""
        ...


def load(serving_dir: str) -> Classifier:
    """The .tflite file under `serving_dir`, a folder or a URI, if there is one, else the SavedModel that it is."""
    if tf.io.gfile.exists(os.path.join(serving_dir, INT8)):
        return TFLiteClassifier(serving_dir)
    return SavedModelClassifier(serving_dir)


class TFLiteClassifier:
    """A .tflite file on one thread of ai-edge-litert: the evaluation's workers are the parallelism."""

    def __init__(self, serving_dir: str) -> None:
        file = _read(os.path.join(serving_dir, INT8))
        self.preprocessing = _preprocessing(json.loads(_read(os.path.join(serving_dir, CONVERSION)))["preprocessing"])
        self.sha256 = hashlib.sha256(file).hexdigest()
        self._runner = tflite.Runner(file, threads=1)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return self._runner.probabilities(images)


class SavedModelClassifier:
    """A SavedModel of the trainers, through its signature `serving_image`."""

    def __init__(self, serving_dir: str) -> None:
        # Not by export.read_description: Dataflow's workers have a URI here, where that reads folders.
        described = json.loads(_read(os.path.join(serving_dir, export.KERAS, export.DESCRIPTION_FILE)))
        self.preprocessing = _preprocessing(described)
        files = [os.path.join(serving_dir, "saved_model.pb")]
        files += sorted(tf.io.gfile.glob(os.path.join(serving_dir, "variables", "*")))
        self.sha256 = hashlib.sha256(b"".join(_read(file) for file in files)).hexdigest()
        self._model = tf.saved_model.load(serving_dir)  # Its variables live as long as it does.
        self._signature = self._model.signatures["serving_image"]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return self._signature(images=tf.constant(images))["probabilities"].numpy()


def _preprocessing(described: dict[str, Any]) -> Preprocessing:
    return Preprocessing(int(described["resolution"]), float(described["central_fraction"]))


def _read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()
