"""SHA-256 of files, in hexadecimal."""

from __future__ import annotations

import hashlib
import io
import os
from typing import IO

from trainer import outside_file


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Reads in pieces, so a file of any size."""
    with outside_file.opened(os.fspath(path)) as (file, _):
        return sha256_of(file)


def sha256_of(file: IO[bytes] | io.FileIO) -> str:
    """Of the rest of an open file."""
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
