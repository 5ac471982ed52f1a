"""A release as it was published, a .tgz with a TF1 checkpoint in it, taken out safely.

The whole archive is looked through and refused by the name of its first member that no release has: a link, a device,
a path that leads elsewhere. Only the checkpoint's index and data are written, under their last names.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

SUFFIXES = (".tgz", ".tar.gz", ".tar")
MEMBERS = 100  # The releases have 8.
UNPACKED = 2 << 30  # Bytes, of all members together: 13 times the largest release.
_HEADER = 1 << 20  # Bytes that a member's name and attributes may have; tarfile reads them into memory at once.

_GZIP = b"\x1f\x8b"
_FILES = re.compile(r"(?P<prefix>[\w.-]+\.ckpt(?:-\d+)?)\.(?:index|data-\d{5}-of-\d{5})")
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RecursionError, ValueError, OverflowError)


class ArchiveError(ValueError):
    """An archive that is no release, is damaged, or would write elsewhere or too much."""


def is_archive(path: Path) -> bool:
    """By its name: a checkpoint's prefix names no file."""
    return path.name.endswith(SUFFIXES)


@contextlib.contextmanager
def checkpoint_in(archive: Path) -> Iterator[Path]:
    """The prefix of the archive's checkpoint, in a temporary folder that goes with the context.

    Raises:
      ArchiveError: there is no checkpoint in it, or several, or a member that is refused.
    """
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as folder:
        yield Path(folder) / _extract(archive, Path(folder))


def _extract(archive: Path, folder: Path) -> str:
    """Writes the checkpoint's files; → its prefix."""
    prefixes: set[str] = set()
    members: list[str] = []
    try:
        with _opened(archive) as tar:
            for member in tar:
                _check(archive, member, members)
                members.append(member.name)
                name = PurePosixPath(member.name).name
                if member.isfile() and (match := _FILES.fullmatch(name)):
                    _write(tar, member, folder / name)
                    prefixes.add(match["prefix"])
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"{archive} is damaged, or no .tar.gz ({error}): fetch it again.") from error
    if len(prefixes) != 1:
        raise ArchiveError(
            f"{archive} holds {len(prefixes)} checkpoints{''.join(f', {name}' for name in sorted(prefixes))}; wanted "
            f"one, as NAME.ckpt.index and NAME.ckpt.data-00000-of-00001. It has {len(members)} members: "
            f"{', '.join(members[:10])}."
        )
    return prefixes.pop()


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with open(archive, "rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        with contextlib.ExitStack() as stack:
            content = stack.enter_context(gzip.GzipFile(fileobj=file)) if packed else file
            bounded: Any = _Bounded(archive, content)
            yield stack.enter_context(tarfile.TarFile(fileobj=bounded))


class _Bounded:
    """A file of at most UNPACKED bytes: tarfile reads all that a header claims, and a few bytes unpack to terabytes."""

    def __init__(self, archive: Path, file: IO[bytes] | gzip.GzipFile) -> None:
        self._archive, self._file = archive, file
        self.name = str(archive)
        self.mode = "rb"

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int) -> int:
        self._refuse_beyond(position)
        return self._file.seek(position)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _HEADER:
            raise ArchiveError(f"{self._archive} has a header of {size} bytes, wanted at most {_HEADER}: refused.")
        self._refuse_beyond(self.tell() + size)
        return self._file.read(size)

    def _refuse_beyond(self, position: int) -> None:
        if position > UNPACKED:
            raise ArchiveError(
                f"{self._archive} unpacks to {position} bytes or more, wanted at most {UNPACKED}: refused."
            )


def _check(archive: Path, member: tarfile.TarInfo, before: list[str]) -> None:
    path = PurePosixPath(member.name)
    faults = {
        "it is no plain file and no folder": member.issparse() or not (member.isfile() or member.isdir()),
        "its path is absolute": path.is_absolute(),
        "its path leads out of the archive": ".." in path.parts,
        "there are two of that name": member.name in before,
        f"it is member {len(before) + 1}, wanted at most {MEMBERS}": len(before) >= MEMBERS,
        f"it claims {member.size} bytes, wanted at most {UNPACKED}": not 0 <= member.size <= UNPACKED,
    }
    for fault, found in faults.items():
        if found:
            raise ArchiveError(f"{archive}: {member.name[:200]!r} is refused, {fault}. Nothing was taken out.")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = tar.extractfile(member)
    if source is None or path.exists():
        raise ArchiveError(f"{tar.name}: {member.name!r} is refused, a file of that name is there already.")
    with source, path.open("xb") as file:
        shutil.copyfileobj(source, file)
