"""What tells one state of files from another without reading them."""

import hashlib
import os
from collections.abc import Sequence

from components.data_error import DataError
from components.sources.source import Source


def of(paths: Sequence[str], more: str = "") -> str:
    """Digest of each file's name, size and time of change, in order, and of what else decides on the examples.

    Raises:
        DataError: a file cannot be looked at.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:  # A link to a disk that is not there, say.
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error
        digest.update(f"{os.path.basename(path)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    digest.update(more.encode())
    return f"{len(paths)},sha256:{digest.hexdigest()}"


def of_pictures(source: Source) -> str:
    """Digest of every picture's name with its class, size and time of change.

    TFX's own fingerprint adds up sizes and seconds, so a picture moved to another class does not change it.
    """
    digest = hashlib.sha256()
    for entries in source.splits.values():
        for entry in entries:
            size, changed = _size_and_time(entry.path)
            digest.update(f"{entry.name}\0{size}\0{changed}\n".encode("utf-8", "surrogateescape"))
    counts = ",".join(f"{split}:{len(entries)}" for split, entries in source.splits.items())
    return f"{counts},sha256:{digest.hexdigest()}"


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:  # A broken link, say: ingestion will refuse it by name.
        return -1, -1
    return status.st_size, status.st_mtime_ns
