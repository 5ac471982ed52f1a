"""Locks on files and folders: they go with the process that holds them, whatever ends it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

FILE = ".lock"  # In a work directory.


def take(descriptor: int, *, wait: bool = False) -> None:
    """Takes the lock of what is open under the descriptor, until that is closed. Raises as `held` does."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextlib.contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[int]:
    """Holds the lock of a file or folder that is there; gives its open descriptor.

    Raises:
      BlockingIOError: another process holds it, and `wait` is not asked for.
      OSError: it cannot be opened, or its file system has no locks.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        take(descriptor, wait=wait)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(workdir: Path, busy: Exception) -> Iterator[None]:
    """One run at a time in a work directory, by its file FILE; raises `busy` where another is at work."""
    workdir.mkdir(parents=True, exist_ok=True)
    file = workdir / FILE
    file.touch()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(file))
        except OSError as error:
            raise busy from error
        yield
