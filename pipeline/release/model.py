"""What `mobilenet predict` is given, a bundle, a .tflite file or a SavedModel, as something that predicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.release import bundle
from pipeline.release.pictures import PredictError
from pipeline.terminal import silence
from trainer import label_lines
from trainer.pictures import record
from trainer.pictures.record import Preprocessing
from trainer.tflite import classifier as tflite_classifier
from trainer.tflite.classifier import Classifier
from trainer.tflite.graph import TFLiteError

SAVED_MODEL = "saved_model.pb"
_LABELS = Path("assets", "labels.txt")


@dataclass(frozen=True)
class Opened:
    """A model, and what it says of itself."""

    labels: Sequence[str]
    resolution: int  # Pixels.
    preprocessing: Preprocessing
    probabilities: Callable[[np.ndarray], np.ndarray]  # Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C].


def open_model(path: Path) -> Opened:
    """A bundle's int8 file; a .tflite file or a SavedModel, in its bundle or alone.

    What lies in a bundle must be as its manifest has it, and is preprocessed as info.json says; a file alone, as the
    file says, else with the reference's central crop.

    Raises:
      PredictError, bundle.BundleError, TFLiteError, ModelError: no model, or not as it was released.
    """
    if (path / SAVED_MODEL).is_file():
        return _saved_model(path)
    if path.is_dir():
        info = _info(path)
        return _of_bundle(path, info, f"{info['name']}_int8.tflite")
    if not path.is_file():
        raise PredictError(f"{path} does not exist. Give a release bundle's folder, a .tflite file or a SavedModel.")
    if _in_bundle(path) and path.name in (info := _info(path.parent))["files"]:
        return _of_bundle(path.parent, info, path.name)
    return _of(_classifier(path, tflite_classifier.read_file(path)))


def _of_bundle(folder: Path, info: dict[str, Any], name: str) -> Opened:
    """As info.json says; of the range the file itself says more, as each of a bundle's has its own edges."""
    said = _preprocessing(info, folder)
    classifier = _classifier(folder / name, bundle.read_file(folder, name))
    own = classifier.preprocessing
    return _of(classifier, dataclasses.replace(said, mean=own.mean, std=own.std))


def _classifier(path: Path, file: bytes) -> Classifier:
    try:
        return Classifier(file)
    except TFLiteError as error:
        raise TFLiteError(f"{path}: {error}") from error


def _of(classifier: Classifier, how: Preprocessing | None = None) -> Opened:
    return Opened(classifier.labels, classifier.resolution, how or classifier.preprocessing, classifier.probabilities)


def _saved_model(path: Path) -> Opened:
    """Ours or anybody's; it takes TensorFlow, and seconds."""
    said = {}
    if _in_bundle(path):
        _check_files(path)
        said = vars(_preprocessing(_info(path.parent), path.parent))
    silence.import_tensorflow()
    from components.evaluation import classifiers

    model = classifiers.load(classifiers.Model(path.name, str(path.absolute()), said=said))
    side = model.resolution
    classes = model.probabilities(np.zeros((1, side, side, 3), np.float32)).shape[1]
    return Opened(_names(path, classes), side, model.record, model.probabilities)


def _check_files(path: Path) -> None:
    """Each file of a bundle's SavedModel, before TensorFlow reads it."""
    prefix = f"{path.name}/"
    for name in bundle.read_manifest(path.parent):
        if name.startswith(prefix):
            bundle.read_file(path.parent, name)


def _names(path: Path, classes: int) -> list[str]:
    if not (path / _LABELS).is_file():
        return [f"class {index}" for index in range(classes)]
    labels = label_lines.read((path / _LABELS).read_bytes())
    if len(labels) != classes:
        raise PredictError(f"{path / _LABELS} has {len(labels)} labels for {classes} outputs, wanted as many.")
    return labels


def _in_bundle(path: Path) -> bool:
    return all((path.parent / name).is_file() for name in (bundle.MANIFEST, bundle.INFO))


def _info(folder: Path) -> dict[str, Any]:
    """info.json as the manifest has it, with a name and files."""
    info = bundle.read_info(folder)
    for key, kind in (("name", str), ("files", dict)):
        if not isinstance(info.get(key), kind):
            raise PredictError(
                f"{folder / bundle.INFO}: {key} is {info.get(key)!r}, wanted a {kind.__name__}. Build the bundle again."
            )
    return info


def _preprocessing(info: dict[str, Any], folder: Path) -> Preprocessing:
    said = info.get("preprocessing")
    if not isinstance(said, dict) or "central_fraction" not in said:
        raise PredictError(
            f"{folder / bundle.INFO}: no preprocessing.central_fraction in (0, 1]. Build the bundle again."
        )
    try:
        return record.of(said, folder / bundle.INFO)
    except record.RecordError as error:
        raise PredictError(str(error)) from error
