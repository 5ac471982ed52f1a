"""Outputs appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# What file systems answer that cannot rename a folder: mounted buckets, and (EXDEV) two mounts.
_NO_RENAME = {errno.EMFILE, errno.ENOTSUP, errno.ENOSYS, errno.EPERM, errno.EXDEV}
WRITING = ".writing-"  # Begins the name of what is on its way in; a random end makes it a name that no file had before.
VISIBLE_SECONDS = 60.0  # A mounted bucket may show late what another machine wrote.


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder `<target>.writing`, which takes its name only if all went well, and is removed if not.

    For folders of a pipeline's node, where nobody else's files lie: what has that name is deleted.
    """
    beside = target.with_name(f"{target.name}.writing")
    shutil.rmtree(beside, ignore_errors=True)  # Of a killed run, where a cluster tries again under the same address.
    beside.mkdir(parents=True)
    try:
        yield beside
        move(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


@contextlib.contextmanager
def output_folder(target: Path) -> Iterator[Path]:
    """A path that becomes the folder `target` if all went well, in a hidden folder of a new name beside it.

    For what a user named: every other name beside it may be a file of the user's.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=WRITING, dir=target.parent) as beside:
        made = Path(beside, target.name)
        yield made
        move(made, target)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """A new file beside `target`, open for writing, which takes its name if all went well.

    Raises:
      OSError: it cannot be written; before any work if its folder cannot.
    """
    descriptor, beside = tempfile.mkstemp(prefix=WRITING, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.chmod(beside, 0o644)  # mkstemp's are for the owner alone.
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def write_file(target: Path, content: bytes) -> None:
    """Writes a small file, whole or as it was before; raises as `whole_file` does."""
    with whole_file(target) as file:
        file.write(content)


def move(source: Path, target: Path, *, last: str = "") -> None:
    """Renames; where the file system does not rename folders, moves a folder's files one by one.

    Those come in an order that is always the same, what lies deeper first: a SavedModel's `saved_model.pb` after its
    variables. An error puts back what was moved. A kill does not: there the target is not whole.

    Args:
      last: the file that makes the folder whole; it is moved when all others are there.

    Raises:
      OSError: the target is there (an empty one may be renamed over), or the file system refuses the files too.
    """
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno not in _NO_RENAME or not source.is_dir():
            raise
        _move_files(source, target, last)


def wait_until_visible(folder: Path) -> None:
    """Returns when `folder`, which the chief of several workers wrote, is seen here.

    Raises:
      FileNotFoundError: it is not seen after VISIBLE_SECONDS.
    """
    until = time.monotonic() + VISIBLE_SECONDS
    while not folder.exists():
        if time.monotonic() >= until:
            raise FileNotFoundError(
                f"the chief wrote its model to {folder}, where this worker sees nothing after "
                f"{VISIBLE_SECONDS:.0f} s: the pipeline's root must be storage that all workers share."
            )
        time.sleep(0.5)


def _move_files(source: Path, target: Path, last: str) -> None:
    target.mkdir()  # Whoever makes it has it: one that is there and empty may be another's that has just begun.
    moved: list[tuple[Path, Path]] = []
    try:
        for file in sorted(_files(source), key=lambda file: file == source / last):
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, place)  # A rename, or a copy from one mount to another.
            moved.append((file, place))
    except BaseException:
        for file, place in reversed(moved):
            shutil.move(place, file)
        shutil.rmtree(target, ignore_errors=True)
        raise
    shutil.rmtree(source)  # Empty folders.


def _files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(files, key=lambda path: (-len(path.parts), path))
