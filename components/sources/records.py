"""Pictures in tf.Examples, whoever wrote these: each one's place, name and class, and what all must agree on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from components.containers import tf_example, tfrecord
from components.data_error import DataError
from components.sources.class_choice import Choice
from components.sources.classes import WNID, categories, check_filled, check_name, listed
from components.sources.source import Entry, Source


class Found(NamedTuple):
    """One record: the file and byte for messages, where the picture lies, and the features beside it."""

    where: str
    path: str
    parts: tf_example.Parts
    before: int
    after: int

    def one(self, key: str) -> bytes | float | int | None:
        """The only value of a feature; None where there is none.

        Raises:
            DataError: there are several.
        """
        values = self.parts.features.get(key, [])
        if len(values) > 1:
            raise DataError(f"{self.where}: {key!r} has {len(values)} values; wanted one.")
        return values[0] if values else None

    def number(self, key: str) -> int:
        """An int64 that must be there.

        Raises:
            DataError: it is not.
        """
        value = self.one(key)
        if not isinstance(value, int):
            raise DataError(f"{self.where}: {key!r} is {self._said(value)}; wanted a number.")
        return value

    def text(self, key: str) -> str:
        """Of bytes; empty where there are none.

        Raises:
            DataError: it is no text.
        """
        value = self.one(key)
        try:
            return (value or b"").decode()  # pyright: ignore[reportAttributeAccessIssue] # Numbers are caught.
        except (UnicodeDecodeError, AttributeError):
            raise DataError(f"{self.where}: {key!r} is {self._said(value)}; wanted text in UTF-8.") from None

    def file_name(self, key: str) -> str:
        """The picture's, which must be there: what it is called, and which shard it goes to.

        Raises:
            DataError: it is no name of a file.
        """
        name = self.text(key)
        if not name or "/" in name or not name.isprintable():
            raise DataError(f"{self.where}: {key!r} is {name[:200]!r}; wanted the name of the picture's file.")
        return name

    def _said(self, value: object) -> str:
        return "not there" if value is None else repr(value)[:80]


Read = Callable[[str, Found], tuple[int, str, str]]  # (split, record) → label from 1 on, its class, the file's name.


def records(path: str, *, picture: str, wanted: Sequence[str]) -> Iterator[Found]:
    """The pictures of a TFRecord file; they themselves are not read.

    Raises:
        DataError: the file is damaged or compressed, or a record is no tf.Example with one picture.
    """
    with tfrecord.opened(path) as file:
        for frame in file.frames():
            parts = tf_example.parts(file, frame, picture=picture, wanted=wanted)
            after = frame.end - parts.offset - parts.size
            yield Found(f"{path}, byte {frame.start:,}", path, parts, parts.offset - frame.start, after)


def source(
    root: str,
    splits: Mapping[str, Iterator[Found]],
    read: Read,
    choice: Choice,
    *,
    with_boxes: Callable[[Found], Sequence] = lambda _: (),
) -> Source:
    """All records as pictures with labels.

    Raises:
        DataError: labels, classes and names of files contradict each other, a name comes twice, labels are missing, or
            a class has no picture in a split.
    """
    names: dict[int, str] = {}
    entries = {}
    for split, found in splits.items():
        entries[split] = list(_entries(split, found, read, names, with_boxes))
    ordered = _in_order(root, names)
    chosen = choice.pick(root, ordered)
    if chosen != ordered:
        entries = {split: _relabelled(each, ordered, chosen) for split, each in entries.items()}
    check_filled(root, chosen, entries)
    return Source(categories(chosen), entries, 0)


def _entries(
    split: str, found: Iterator[Found], read: Read, names: dict[int, str], with_boxes: Callable[[Found], Sequence]
) -> Iterator[Entry]:
    seen: set[str] = set()
    for each in found:
        label, category, file = read(split, each)
        _check_class(each, label, category, names)
        name = f"{split}/{category}/{file}"
        if name in seen:
            raise DataError(f"{each.where}: a second picture is called {file!r} in {category!r} of {split}.")
        seen.add(name)
        place = each.parts
        yield Entry(name, each.path, label, place.offset, place.size, each.before, each.after, with_boxes(each))


def _check_class(found: Found, label: int, category: str, names: dict[int, str]) -> None:
    if label not in names:
        if "/" in category:
            raise DataError(f"{found.where}: a class is called {category!r}; wanted a name without a slash.")
        check_name(category, where=found.where)
    if names.setdefault(label, category) != category:
        raise DataError(
            f"{found.where}: label {label} is {category!r} here and {names[label]!r} in an earlier record. "
            "One of them is wrong: write the records again."
        )


def _in_order(root: str, names: Mapping[int, str]) -> list[str]:
    """The classes by their labels, which are 1…N; those of wnids in their order, as everybody has it."""
    labels = sorted(names)
    if labels != list(range(1, len(labels) + 1)):
        there = f"{labels[0]} to {labels[-1]}" if labels else "none"
        raise DataError(
            f"{root}: {len(labels):,} labels, {there} (the background is 0); wanted every one from 1 on. "
            "TF-Slim's records have them so; TFDS's have them one less."
        )
    ordered = [names[label] for label in labels]
    if twice := sorted(name for name, count in Counter(ordered).items() if count > 1):
        raise DataError(f"{root}: {listed(twice)} has several labels; wanted one for a class.")
    are_wnids = all(WNID.fullmatch(name) for name in ordered)
    for label, (name, wanted) in enumerate(zip(ordered, sorted(ordered), strict=True), start=1):
        if are_wnids and name != wanted:
            raise DataError(
                f"{root}: label {label} is {name}, where {wanted} was wanted: labels go by the sorted wnids (n01440764 "
                "is 1). ILSVRC2012_IDs, of the development kit, are no such labels."
            )
    return ordered


def _relabelled(entries: Sequence[Entry], ordered: Sequence[str], chosen: Sequence[str]) -> list[Entry]:
    labels = {ordered.index(name) + 1: label for label, name in enumerate(chosen, start=1)}
    return [entry._replace(label=labels[entry.label]) for entry in entries if entry.label in labels]
