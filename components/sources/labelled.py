"""Pictures of which each says its class and its split itself, in a table or beside it: as a source like any other."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from components.data_error import DataError
from components.sources import class_names
from components.sources.class_choice import Choice
from components.sources.classes import categories, check_classes, check_filled, check_name, listed
from components.sources.source import Entry, Source
from trainer import imagenet

# What a split may be called. `test` is measured on only where there is no other part to measure on.
_SPLITS = {
    imagenet.TRAIN: ("train", "training"),
    imagenet.EVAL: ("eval", "val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
_SPLIT_OF = {name: split for split, names in _SPLITS.items() for name in names}


class Row(NamedTuple):
    """One picture: its split as split_of has it, its class, its file's name, and where it lies."""

    split: str
    label: str
    file: str
    path: str
    offset: int = 0
    size: int | None = None


def split_of(name: str) -> str | None:
    """`train`, `eval` or `test` for any of their usual names; None for another."""
    return _SPLIT_OF.get(name.strip().lower())


def measured_on(splits: Iterable[str]) -> tuple[str, ...]:
    """Which splits are taken: train, and eval or, where there is none, test."""
    there = set(splits)
    second = imagenet.EVAL if imagenet.EVAL in there else "test"
    return tuple(split for split in (imagenet.TRAIN, second) if split in there)


def source(
    root: str, rows: Sequence[Row], choice: Choice, *, order: Sequence[str] = (), lost: Sequence[str] = ()
) -> Source:
    """The rows as a source. Classes sorted by name get the labels 1…N.

    Args:
        order: The classes in the order of their labels, where the data say so.
        lost: Files that may be pictures of a kind that is not read.

    Raises:
        DataError: no training pictures, classes that differ between the splits, or a class that is empty or cannot be
            called so.
    """
    splits = measured_on(row.split for row in rows)
    if imagenet.TRAIN not in splits:
        there = listed(sorted({row.split for row in rows})) or "no pictures"
        raise DataError(f"{root}: no training pictures, only {there}. Wanted a split called train, or none at all.")
    shown: dict[str, str] = {}  # By what its spellings have in common, the name of each class.
    for name in (*order, *sorted({row.label for row in rows})):
        check_name(shown.setdefault(class_names.same(name), name), where=root)
    rows = [row._replace(label=shown[class_names.same(row.label)]) for row in rows]
    there = {split: {row.label for row in rows if row.split == split} for split in splits}
    classes = choice.of_splits(
        root, {split: [name for name in shown.values() if name in labels] for split, labels in there.items()}
    )
    check_classes(root, classes)
    chosen = classes[imagenet.TRAIN]
    entries = _entries(rows, splits, {name: label for label, name in enumerate(chosen, start=1)})
    check_filled(root, chosen, entries)
    named = {imagenet.TRAIN: imagenet.TRAIN, imagenet.EVAL: imagenet.EVAL, "test": imagenet.EVAL}
    return Source(categories(chosen), {named[split]: found for split, found in entries.items()}, len(lost), lost=lost)


def _entries(rows: Iterable[Row], splits: Sequence[str], labels: Mapping[str, int]) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {split: [] for split in splits}
    seen: set[str] = set()
    for row in rows:
        if row.split in entries and row.label in labels:
            split = imagenet.TRAIN if row.split == imagenet.TRAIN else imagenet.EVAL
            name = f"{split}/{row.label}/{row.file}"
            if name in seen:  # Where pictures have no folders, many may be called image.jpg.
                name = f"{split}/{row.label}/{os.path.basename(row.path)}/{row.offset}/{row.file}"
            seen.add(name)
            entries[row.split].append(Entry(name, row.path, labels[row.label], row.offset, row.size))
    return entries
