"""WebDataset's shards as a source: numbered tars, in which KEY.jpg has its class in KEY.cls, KEY.json or KEY.txt."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.containers import plain_file
from components.containers import tar as tar_index
from components.containers.tar import Archive, Member
from components.data_error import DataError
from components.sources import labelled, picture_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import listed
from components.sources.labelled import Row
from components.sources.source import Source
from trainer import imagenet, outside_file

_SHARD = re.compile(r"(.*?)[-_.]?(\d{2,})\.tar")
_NAMES = ("classnames.txt", "classes.txt", "labels.txt")  # A name a line; line i, from 0 on, names class i.
_LABELS = (".cls", ".json", ".txt")  # In the order in which they are looked at.
_KEYS = ("label", "cls", "class", "class_name")
_FILES = ("filename", "file_name", "fname")
_MAX_NAMES = 4 << 20  # Bytes of a list of classes.
_MAX_LABEL = 1 << 20  # Bytes of a file with one picture's label.
_LAYOUT = "Wanted KEY.jpg with KEY.cls, or with KEY.json that holds label"


def found(root: Path) -> list[str]:
    """The numbered tars of a folder, or of folders in it that are called as splits are."""
    folders = [".", *(each for each in _folders(root) if labelled.split_of(each))]
    names = (os.path.normpath(f"{folder}/{name}") for folder in folders for name in _tars(root / folder))
    return sorted(names)


def files(root: str) -> list[str]:
    """Of which names, sizes and times tell one state of the source from another."""
    return [os.path.join(root, name) for name in (*found(Path(root)), *_named(root))]


def scan(root: str, *, choice: Choice = ALL) -> Source:
    """Lists the pictures in the tars; of what lies beside them only labels are read.

    Raises:
        DataError: a damaged tar, a picture without a label; or as labelled.source says.
    """
    names = [line for file in _named(root)[:1] for line in _lines(Path(root, file))]
    rows = [row for tar in found(Path(root)) for row in _rows(root, tar, names)]
    return labelled.source(root, rows, choice)


def _lines(path: Path) -> list[str]:
    try:
        return plain_file.read(path, most=_MAX_NAMES, wanted="a list of classes").decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: {error}. Wanted a list of classes, one a line.") from error


def _folders(root: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(root) if picture_files.is_folder(entry)) if root.is_dir() else []


def _tars(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [entry.name for entry in os.scandir(folder) if _SHARD.fullmatch(entry.name) and Path(entry).is_file()]


def _named(root: str) -> list[str]:
    return [name for name in _NAMES if Path(root, name).is_file()]


def _split(tar: str) -> str:
    """Of the folder, or of a word in the file's name; train where neither says."""
    match = _SHARD.fullmatch(os.path.basename(tar))
    words = [os.path.dirname(tar), *re.split(r"[-_.]", match[1] if match else "")]
    return next((split for word in reversed(words) if (split := labelled.split_of(word))), imagenet.TRAIN)


def _rows(root: str, tar: str, names: Sequence[str]) -> Iterator[Row]:
    path, split = os.path.join(root, tar), _split(tar)
    with tar_index.opened(path) as archive:
        samples: dict[str, dict[str, Member]] = {}
        for member in tar_index.members(archive):
            folder, _, file = member.name.rpartition("/")
            key, _, suffix = file.partition(".")
            if not member.is_folder and not picture_files.is_passed_over(file):
                samples.setdefault(f"{folder}/{key}".lstrip("/"), {})[f".{suffix.lower()}"] = member
        for key, parts in samples.items():
            for suffix, member in parts.items():
                if suffix not in _LABELS and picture_files.is_picture(suffix, lambda: b""):
                    label, file = _label(archive, key, parts, names)
                    yield Row(split, label, file or os.path.basename(member.name), path, member.offset, member.size)


def _label(archive: Archive, key: str, parts: dict[str, Member], names: Sequence[str]) -> tuple[str, str]:
    """The class of a sample, and its file's name where that is told."""
    told = {suffix: tar_index.head(archive, parts[suffix], _MAX_LABEL) for suffix in _LABELS if suffix in parts}
    try:
        said = outside_file.parse_json(told.get(".json", b"{}"), ".json")
        in_json = said if isinstance(said, dict) else {"label": said}
        file = str(next((in_json[name] for name in _FILES if name in in_json), ""))
        value = told[".cls"].decode().strip() if ".cls" in told else None
        if value is None:
            value = next((in_json[name] for name in _KEYS if in_json.get(name) is not None), None)
        if value is None:
            value = told[".txt"].decode().strip() if ".txt" in told else ""
    except ValueError as error:
        raise DataError(f"{archive.name}: the label of {key!r} cannot be read: {error}. {_LAYOUT}.") from error
    text = str(value)
    if not text:
        raise DataError(f"{archive.name}: no label beside {key!r}, only {listed(sorted(parts))}. {_LAYOUT}.")
    return (names[int(text)] if text.isdigit() and int(text) < len(names) else text), os.path.basename(file)
