"""The pictures that a command line names: files, folders of files, and one on standard input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from components.pictures import check
from trainer import eval_image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
STDIN = "-"
_LARGEST = 256 << 20  # Bytes.


class PredictError(ValueError):
    """A file that is no classifier of ours, or a picture that is none."""


@dataclass(frozen=True)
class Given:
    """A picture, and what it is called where it came from."""

    name: str
    content: bytes | None = None  # None: it lies in the file of that name, and is read when its turn comes.


def find(arguments: Sequence[str], *, stdin: BinaryIO) -> list[Given]:
    """Each argument's pictures in order; those of a folder, at any depth, by their paths.

    Raises:
      PredictError: a folder without pictures, or nothing on standard input.
    """
    found: list[Given] = []
    for argument in arguments:
        if argument == STDIN:
            found.append(_piped(stdin))
        elif Path(argument).is_dir():
            found += _within(Path(argument))
        else:
            found.append(Given(argument))
    return found


def decode(given: Sequence[Given], *, resolution: int, central_fraction: float) -> np.ndarray:
    """Pictures → float32 [n, R, R, 3] in [-1, 1], checked as ingestion checks them; all bad ones are named at once."""
    decoded, faults = [], []
    for each in given:
        try:
            content = each.content if each.content is not None else read(Path(each.name), _LARGEST)
            jpeg = check.normalise(content).jpeg
            decoded.append(eval_image.eval_image(jpeg, resolution=resolution, central_fraction=central_fraction))
        except (OSError, ValueError) as error:
            faults.append(f"{each.name}: {error.strerror if isinstance(error, OSError) and error.strerror else error}")
    if faults:
        raise PredictError(f"{len(faults)} of {len(given)} pictures cannot be read:\n  " + "\n  ".join(faults))
    return np.stack(decoded)


def read(path: Path, largest: int) -> bytes:
    """A file's bytes, if it is a file and not larger."""
    if path.exists() and not path.is_file():
        raise PredictError("not a file")
    with path.open("rb") as file:
        return _bounded(file, largest)


def _within(folder: Path) -> list[Given]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise PredictError(f"no pictures in {folder}: wanted files that end in {', '.join(SUFFIXES)}.")
    return [Given(str(file)) for file in files]


def _piped(stdin: BinaryIO) -> Given:
    content = _bounded(stdin, _LARGEST)
    if not content:
        raise PredictError(f"{STDIN}: nothing on standard input, wanted a picture's bytes.")
    return Given(STDIN, content)


def _bounded(file: BinaryIO, largest: int) -> bytes:
    content = file.read(largest + 1)
    if len(content) > largest:
        raise PredictError(f"more than {largest:,} bytes")
    return content
