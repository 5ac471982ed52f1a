"""Class folders as a source: `train/<class>/*.jpg` and `eval/<class>/*.jpg` under one folder."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources.class_choice import ALL, Choice
from components.sources.classes import categories, check_classes, check_filled, check_name, is_picture, listed
from components.sources.source import Entry, Source
from trainer import imagenet

EVAL_NAMES = ("eval", "val", "validation")
BOTH = (imagenet.TRAIN, imagenet.EVAL)
_LAYOUT = "Wanted train/<class>/*.jpg and eval/<class>/*.jpg"


def scan(root: str, *, splits: Sequence[str] = BOTH, choice: Choice = ALL) -> Source:
    """Lists the pictures under a folder without opening them. Classes sorted by name get the labels 1…N.

    Args:
        splits: Which to list: an eval split may be cut from train instead.
        choice: Of the classes.

    Raises:
        DataError: no such folder, a split missing or empty, classes that differ between the splits, fewer than two
            classes, a class called `background` or without pictures, or a link that leads out of the folder.
    """
    folders = _split_folders(Path(root), splits)
    classes = choice.of_splits(root, {split: _class_names(folder) for split, folder in folders.items()})
    check_classes(root, classes)
    names = classes[imagenet.TRAIN]
    labels = {name: label for label, name in enumerate(names, start=1)}
    entries, ignored = {}, 0
    for split, folder in folders.items():
        entries[split], unknown = _entries(Path(root), split, folder, labels)
        ignored += unknown
    check_filled(root, names, entries)
    return Source(categories(names), entries, ignored)


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
    check_classes(root, {imagenet.EVAL: names, imagenet.TRAIN: names})
    known = list(labels) or [imagenet.BACKGROUND, *names]
    if unknown := sorted(set(names) - set(known)):
        raise DataError(
            f"{folder}: no output of the model is called {listed(unknown)}. It knows {listed(known[1:])}. "
            "Name the folders as the classes it was trained on."
        )
    places = {name: label for label, name in enumerate(known)}
    entries, ignored = _entries(Path(root), imagenet.EVAL, folder, {name: places[name] for name in names})
    filled = {entry.label for entry in entries}
    if empty := [name for name in names if places[name] not in filled]:
        raise DataError(f"{folder}: no pictures in {listed(empty)}. Fill these folders or remove them.")
    return Source(categories(known[1:]), {imagenet.EVAL: entries}, ignored)


def _eval_folder(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"{root} {'is a file' if root.exists() else 'does not exist'}. Wanted <class>/*.jpg in it.")
    return next((root / name for name in EVAL_NAMES if (root / name).is_dir()), root)


def fingerprint(root: str, *, splits: Sequence[str] = BOTH) -> str:
    """Digest of every picture's name, size and time of change: what decides whether a folder was ingested already.

    TFX's own fingerprint adds up sizes and seconds, so a picture moved to another class does not change it.
    """
    digest = hashlib.sha256()
    source = scan(root, splits=splits)
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


def _split_folders(root: Path, splits: Sequence[str]) -> dict[str, Path]:
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise DataError(f"{root} {state}. {_LAYOUT} in it. Give the folder that holds them with --data.")
    present = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    evals = [name for name in EVAL_NAMES if name in present]
    if imagenet.TRAIN in present and imagenet.EVAL not in splits:
        return {imagenet.TRAIN: root / imagenet.TRAIN}
    if imagenet.TRAIN not in present or not evals:
        raise DataError(
            f"{root}: no {imagenet.TRAIN if imagenet.TRAIN not in present else imagenet.EVAL} folder. Found: "
            f"{listed(present) or 'no folders'}. {_LAYOUT} (the second may also be called val or validation); or tars: "
            "train.tar and val.tar of class folders, or ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar; or "
            "TFRecords of TF-Slim or TFDS. Without an evaluation folder, --holdout takes a part of train for it."
        )
    if len(evals) > 1:
        raise DataError(f"{root}: {listed(evals)} are all evaluation folders. Keep one of them.")
    return {imagenet.TRAIN: root / imagenet.TRAIN, imagenet.EVAL: root / evals[0]}


def _class_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        check_name(name, where=folder)
    return names


def _entries(root: Path, split: str, folder: Path, labels: dict[str, int]) -> tuple[list[Entry], int]:
    """The picture files of a split, sorted, and the number of other files."""
    entries, ignored = [], 0
    inside = os.path.realpath(root)
    for name, label in labels.items():
        _check_inside(inside, str(folder / name))
        for file, path, linked in _files(folder / name):
            if not is_picture(file):
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
