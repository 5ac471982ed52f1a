"""The pictures that a command line names: files, folders of files, and one on standard input."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from components.data_error import DataError
from components.sources import picture_files
from trainer import eval_image, outside_file
from trainer.pictures.limits import MAX_BYTES, MAX_PIXELS
from trainer.pictures.record import Preprocessing

STDIN = "-"


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


def decode(given: Sequence[Given], *, resolution: int, how: Preprocessing) -> np.ndarray:
    """As `decode_each`, of pictures that must all be good; all bad ones are named at once."""
    decoded = decode_each(given, resolution=resolution, how=how)
    if faults := [
        f"{each.name}: {found}" for each, found in zip(given, decoded, strict=True) if isinstance(found, str)
    ]:
        raise PredictError(f"{len(faults)} of {len(given)} pictures cannot be read:\n  " + "\n  ".join(faults))
    return np.stack([found for found in decoded if not isinstance(found, str)])


def decode_each(
    given: Sequence[Given], *, resolution: int, how: Preprocessing, max_pixels: int = MAX_PIXELS
) -> list[np.ndarray | str]:
    """Pictures → float32 [R, R, 3] in [-1, 1], checked as ingestion checks them; of a bad one, its fault."""
    decoded: list[np.ndarray | str] = []
    for each in given:
        try:
            content = each.content if each.content is not None else read(Path(each.name), MAX_BYTES)
            decoded.append(eval_image.of_file(content, resolution=resolution, how=how, max_pixels=max_pixels))
        except (OSError, ValueError) as error:
            decoded.append(error.strerror if isinstance(error, OSError) and error.strerror else str(error))
    return decoded


def within(folder: Path) -> list[Path]:
    """The pictures of a folder at any depth, by their paths; links may lead anywhere, as the folder was named."""
    try:
        found = picture_files.within(str(folder), [os.sep])
    except DataError as error:
        raise PredictError(str(error)) from error
    return sorted(Path(path) for _, path in found.pictures)


def read(path: Path, largest: int) -> bytes:
    """A file's bytes, if it is a file and not larger."""
    try:
        return outside_file.read(path, most=largest)
    except outside_file.OutsideFileError as error:
        raise PredictError(error.fault) from error


def _within(folder: Path) -> list[Given]:
    files = within(folder)
    if not files:
        raise PredictError(f"no pictures in {folder}: wanted JPEG, PNG, GIF, BMP or WebP files.")
    return [Given(str(file)) for file in files]


def _piped(stdin: BinaryIO) -> Given:
    try:
        content = outside_file.bounded(stdin, MAX_BYTES, "standard input")
    except outside_file.OutsideFileError as error:
        raise PredictError(str(error)) from error
    if not content:
        raise PredictError(f"{STDIN}: nothing on standard input, wanted a picture's bytes.")
    return Given(STDIN, content)
