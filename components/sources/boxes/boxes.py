"""Bounding boxes onto the pictures that they belong to: from a tar of PASCAL's XML files, or from the reference's CSV.

As TF-Slim's process_bounding_boxes.py: relative to the size in the XML, inverted ones turned, clamped, empty ones
dropped, and a box of another class of the set left out. To four decimals, as its CSV has them, so that both give the
same examples.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from components.data_error import DataError
from components.sources.boxes import csv_file, xml_files
from components.sources.imagenet.wordnet import is_known
from components.sources.source import Box, Entry, Source

CSV = "imagenet_2012_bounding_boxes.csv"  # As TF-Slim calls it.
_BESIDE = re.compile(r"ILSVRC2012_bbox_(train|val)(_v\d+)?\.(tar|tar\.gz|tgz)")
_DECIMALS = 4
_FATES = ("inverted", "clamped", "empty", "other_class", "of_no_picture")  # What is counted besides those taken.


class Found(NamedTuple):
    """One box as it was read: the picture's name without its suffix, its class if that was told, and its corners."""

    picture: str
    category: str | None
    corners: Box


def find(root: Path, given: str | None = None) -> list[str]:
    """The file that was given, else those that lie in the folder.

    Raises:
        DataError: the one given is not there.
    """
    if given:
        if not Path(given).is_file():
            raise DataError(f"--boxes {given} is no file. Wanted a tar of XML files, or a CSV.")
        return [given]
    if not root.is_dir():
        return []
    tars = sorted(entry.name for entry in root.iterdir() if _BESIDE.fullmatch(entry.name))
    return [str(root / name) for name in tars or [CSV] if (root / name).is_file()]


def add(source: Source, files: Sequence[str]) -> Source:
    """The source with the files' boxes on its pictures, and counts of what became of them.

    Without files, the boxes that the source itself brought.

    Raises:
        DataError: a file is damaged, or two pictures have the name that a box is for.
    """
    if not files:
        own = [entry for entries in source.splits.values() for entry in entries if entry.boxes]
        return source._replace(boxes=_report(own, Counter())) if own else source
    counts: Counter[str] = Counter()
    boxes = _read(source, files, counts)
    splits, used = {}, set()
    for split, entries in source.splits.items():
        splits[split] = [_with_boxes(entry, source, boxes, used, counts) for entry in entries]
    counts["of_no_picture"] += sum(len(found) for picture, found in boxes.items() if picture not in used)
    with_boxes = [entry for entries in splits.values() for entry in entries if entry.boxes]
    return source._replace(splits=splits, boxes=_report(with_boxes, counts))


def _report(entries: Sequence[Entry], counts: Mapping[str, int]) -> dict[str, int]:
    """What the ingestion report says of them."""
    taken = {"pictures": len(entries), "boxes": sum(len(entry.boxes) for entry in entries)}
    return taken | {name: counts.get(name, 0) for name in _FATES}


def _read(source: Source, files: Sequence[str], counts: Counter[str]) -> dict[str, list[tuple[str | None, Box]]]:
    """By picture: the class that a box is of, where it is one of the source's or of ImageNet's, and the box."""
    names = {category.name for category in source.categories}
    boxes: dict[str, list[tuple[str | None, Box]]] = {}
    for found in chain.from_iterable(map(_boxes, files)):
        if box := _clean(found.corners, counts):
            # Many dogs' boxes have a word where the class should be: only a class of the set is taken for one.
            category = found.category if found.category in names or is_known(found.category or "") else None
            boxes.setdefault(found.picture, []).append((category, box))
    return boxes


def _boxes(file: str) -> Iterator[Found]:
    read: Iterable[tuple[str, str | None, Box]] = csv_file.read(file) if file.endswith(".csv") else xml_files.read(file)
    return (Found(*each) for each in read)


def _clean(corners: Box, counts: Counter[str]) -> Box | None:
    """None for an empty one."""
    x0, y0, x1, y1 = corners
    counts["inverted"] += x0 > x1 or y0 > y1
    counts["clamped"] += not 0 <= min(corners) <= max(corners) <= 1
    x0, x1 = sorted((x0, x1))
    y0, y1 = sorted((y0, y1))
    box = tuple(round(min(max(side, 0.0), 1.0), _DECIMALS) for side in (x0, y0, x1, y1))
    if box[0] < box[2] and box[1] < box[3]:
        return box  # pyright: ignore[reportReturnType] # Four of four.
    counts["empty"] += 1
    return None


def _with_boxes(
    entry: Entry,
    source: Source,
    boxes: Mapping[str, Sequence[tuple[str | None, Box]]],
    used: set[str],
    counts: Counter[str],
) -> Entry:
    picture = entry.name.rpartition("/")[2].rpartition(".")[0]
    found = boxes.get(picture, ())
    if not found:
        return entry._replace(boxes=()) if entry.boxes else entry
    if picture in used:
        raise DataError(f"a bounding box is for {picture!r}, and several pictures are called so: {entry.name} is one.")
    used.add(picture)
    own = source.categories[entry.label - 1].name
    taken = tuple(box for category, box in found if category in (None, own))
    counts["other_class"] += len(found) - len(taken)
    return entry._replace(boxes=taken)
