"""Files that others wrote, read in one way: regular files only, and at most so many bytes.

A pipe or a device in a file's place would block for ever or never end, so a file is opened without waiting and looked
at before it is read. Every reader of files from outside goes through here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST_JSON = 16 << 20  # Bytes. The largest of our own, an ingestion's report, has some 300,000.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class OutsideFileError(ValueError):
    """What lies at a path is no file, has too many bytes, or is no JSON; `fault` says it without the path."""

    def __init__(self, name: object, fault: str) -> None:
        super().__init__(f"{name}: {fault}.")
        self.fault = fault


@contextlib.contextmanager
def opened(path: str | Path, *, within: str | Path | None = None) -> Iterator[tuple[io.FileIO, int]]:
    """The file, unbuffered, and its bytes.

    Args:
      within: a folder that the path lies in; below it no link is followed.

    Raises:
      OutsideFileError: a folder, a pipe or a device.
      OSError: it cannot be opened.
    """
    descriptor = os.open(path, _FLAGS) if within is None else _below(Path(within), Path(path))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OutsideFileError(path, f"not a file but {_kind(status.st_mode)}")
    with open(descriptor, "rb", buffering=0) as file:
        yield file, status.st_size


def read(path: str | Path, *, most: int, within: str | Path | None = None) -> bytes:
    """All bytes of a file.

    Raises:
      OutsideFileError: see `opened`, or more than `most` bytes.
      OSError: it cannot be opened or read.
    """
    with opened(path, within=within) as (file, _):
        return bounded(file, most, path)


def bounded(file: Any, most: int, name: object) -> bytes:
    """The rest of an open file or stream, which may grow while it is read.

    Raises:
      OutsideFileError: more than `most` bytes.
    """
    parts, left = [], most + 1
    while left > 0 and (part := file.read(min(left, 1 << 24))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise OutsideFileError(name, f"more than {most:,} bytes")
    return b"".join(parts)


def read_json(path: str | Path, *, most: int = LARGEST_JSON, within: str | Path | None = None) -> Any:
    """What a JSON file holds.

    Raises:
      OutsideFileError: see `read`, or no JSON.
      OSError: it cannot be opened or read.
    """
    return parse_json(read(path, most=most, within=within), path)


def parse_json(content: bytes, name: object) -> Any:
    """What the bytes of a JSON file say.

    Raises:
      OutsideFileError: they are no JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OutsideFileError(name, f"no JSON: {error}") from error


def _below(folder: Path, path: Path) -> int:
    """Opened part by part, each in the folder before it and none of them a link."""
    *folders, name = path.relative_to(folder).parts
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in folders:
            below = os.open(part, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        return os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
