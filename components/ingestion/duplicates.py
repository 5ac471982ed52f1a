"""Which pictures are the same to the last byte, within a split and across: found by their SHA-256.

A worker leaves 24 bytes for each picture beside its shard's result, and numpy joins them: 32 MB for 1.3 million.
Names stay in the plan files, where those of the first duplicates are looked up.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer import imagenet

NAMED = 100  # So many groups of duplicates are named, of each kind; the counts are exact.
_NAMES = 10  # Of one group.
# Half of a SHA-256: that two different ones of a million pictures agree in it has a chance of 1 in 10^26.
_SEEN = np.dtype([("high", "<u8"), ("low", "<u8"), ("place", "<u4"), ("label", "<u4")])


class Seen(NamedTuple):
    """A picture that was written: the SHA-256 of its file, its place in the shard's plan, and its label."""

    sha256: bytes
    place: int
    label: int


class Shard(NamedTuple):
    """Where a shard's pictures are told: its split, its plan file and what `write` left."""

    split: str
    plan: Path
    contents: Path


def write(seen: Sequence[Seen], path: Path) -> None:
    """Leaves what a shard holds, whole or not at all."""
    packed = (each.sha256[:16] + np.array([each.place, each.label], "<u4").tobytes() for each in seen)
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(b"".join(packed))
    os.replace(beside, path)


def compare(shards: Sequence[Shard]) -> dict[str, dict[str, dict[str, Any]]]:
    """What the report says of pictures that are there more than once, byte for byte.

    Returns:
        `duplicates`, by split: `copies` are pictures beyond the first of each content, `of_other_class` counts contents
        that lie under several labels, `first` has the names of the first such groups. And `in_train`, by each other
        split: `pictures` are those that train has too, `of_other_class` those that have another label there.
    """
    pictures = _Pictures(shards)
    splits = list(dict.fromkeys(shard.split for shard in shards))
    others = [split for split in splits if split != imagenet.TRAIN] if imagenet.TRAIN in splits else []
    return {
        "duplicates": {split: pictures.within(split) for split in splits},
        "in_train": {split: pictures.in_train(split) for split in others},
    }


class _Pictures:
    """All pictures in the order of the shards, and which have the same content: `group` counts contents from 0."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards
        seen = [np.frombuffer(shard.contents.read_bytes(), _SEEN) for shard in shards]
        self._shard = np.repeat(np.arange(len(shards), dtype=np.uint32), [len(each) for each in seen])
        joined = np.concatenate(seen)
        self._place, self._label = joined["place"], joined["label"]
        order = np.lexsort((joined["low"], joined["high"]))
        sorted_ = joined[order]
        new = (np.diff(sorted_["high"], prepend=sorted_["high"][:1]) != 0) | (
            np.diff(sorted_["low"], prepend=sorted_["low"][:1]) != 0
        )
        self._group = np.empty(len(joined), np.int64)
        self._group[order] = np.cumsum(new)
        self._groups = int(self._group.max(initial=-1)) + 1

    def within(self, split: str) -> dict[str, Any]:
        rows = self._rows(split)
        several = np.bincount(self._group[rows], minlength=self._groups) > 1
        return {
            "copies": len(rows) - len(np.unique(self._group[rows])),
            "of_other_class": int(np.count_nonzero(several & self._labels_differ(rows))),
            "first": self._first(rows[several[self._group[rows]]]),
        }

    def in_train(self, split: str) -> dict[str, Any]:
        train, other = self._rows(imagenet.TRAIN), self._rows(split)
        known = np.bincount(self._group[train], minlength=self._groups) > 0
        leaked = other[known[self._group[other]]]
        shared = np.zeros(self._groups, bool)
        shared[self._group[leaked]] = True
        rows = np.sort(np.concatenate([train[shared[self._group[train]]], leaked]))
        differ = self._labels_differ(rows)
        return {
            "pictures": len(leaked),
            "of_other_class": int(np.count_nonzero(differ[self._group[leaked]])),
            "first": self._first(rows),
        }

    def _rows(self, split: str) -> np.ndarray:
        of_split = np.array([shard.split == split for shard in self._shards])
        return np.flatnonzero(of_split[self._shard])

    def _labels_differ(self, rows: np.ndarray) -> np.ndarray:
        """Bool [groups]: the pictures of the group have several labels."""
        lowest, highest = np.full(self._groups, 2**32 - 1), np.zeros(self._groups, np.int64)
        np.minimum.at(lowest, self._group[rows], self._label[rows])
        np.maximum.at(highest, self._group[rows], self._label[rows])
        return lowest < highest

    def _first(self, rows: np.ndarray) -> list[list[str]]:
        """The names of the first groups among the rows, each group's in the shards' order."""
        groups: dict[int, list[int]] = {}
        for row in rows.tolist():
            group = int(self._group[row])
            if group in groups or len(groups) < NAMED:
                groups.setdefault(group, []).append(row)
        chosen = [members[:_NAMES] for members in groups.values()]
        names = self._names(row for members in chosen for row in members)
        return [[names[row] for row in members] for members in chosen]

    def _names(self, rows: Iterable[int]) -> dict[int, str]:
        names, by_shard = {}, {}
        for row in rows:
            by_shard.setdefault(int(self._shard[row]), []).append(row)
        for shard, members in by_shard.items():
            pictures = json.loads(self._shards[shard].plan.read_text())["pictures"]
            for row in members:
                names[row] = pictures[self._place[row]][0].encode("utf-8", "backslashreplace").decode()
        return names
