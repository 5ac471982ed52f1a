"""Class folders as a source: `train/<class>/*.jpg` and `eval/<class>/*.jpg` under one folder."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.source import Category, DataError, Entry, Source
from trainer import imagenet

EVAL_NAMES = ("eval", "val", "validation")
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")  # In any case; other files are left out and counted.
_WNID = re.compile(r"n\d{8}")
_LAYOUT = "Wanted train/<class>/*.jpg and eval/<class>/*.jpg"


def scan(root: str) -> Source:
    """Lists the pictures under a folder without opening them. Classes sorted by name get the labels 1…N.

    Raises:
        DataError: no such folder, a split missing or empty, classes that differ between the splits, fewer than two
            classes, a class called `background` or without pictures, or a link that leads out of the folder.
    """
    folders = _split_folders(Path(root))
    classes = {split: _class_names(folder) for split, folder in folders.items()}
    _check_classes(root, classes)
    names = classes[imagenet.TRAIN]
    labels = {name: label for label, name in enumerate(names, start=1)}
    splits, ignored = {}, 0
    for split, folder in folders.items():
        splits[split], unknown = _entries(Path(root), split, folder, labels)
        ignored += unknown
    _check_filled(root, names, splits)
    return Source(_categories(names), splits, ignored)


def scan_split(root: str, *, labels: Sequence[str] = ()) -> Source:
    """One folder of class folders, `<class>/*.jpg` or `eval/<class>/*.jpg`, as an eval split alone.

    Args:
        labels: What the outputs of a model are called, the background first: each folder gets its own name's label.
            Without them the folders get 1…N by name.

    Raises:
        DataError: no class folders, one without pictures, or one that is none of the labels.
    """
    folder = _eval_folder(Path(root))
    names = _class_names(folder)
    _check_classes(root, {imagenet.EVAL: names, imagenet.TRAIN: names})
    known = list(labels) or [imagenet.BACKGROUND, *names]
    if unknown := sorted(set(names) - set(known)):
        raise DataError(
            f"{folder}: no output of the model is called {_listed(unknown)}. It knows {_listed(known[1:])}. "
            "Name the folders as the classes it was trained on."
        )
    places = {name: label for label, name in enumerate(known)}
    entries, ignored = _entries(Path(root), imagenet.EVAL, folder, {name: places[name] for name in names})
    filled = {entry.label for entry in entries}
    if empty := [name for name in names if places[name] not in filled]:
        raise DataError(f"{folder}: no pictures in {_listed(empty)}. Fill these folders or remove them.")
    return Source(_categories(known[1:]), {imagenet.EVAL: entries}, ignored)


def _eval_folder(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"{root} {'is a file' if root.exists() else 'does not exist'}. Wanted <class>/*.jpg in it.")
    return next((root / name for name in EVAL_NAMES if (root / name).is_dir()), root)


def fingerprint(root: str) -> str:
    """Digest of every picture's name, size and time of change: what decides whether a folder was ingested already.

    TFX's own fingerprint adds up sizes and seconds, so a picture moved to another class does not change it.
    """
    digest = hashlib.sha256()
    source = scan(root)
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


def _split_folders(root: Path) -> dict[str, Path]:
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise DataError(f"{root} {state}. {_LAYOUT} in it. Give the folder that holds them with --data.")
    present = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    evals = [name for name in EVAL_NAMES if name in present]
    if imagenet.TRAIN not in present or not evals:
        raise DataError(
            f"{root}: no {imagenet.TRAIN if imagenet.TRAIN not in present else imagenet.EVAL} folder. Found: "
            f"{_listed(present) or 'no folders'}. {_LAYOUT} (the second may also be called val or validation)."
        )
    if len(evals) > 1:
        raise DataError(f"{root}: {_listed(evals)} are all evaluation folders. Keep one of them.")
    return {imagenet.TRAIN: root / imagenet.TRAIN, imagenet.EVAL: root / evals[0]}


def _class_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        if not name.isprintable():  # labels.txt has one name a line, in UTF-8.
            raise DataError(f"{folder}: the class folder {name!r} has unprintable characters. Rename it.")
        if name == imagenet.BACKGROUND:
            raise DataError(f"{folder}: no class may be called {name!r}: that is class 0 of every model. Rename it.")
    return names


def _check_classes(root: str, classes: dict[str, list[str]]) -> None:
    train, evaluation = (set(classes[split]) for split in (imagenet.TRAIN, imagenet.EVAL))
    if train and evaluation and train != evaluation:
        raise DataError(
            f"{root}: train and eval differ in their classes. "
            f"Only in train: {_listed(sorted(train - evaluation)) or '-'}. "
            f"Only in eval: {_listed(sorted(evaluation - train)) or '-'}. Both need the same class folders: "
            "add the missing ones or remove the extra ones."
        )
    for split, names in classes.items():
        if len(names) < 2:
            raise DataError(f"{root}: {split} has {len(names)} class folders; wanted at least 2. {_LAYOUT}.")


def _entries(root: Path, split: str, folder: Path, labels: dict[str, int]) -> tuple[list[Entry], int]:
    """The picture files of a split, sorted, and the number of other files."""
    entries, ignored = [], 0
    inside = os.path.realpath(root)
    for name, label in labels.items():
        _check_inside(inside, str(folder / name))
        for file, path, linked in _files(folder / name):
            if not file.lower().endswith(SUFFIXES):
                ignored += 1
                continue
            if linked:
                _check_inside(inside, path)
            entries.append(Entry(f"{split}/{name}/{file}", path, label))
    return entries, ignored


def _files(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Name, path and whether it is a link, sorted by name; hidden files and folders are passed over."""
    with os.scandir(folder) as entries:
        found = [(e.name, e.path, e.is_symlink()) for e in entries if not e.name.startswith(".") and not e.is_dir()]
    return iter(sorted(found))


def _check_inside(root: str, path: str) -> None:
    real = os.path.realpath(path)
    if os.path.commonpath([root, real]) != root:
        raise DataError(f"{path} is a link to {real}, outside {root}. Copy the pictures in, or remove the link.")


def _check_filled(root: str, names: list[str], splits: dict[str, list[Entry]]) -> None:
    empty = []
    for split, entries in splits.items():
        filled = {entry.label for entry in entries}
        empty += [f"{split}/{name}" for label, name in enumerate(names, start=1) if label not in filled]
    if empty:
        raise DataError(
            f"{root}: no pictures in {_listed(empty)}. Every class needs at least one file ending in "
            f"{', '.join(SUFFIXES)} in train and in eval: fill these folders or remove the class from both."
        )


def _categories(names: list[str]) -> list[Category]:
    """ImageNet's folders are wnids, which the reference wrote as the synset; otherwise the folder's name identifies."""
    if all(_WNID.fullmatch(name) for name in names):
        return [Category(name, name, name) for name in names]
    return [Category(name, name, name.replace("_", " ")) for name in names]


def _listed(names: list[str], limit: int = 20) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
