"""The classes of a source: what they may be called, that both splits have the same ones, and what stands for them."""

import re
from collections.abc import Iterable, Mapping, Sequence

from components.data_error import DataError
from components.sources import class_names
from components.sources.imagenet.wordnet import words
from components.sources.source import Category, Entry
from trainer import imagenet
from trainer.listing import first_of

WNID = re.compile(r"n\d{8}")
_NAMED_AFTER = re.compile(rf"({WNID.pattern})_.*")
_MENDED = "Wanted train/<class>/*.jpg and eval/<class>/*.jpg"


def categories(names: Sequence[str]) -> list[Category]:
    """ImageNet's folders are wnids, which the reference wrote as the synset, and their words as the text.

    Of other folders the name is both.
    """
    if all(WNID.fullmatch(name) for name in names):
        return [Category(name, name, words(name)) for name in names]
    return [Category(name, name, name.replace("_", " ")) for name in names]


def wnid_of(file: str) -> str | None:
    """The wnid that a file of ImageNet's training pictures is called after; None of any other file."""
    match = _NAMED_AFTER.fullmatch(file)
    return match[1] if match else None


def check_name(name: str, *, where: object) -> None:
    """What a class may be called.

    Raises:
        DataError: a character that no name may have, or the name of class 0.
    """
    if character := class_names.fault(name):
        raise DataError(f"{where}: the name of the class {name!a} has {character}. Rename it.")
    if name == imagenet.BACKGROUND:
        raise DataError(f"{where}: no class may be called {name!r}: that is class 0 of every model. Rename it.")


def check_classes(root: str, classes: Mapping[str, Iterable[str]]) -> None:
    """Both splits have the same classes, two at least.

    Raises:
        DataError: naming the classes that only one of them has.
    """
    train, evaluation = (set(classes.get(split, ())) for split in (imagenet.TRAIN, imagenet.EVAL))
    if train and evaluation and train != evaluation:
        raise DataError(
            f"{root}: train and eval differ in their classes. "
            f"Only in train: {listed(sorted(train - evaluation)) or '-'}. "
            f"Only in eval: {listed(sorted(evaluation - train)) or '-'}. Both need the same class folders: "
            "add the missing ones or remove the extra ones."
        )
    for split, names in classes.items():
        if (count := len(set(names))) < 2:
            raise DataError(f"{root}: {split} has {count} class folders; wanted at least 2. {_MENDED}.")


def check_filled(root: str, names: Sequence[str], splits: Mapping[str, Sequence[Entry]]) -> None:
    """Every class has a picture in each split.

    Raises:
        DataError: naming those that have none.
    """
    empty = []
    for split, entries in splits.items():
        filled = {entry.label for entry in entries}
        empty += [f"{split}/{name}" for label, name in enumerate(names, start=1) if label not in filled]
    if empty:
        raise DataError(
            f"{root}: no pictures in {listed(empty)}. Every class needs at least one JPEG, PNG, GIF, BMP or WebP in "
            "train and in eval: fill these folders or remove the class from both."
        )


def listed(names: Sequence[str], limit: int = 20) -> str:
    """Names of classes or folders in a sentence."""
    return first_of(names, limit)
