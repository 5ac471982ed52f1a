"""`--holdout`: a part of train that is measured on, cut by a hash of each picture's name.

A picture's side depends on its own name alone: pictures that are added or taken away move none of the others.
"""

import hashlib
from collections.abc import Sequence

from components.data_error import DataError
from components.sources.classes import listed
from components.sources.source import Entry, Source
from trainer import imagenet

MINIVAL = "minival"  # What the part is called where the source has an eval split, which stays as it is.


def check(share: float) -> None:
    """Before any work.

    Raises:
        DataError: it is no share below 1.
    """
    if not 0 <= share < 1:
        raise DataError(f"--holdout is {share}; wanted a share from 0 up to 1, such as 0.1 for a tenth of train.")


def cut(source: Source, root: str, share: float) -> Source:
    """The source with that share of train as another split.

    Raises:
        DataError: a class has pictures on one side only.
    """
    if not share:
        return source
    name = MINIVAL if imagenet.EVAL in source.splits else imagenet.EVAL
    held, kept = [], []
    for entry in source.splits[imagenet.TRAIN]:
        if is_held_out(entry.name, share):
            held.append(entry._replace(name=f"{name}/{entry.name.partition('/')[2]}"))
        else:
            kept.append(entry)
    _check_filled(source, root, share, {imagenet.TRAIN: kept, name: held})
    return source._replace(splits={imagenet.TRAIN: kept, **_others(source), name: held})


def is_held_out(name: str, share: float) -> bool:
    """Of `<split>/<class>/<file>`; the shards have another hash of it, so that their order says nothing of the side."""
    said = name.partition("/")[2].encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(b"holdout\0" + said).digest()[:8], "big") < share * 2**64


def _others(source: Source) -> dict[str, Sequence[Entry]]:
    return {split: entries for split, entries in source.splits.items() if split != imagenet.TRAIN}


def _check_filled(source: Source, root: str, share: float, sides: dict[str, list[Entry]]) -> None:
    for split, entries in sides.items():
        filled = {entry.label for entry in entries}
        names = [category.name for label, category in enumerate(source.categories, start=1) if label not in filled]
        if names:
            raise DataError(
                f"{root}: --holdout {share} leaves no picture of {listed(names)} in {split}. Give another share, or "
                "more pictures of these classes."
            )
