"""A .tflite picture classifier in one line, without TensorFlow: `tflite.Classifier(path).predict(picture)`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer import eval_image, outside_file
from trainer.file_format import FormatError
from trainer.imagenet import CENTRAL_FRACTION
from trainer.release_info import INFO, INFO_FORMAT
from trainer.tflite import metadata
from trainer.tflite.graph import MAX_BYTES, TFLiteError
from trainer.tflite.guard import GuardedRunner
from trainer.tflite.normalization import Normalization, read_normalization

_LARGEST_PICTURE = 256 << 20  # Bytes.
_OURS = Normalization((metadata.MEAN,), (metadata.STD,))


@dataclass(frozen=True)
class Guess:
    """One class of a picture."""

    index: int  # Of the model's outputs; 0 is the background.
    label: str
    probability: float


class Classifier:
    """A .tflite file ready to run, preprocessed and named as the file itself says.

    Args:
      source: a .tflite file, its bytes, or a release bundle's folder, of which the int8 file is taken. Its
        sums are not checked: `mobilenet verify` does that.
      central_fraction: of each side of the pictures; None: what the file says, else the reference's 0.875.
      threads: of the interpreter.

    Raises:
      TFLiteError: no classifier of square colour pictures, or labels and outputs that differ in number.
    """

    def __init__(self, source: str | Path | bytes, *, central_fraction: float | None = None, threads: int = 1) -> None:
        file = source if isinstance(source, bytes) else read_file(_tflite_of(Path(source)))
        self.runner = GuardedRunner(file, threads=threads)
        self.labels = _labels(file, self.runner.graph.classes)
        self.normalization = _normalization(file)
        said = metadata.read_central_fraction(file)
        self.central_fraction = central_fraction or said or CENTRAL_FRACTION

    @property
    def resolution(self) -> int:
        """Pixels a side."""
        return self.runner.graph.resolution

    def predict(self, picture: str | Path | bytes | np.ndarray, top: int = 5) -> list[Guess]:
        """The `top` most probable classes of one picture: a file, its bytes, or uint8 [H, W, 3].

        Raises:
          ValueError: not a picture, or an array of another shape or type.
        """
        pixels = _pixels(picture)
        image = eval_image.of_pixels(pixels, resolution=self.resolution, central_fraction=self.central_fraction)
        return guesses(self.probabilities(image[np.newaxis])[0], self.labels, top)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]; scaled as the file wants it before it runs."""
        return self.runner.probabilities(_scaled(images, self.normalization))


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


def _normalization(file: bytes) -> Normalization:
    """What the file says, else ours: a file without metadata is taken for one of MobileNet's."""
    if not metadata.has_metadata(file):
        return _OURS
    said = read_normalization(file)
    if not said.mean or not said.std or not np.all(np.isfinite([*said.mean, *said.std])) or 0 in said.std:
        raise TFLiteError(f"the file wants the mean {said.mean} and std {said.std}: no numbers to divide by.")
    if {len(said.mean), len(said.std)} - {1, 3}:
        raise TFLiteError(f"the file has {len(said.mean)} means and {len(said.std)} stds, wanted one or three each.")
    return said


def _scaled(images: np.ndarray, wanted: Normalization) -> np.ndarray:
    """From our [-1, 1]; the same array where that is what the file wants."""
    if set(wanted.mean) == set(_OURS.mean) and set(wanted.std) == set(_OURS.std):
        return images
    pixels = (images + np.float32(1)) * np.float32(127.5)
    return (pixels - np.asarray(wanted.mean, np.float32)) / np.asarray(wanted.std, np.float32)


def _pixels(picture: str | Path | bytes | np.ndarray) -> np.ndarray:
    """→ uint8 [H, W, 3]. A JPEG is decoded as evaluation decodes it, anything else by Pillow."""
    if isinstance(picture, np.ndarray):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
            raise ValueError(f"got an array {list(picture.shape)} of {picture.dtype}, wanted uint8 [H, W, 3].")
        return picture
    content = picture if isinstance(picture, bytes) else outside_file.read(picture, most=_LARGEST_PICTURE)
    try:
        return eval_image.decode(content)
    except ValueError:
        return _opened(content)


def _opened(content: bytes) -> np.ndarray:
    from PIL import Image  # Here: a JPEG needs none of it.

    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a picture that can be read: {error}") from error
