"""A part of train that is measured on: the fraction that `--holdout` names, or, where nothing else is, a part by class.

Both go by a hash of each picture's class and name. Under `--holdout` a picture's side depends on its own name alone, so
that pictures that are added or taken away move no others; only where a class would have none on one side, one moves.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from components.data_error import DataError
from components.sources.classes import listed
from components.sources.source import Entry, Source, identity
from trainer import imagenet

MINIVAL = "minival"  # What the part is called where the source has an eval split, which stays as it is.
DEFAULT_SHARE = 0.2  # Of each class, where a source has no evaluation split and no other share was asked for.
_WHOLE = 2**64


def cut(source: Source, root: str, share: float) -> Source:
    """The source with that share of train as another split, at least one picture of each class on either side.

    Raises:
        DataError: a class has one picture alone.
    """
    if not share:
        return source
    train = source.splits[imagenet.TRAIN]
    held = {place for place, entry in enumerate(train) if is_held_out(entry.name, share)}
    in_both = {train[place].label for place in held} & {e.label for place, e in enumerate(train) if place not in held}
    for label, places in _by_label(train).items() if len(in_both) < len(source.categories) else ():
        if label not in in_both and len(places) > 1:
            held ^= {min(places, key=lambda place: abs(_place(train[place].name) - share * _WHOLE))}
    return _divided(source, root, held)


def by_class(source: Source, root: str, share: float = DEFAULT_SHARE) -> Source:
    """The source with that share of each class of train as its eval split: at least one picture, and not all.

    Raises:
        DataError: a class has one picture alone.
    """
    train = source.splits[imagenet.TRAIN]
    held: set[int] = set()
    for places in _by_label(train).values():
        count = max(1, int(len(places) * share + 0.5))
        held.update(sorted(places, key=lambda place: _place(train[place].name))[:count])
    said = f"no evaluation split was found: {share:.0%} of each class is held out for it"
    return _divided(source, root, held)._replace(notes=[*source.notes, said])


def is_held_out(name: str, share: float) -> bool:
    """Of `<split>/<class>/<file>`; the shards have another hash of it, so that their order says nothing of the side."""
    return _place(name) < share * _WHOLE


def _place(name: str) -> int:
    said = identity(name).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(b"holdout\0" + said).digest()[:8], "big")


def _by_label(train: Sequence[Entry]) -> dict[int, list[int]]:
    grouped: dict[int, list[int]] = {}
    for place, entry in enumerate(train):
        grouped.setdefault(entry.label, []).append(place)
    return grouped


def _divided(source: Source, root: str, held: set[int]) -> Source:
    train = source.splits[imagenet.TRAIN]
    _check_pairs(source, root, train)
    name = MINIVAL if imagenet.EVAL in source.splits else imagenet.EVAL
    kept = [entry for place, entry in enumerate(train) if place not in held]
    out = [e._replace(name=f"{name}/{e.name.partition('/')[2]}") for p, e in enumerate(train) if p in held]
    return source._replace(splits={imagenet.TRAIN: kept, **_others(source), name: out})


def _others(source: Source) -> dict[str, Sequence[Entry]]:
    return {split: entries for split, entries in source.splits.items() if split != imagenet.TRAIN}


def _check_pairs(source: Source, root: str, train: Sequence[Entry]) -> None:
    """A class of one picture cannot be trained on and measured."""
    alone = sorted(label for label, count in Counter(entry.label for entry in train).items() if count < 2)
    if alone:
        names = [source.categories[label - 1].name for label in alone]
        raise DataError(
            f"{root}: the training pictures have one picture alone of {listed(names)}; wanted at least two of each "
            "class, one to train on and one to measure on. Add pictures, give an evaluation split, or leave the class "
            "out with --classes."
        )
