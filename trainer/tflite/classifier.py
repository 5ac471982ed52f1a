"""A .tflite picture classifier in one line, without TensorFlow: `tflite.Classifier(path).predict(picture)`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer import eval_image, outputs, outside_file
from trainer.file_format import FormatError
from trainer.pictures import scaling
from trainer.pictures.limits import MAX_BYTES as MAX_PICTURE_BYTES
from trainer.pictures.limits import MAX_PIXELS
from trainer.pictures.record import Preprocessing
from trainer.release_info import INFO, INFO_FORMAT, LATEST
from trainer.tflite import feeding, metadata
from trainer.tflite.graph import MAX_BYTES, TFLiteError
from trainer.tflite.guard import GuardedRunner
from trainer.tflite.normalization import Normalization
from trainer.tflite.runner import Runner

_LONGEST_NUMBER = 20  # Bytes.


@dataclass(frozen=True)
class Guess:
    """One class of a picture."""

    index: int  # Of the model's outputs; 0 is the background.
    label: str
    probability: float


class Classifier:
    """A .tflite file ready to run, preprocessed and named as the file itself says.

    Args:
      source: a .tflite file, its bytes, or a release bundle's folder, of which the int8 file is taken; `latest` beside
        bundles names one. Its sums are not checked: `mobilenet verify` does that.
      central_fraction: of each side of the pictures; None: what the file says, else the reference's 0.875.
      threads: of the interpreter.
      max_pixels: of a picture; larger ones are refused.

    Raises:
      TFLiteError: no classifier of square colour pictures, labels and outputs that differ in number, or an input that
        cannot hold the pictures as they would come.
    """

    def __init__(
        self,
        source: str | Path | bytes,
        *,
        central_fraction: float | None = None,
        threads: int = 1,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        file = source if isinstance(source, bytes) else read_file(_tflite_of(Path(source)))
        self.runner = GuardedRunner(file, threads=threads)
        self.labels = _labels(file, self.runner.graph.classes)
        said = feeding.said(file, self.runner.graph)
        given = {} if central_fraction is None else {"central_fraction": central_fraction}
        self.preprocessing = Preprocessing(**{**said, **given})
        if fault := feeding.fault(self.runner.graph, self.preprocessing):
            raise TFLiteError(fault)
        self.normalization = Normalization(self.preprocessing.mean, self.preprocessing.std)
        self.max_pixels = max_pixels

    @property
    def central_fraction(self) -> float:
        """Of each side of a picture."""
        return self.preprocessing.central_fraction

    @property
    def resolution(self) -> int:
        """Pixels a side."""
        return self.runner.graph.resolution

    def predict(self, picture: str | Path | bytes | np.ndarray, top: int = 5) -> list[Guess]:
        """The `top` most probable classes of one picture: a file, its bytes, or uint8 [H, W, 3].

        Raises:
          ValueError: not a picture, or an array of another shape or type.
        """
        return guesses(self.probabilities(self.image(picture)[np.newaxis])[0], self.labels, top)

    def image(self, picture: str | Path | bytes | np.ndarray) -> np.ndarray:
        """As the network sees it, float32 [R, R, 3] in [-1, 1]: by ingestion's own code, whatever the format.

        Raises:
          ValueError: not a picture, or an array of another shape or type.
        """
        if isinstance(picture, np.ndarray):
            _check_array(picture)
            return eval_image.of_pixels(
                picture, resolution=self.resolution, central_fraction=self.preprocessing.central_fraction
            )
        content = picture if isinstance(picture, bytes) else outside_file.read(picture, most=MAX_PICTURE_BYTES)
        try:
            return eval_image.of_file(
                content, resolution=self.resolution, how=self.preprocessing, max_pixels=self.max_pixels
            )
        except ValueError as error:
            raise ValueError(f"not a picture that can be read: {error}") from error

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]; scaled as the file wants it before it runs.

        Raises:
          TFLiteError: the file gives no numbers.
        """
        how = dataclasses.replace(self.preprocessing, **self.normalization._asdict())
        return probabilities(self.runner, images, how)


def probabilities(runner: Runner | GuardedRunner, images: np.ndarray, how: Preprocessing) -> np.ndarray:
    """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C], with the softmax that a file may leave to its user.

    Raises:
      TFLiteError: the file gives no numbers.
    """
    softmax = any(operator.name == "SOFTMAX" for operator in runner.graph.operators)
    try:
        return outputs.probabilities(runner.probabilities(scaling.scaled(images, how)), softmax=softmax)
    except ValueError as error:
        raise error if isinstance(error, TFLiteError) else TFLiteError(f"the .tflite file: {error}") from error


def guesses(probabilities: np.ndarray, labels: Sequence[str], top: int) -> list[Guess]:
    """Float [C] → the most probable classes; equal probabilities go by the class's index."""
    order: list[int] = np.argsort(-probabilities, kind="stable")[:top].tolist()
    return [Guess(index, labels[index], float(probabilities[index])) for index in order]


def read_file(path: Path) -> bytes:
    """The bytes of a .tflite file, of at most as many as there can be."""
    try:
        return outside_file.read(path, most=MAX_BYTES)
    except outside_file.OutsideFileError as error:
        raise TFLiteError(f"{error} Is it a .tflite file?") from error


def _tflite_of(path: Path) -> Path:
    """The file itself, or the int8 file of a bundle's folder."""
    path = _named_latest(path)
    if not path.is_dir():
        return path
    try:
        name = INFO_FORMAT.checked(outside_file.read_json(path / INFO), path / INFO)["name"]
    except FormatError as error:
        raise TFLiteError(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TFLiteError(f"{path} is no release bundle ({error}). Give its folder or a .tflite file.") from error
    if not isinstance(name, str) or Path(name).name != name:
        raise TFLiteError(f"{path / INFO}: name is {name!r}, wanted a file's. Build the bundle again.")
    return path / f"{name}_int8.tflite"


def _named_latest(path: Path) -> Path:
    """`…/<variant>/latest`, a file, as the version that it names; every other path as it is."""
    if path.name != LATEST or not path.is_file():
        return path
    with path.open("rb") as file:
        version = file.read(_LONGEST_NUMBER).strip().decode("ascii", "replace")
    if not version.isdecimal() or not (path.parent / version).is_dir():
        raise TFLiteError(f"{path} names the version {version!r}, which is not beside it. Push a release again.")
    return path.parent / version


def _labels(file: bytes, classes: int) -> list[str]:
    """Of a file without labels inside, its outputs' numbers."""
    if not metadata.has_labels(file):
        return [f"class {index}" for index in range(classes)]
    labels = metadata.read_labels(file, classes)
    if len(labels) != classes:
        raise TFLiteError(
            f"the file has {len(labels)} labels for {classes} outputs, wanted one each. Convert it again."
        )
    return labels


def _check_array(picture: np.ndarray) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise ValueError(f"got an array {list(picture.shape)} of {picture.dtype}, wanted uint8 [H, W, 3].")
