"""What every source of pictures hands to ingestion: the classes, and the pictures of each split with their labels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trainer.pictures.exif import Box

__all__ = ["Box", "Category", "Entry", "Source", "identity"]


class Category(NamedTuple):
    """One class: its folder's name, the reference's `synset` and the words for people."""

    name: str
    synset: str
    text: str


class Entry(NamedTuple):
    """One picture: its name for reports (`train/<class>/<file>`), where it lies, and its label, 1…N.

    It is `size` bytes from `offset` on of the file at `path`, which is a tar or a TFRecord file; without a size, all of
    the file. In a TFRecord, so many bytes of its record lie before it and after it: the record's checksum is of all.
    """

    name: str
    path: str
    label: int
    offset: int = 0
    size: int | None = None
    before: int = 0
    after: int = 0
    boxes: Sequence[Box] = ()


class Source(NamedTuple):
    """All there is to ingest. `categories[i]` has label i + 1; `ignored` counts files that are no pictures.

    `boxes` counts what became of the bounding boxes (boxes/boxes.py), and is empty where there are none. `lost`
    names those ignored files that may be pictures of a kind that is not read; `notes` say what was decided for users.
    `unpack`, where it is there, puts the pictures into files of a folder first: until then a picture has no place.
    """

    categories: Sequence[Category]
    splits: Mapping[str, Sequence[Entry]]
    ignored: int
    boxes: Mapping[str, int] = {}
    lost: Sequence[str] = ()
    notes: Sequence[str] = ()
    unpack: Callable[["Source", Path], "Source"] | None = None


def identity(name: str) -> str:
    """`<class>/<file>` of a picture's name, wherever under its class the file lies: pictures are ordered by a hash of
    it, and divided into splits."""
    rest = name.partition("/")[2]
    if rest.count("/") == 1:
        return rest
    category, *_, file = rest.split("/")
    return f"{category}/{file}"
