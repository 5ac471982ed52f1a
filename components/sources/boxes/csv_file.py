"""Bounding boxes from the CSV of TF-Slim's process_bounding_boxes.py: NAME.JPEG,xmin,ymin,xmax,ymax, as shares."""

import io
import math
from collections.abc import Iterator

from components.containers import plain_file
from components.data_error import DataError
from components.sources.source import Box

_LINE = 1 << 12  # Bytes of one.


def read(path: str) -> Iterator[tuple[str, None, Box]]:
    """The picture's name without its suffix, no class, and the box.

    Raises:
        DataError: the file cannot be read, or a line is not as it should be.
    """
    with plain_file.opened(path, wanted="a CSV of bounding boxes") as (file, _):
        number, lines = 0, io.BufferedReader(file)
        while line := lines.readline(_LINE):
            number += 1
            if line.strip():
                yield _parsed(line, f"{path}, line {number:,}")


def _parsed(line: bytes, where: str) -> tuple[str, None, Box]:
    try:
        name, *sides = line.decode().strip().split(",")
        x0, y0, x1, y1 = (float(side) for side in sides)
    except ValueError as error:
        raise _no_box(line, where) from error
    stem, _, suffix = name.rpartition(".")
    # Shares a little over 1 are clamped; pixels would all become boxes of the whole picture.
    if not stem or not suffix or not all(math.isfinite(side) and -2 < side < 3 for side in (x0, y0, x1, y1)):
        raise _no_box(line, where)
    return stem, None, (x0, y0, x1, y1)


def _no_box(line: bytes, where: str) -> DataError:
    said = line[:100].decode("utf-8", "backslashreplace").strip()
    return DataError(
        f"{where}: {said!r}. Wanted NAME.JPEG,xmin,ymin,xmax,ymax with shares of width and height, as TF-Slim's "
        "process_bounding_boxes.py writes them."
    )
