"""`mobilenet predict`: what a .tflite file says of pictures, with ai-edge-litert and without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from components import bundle, picture
from trainer import eval_image, tflite_metadata
from trainer.tflite_runner import Runner

BATCH = 64  # Pictures decoded at a time.
_LARGEST_PICTURE = 256 << 20  # Bytes.
_LARGEST_FILE = 512 << 20  # Bytes of a .tflite file; MobileNetV1 at width 1.0 has 17 million in float.


class PredictError(ValueError):
    """A file that is no classifier of ours, or a picture that is none."""


@dataclass(frozen=True)
class Guess:
    """One class of a picture."""

    index: int  # Of the model's outputs; 0 is the background.
    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """A picture's most probable classes, the first first."""

    image: Path
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class _Classifier:
    file: bytes
    labels: list[str]
    central_fraction: float  # Of each side of a picture.


def predict(bundle_or_tflite: Path, images: Sequence[Path], *, top: int) -> list[Prediction]:
    """The `top` most probable classes of each picture; equal probabilities go by the class's index.

    Args:
      bundle_or_tflite: a release bundle, whose int8 file is taken, or a .tflite file with labels inside. A file that
        lies in its bundle is preprocessed as info.json there says; any other with the reference's central crop.
      images: JPEG, PNG, GIF, BMP or WebP files, checked as ingestion checks them.

    Raises:
      PredictError, bundle.BundleError, tflite_graph.TFLiteError: all bad pictures are named at once.
    """
    if top < 1:
        raise PredictError(f"top is {top}, wanted at least 1.")
    classifier = _open(bundle_or_tflite)
    runner = Runner(classifier.file)
    if len(classifier.labels) != runner.graph.classes:
        raise PredictError(
            f"{bundle_or_tflite} has {len(classifier.labels)} labels for {runner.graph.classes} outputs, "
            "wanted one each. Convert it again."
        )
    predictions: list[Prediction] = []
    for start in range(0, len(images), BATCH):
        paths = images[start : start + BATCH]
        decoded = decode(paths, resolution=runner.graph.resolution, central_fraction=classifier.central_fraction)
        for path, probabilities in zip(paths, runner.probabilities(decoded), strict=True):
            predictions.append(Prediction(path, _guesses(probabilities, classifier.labels, top)))
    return predictions


def table(predictions: Sequence[Prediction]) -> Table:
    """For people: a row for each guess, the picture's name before its first."""
    shown = Table("Picture", "Class", "Probability", box=None)
    shown.columns[2].justify = "right"
    for prediction in predictions:
        for place, guess in enumerate(prediction.guesses):
            name = _printable(str(prediction.image)) if place == 0 else ""
            style = "bold" if place == 0 else ""
            shown.add_row(Text(name), Text(_printable(guess.label), style), Text(f"{guess.probability:.1%}", style))
    return shown


def _open(path: Path) -> _Classifier:
    if path.is_dir():
        info = _info(path)
        return _of_bundle(path, info, f"{info['name']}_int8.tflite")
    if not path.is_file():
        raise PredictError(f"{path} does not exist. Give a release bundle's folder or a .tflite file.")
    in_bundle = all((path.parent / name).is_file() for name in (bundle.MANIFEST, bundle.INFO))
    if in_bundle and path.name in (info := _info(path.parent))["files"]:
        return _of_bundle(path.parent, info, path.name)
    file = _read(path, _LARGEST_FILE)
    return _Classifier(file, tflite_metadata.read_labels(file), eval_image.CENTRAL_FRACTION)


def _of_bundle(folder: Path, info: dict[str, Any], name: str) -> _Classifier:
    file = bundle.read_file(folder, name)
    return _Classifier(file, tflite_metadata.read_labels(file), _central_fraction(info, folder))


def _info(folder: Path) -> dict[str, Any]:
    """info.json as the manifest has it, with a name and files."""
    info = bundle.read_info(folder)
    for key, kind in (("name", str), ("files", dict)):
        if not isinstance(info.get(key), kind):
            raise PredictError(
                f"{folder / bundle.INFO}: {key} is {info.get(key)!r}, wanted a {kind.__name__}. Build the bundle again."
            )
    return info


def _central_fraction(info: dict[str, Any], folder: Path) -> float:
    try:
        fraction = float(info["preprocessing"]["central_fraction"])
    except (KeyError, TypeError, ValueError):
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise PredictError(
            f"{folder / bundle.INFO}: no preprocessing.central_fraction in (0, 1]. Build the bundle again."
        )
    return fraction


def decode(paths: Sequence[Path], *, resolution: int, central_fraction: float) -> np.ndarray:
    """Files → float32 [n, R, R, 3] in [-1, 1]; PredictError names all that cannot be read."""
    decoded, faults = [], []
    for path in paths:
        try:
            jpeg = picture.normalise(_read(path, _LARGEST_PICTURE)).jpeg
            decoded.append(eval_image.eval_image(jpeg, resolution=resolution, central_fraction=central_fraction))
        except (OSError, ValueError) as error:
            faults.append(f"{path}: {error.strerror if isinstance(error, OSError) and error.strerror else error}")
    if faults:
        raise PredictError(f"{len(faults)} of {len(paths)} pictures cannot be read:\n  " + "\n  ".join(faults))
    return np.stack(decoded)


def _read(path: Path, largest: int) -> bytes:
    if path.exists() and not path.is_file():
        raise PredictError("not a file")
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise PredictError(f"more than {largest:,} bytes")
    return content


def _guesses(probabilities: np.ndarray, labels: list[str], top: int) -> tuple[Guess, ...]:
    order = np.argsort(-probabilities, kind="stable")[:top]
    return tuple(Guess(int(index), labels[index], float(probabilities[index])) for index in order)


def _printable(text: str) -> str:
    """Names come from files: a control character in one must not reach the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
