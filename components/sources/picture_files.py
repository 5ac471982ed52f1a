"""Which files of a folder are pictures: by the suffix, or, whatever the name, by the first bytes."""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from components.data_error import DataError
from trainer import outside_file
from trainer.pictures.formats import format_of

# In any case: these are taken without being looked at, which a million files would take long.
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
HEAD = 1024  # Bytes that are enough to tell.
_SOUNDS = (b"OggS", b"ID3", b"fLaC")
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})  # Windows leaves them wherever it shows pictures.
_ARCHIVER = "__MACOSX"  # What macOS's archiver puts beside what it packs.


class Found(NamedTuple):
    """What a folder holds: (name within it, path) of each picture, the number of other files, and which of these may
    be pictures of a kind that is not read."""

    pictures: list[tuple[str, str]]
    others: list[str]
    lost: list[str]


def is_named(file: str) -> bool:
    """Whether the name alone says that it is a picture."""
    return file.lower().endswith(SUFFIXES)


def is_picture(file: str, head: Callable[[], bytes]) -> bool:
    """By the name; where that says nothing, by the first bytes."""
    return is_named(file) or format_of(head()) is not None


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Also through a link; a link that leads round in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def folders(folder: str) -> list[str]:
    """The names of the folders in one, sorted: each may be a class's.

    Raises:
        DataError: one is a link that leads round in a circle, which would leave a class out without a word.
    """
    with os.scandir(folder) as entries:
        there = list(entries)
    if loops := [entry.path for entry in there if entry.is_symlink() and _leads_round(entry)]:
        raise DataError(f"{min(loops)} is a link that leads round in a circle. Remove it.")
    return sorted(entry.name for entry in there if entry.is_dir())


def _leads_round(entry: os.DirEntry[str]) -> bool:
    try:
        entry.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def is_passed_over(name: str) -> bool:
    """Hidden files and folders, and what systems add to a folder without being asked: not even counted."""
    return name[0] == "." or name == _ARCHIVER


def lost(pictures: Sequence[str], others: Mapping[str, bytes]) -> list[str]:
    """Of the other files of a folder, by name with their first bytes, those that may be pictures of another kind.

    That is none which bears a picture's name, as annotations do, and no text or sound.
    """
    stems = {name.rpartition(".")[0] for name in pictures}
    return [
        name
        for name, head in others.items()
        if name.rpartition(".")[0] not in stems and name.lower() not in _SYSTEM and not _is_other(head)
    ]


def _is_other(head: bytes) -> bool:
    """Text that is no SVG, or sound."""
    is_sound = head.startswith(_SOUNDS) or (head[:4] == b"RIFF" and head[8:12] == b"WAVE")
    is_text = bool(head) and not any(byte < 9 or 13 < byte < 32 for byte in head) and b"<svg" not in head
    return is_sound or is_text


def within(folder: str, roots: Sequence[str]) -> Found:
    """The pictures of a folder at any depth, by name: first its own, then those of its folders.

    Args:
        roots: Real paths of the folders that links may lead into.

    Raises:
        DataError: a link leads elsewhere, or to a folder that it lies in.
    """
    found = Found([], [], [])
    _collect(folder, "", roots, (), found)
    return found


def check_link(path: str, roots: Sequence[str]) -> str:
    """The real path of a link that leads into one of the roots.

    Raises:
        DataError: it leads elsewhere.
    """
    real = os.path.realpath(path)
    if not is_inside(real, roots):
        raise DataError(
            f"{path} is a link to {real}, outside {' and '.join(roots)}. Copy the pictures in, allow it with "
            f"--follow-links {os.path.dirname(real)}, or remove the link."
        )
    return real


def is_inside(real: str, roots: Sequence[str]) -> bool:
    """Whether a real path lies in one of the folders."""
    return any(os.path.commonpath([root, real]) == root for root in roots)


def _collect(folder: str, prefix: str, roots: Sequence[str], above: Sequence[str], found: Found) -> None:
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_passed_over(entry.name):
                (folders if is_folder(entry) else files).append((entry.name, entry.path, entry.is_symlink()))
    taken: list[str] = []
    others: dict[str, bytes] = {}
    for name, path, linked in sorted(files):
        if is_named(name) and linked:
            check_link(path, roots)
        head = b"" if is_named(name) else _first_bytes(path, linked, roots)
        if is_named(name) or format_of(head):
            taken.append(name)
            found.pictures.append((prefix + name, path))
        else:
            others[name] = head
    if others:
        found.others.extend(prefix + name for name in others)
        found.lost.extend(prefix + name for name in lost(taken, others))
    for name, path, linked in sorted(folders):
        over = _over_link(folder, path, roots, above) if linked else above
        _collect(path, f"{prefix}{name}/", roots, over, found)


def _first_bytes(path: str, linked: bool, roots: Sequence[str]) -> bytes:
    """None of a link that leads elsewhere, which is not looked at."""
    return b"" if linked and not is_inside(os.path.realpath(path), roots) else _head(path)


def _over_link(folder: str, path: str, roots: Sequence[str], above: Sequence[str]) -> Sequence[str]:
    """The real folders that a linked folder was come to through; none of these may lie in it, or there is no end."""
    real, through = check_link(path, roots), (*above, os.path.realpath(folder))
    if any(os.path.commonpath([real, each]) == real for each in through):
        raise DataError(f"{path} is a link to {real}, a folder that it lies in. Remove the link.")
    return through


def _head(path: str) -> bytes:
    """Nothing of what is no file or cannot be read: a pipe would block for ever."""
    try:
        with outside_file.opened(path) as (file, _):
            return file.read(HEAD)
    except (OSError, outside_file.OutsideFileError):
        return b""
