"""`--classes`: which classes of a source are taken. Their labels are 1…N in the source's own order."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from components.data_error import DataError
from components.sources import class_names
from components.sources.classes import listed
from trainer import imagenet, outside_file

_MAX_BYTES = 4 << 20  # Of a file of names: ImageNet's 21,841 wnids are a twentieth of it.


class Choice(NamedTuple):
    """Some names, or so many of the first; all where it says neither."""

    names: Sequence[str] = ()
    first: int | None = None

    @property
    def takes_all(self) -> bool:
        return not self.names and self.first is None

    def pick(self, root: str, names: Sequence[str]) -> list[str]:
        """The chosen ones of the classes that a source has, in its order.

        Raises:
            DataError: it does not have one of them, or not so many; or fewer than two are left.
        """
        if self.first is not None and self.first > len(names):
            raise DataError(f"--classes {self.first}: {root} has {len(names):,} classes. Give a smaller number.")
        asked = {class_names.same(name): name for name in self.names}
        there = {class_names.same(name) for name in names}
        if unknown := sorted(name for key, name in asked.items() if key not in there):
            raise DataError(f"--classes: {root} has no class {listed(unknown)}. It has {listed(names)}.")
        first = set(_counted(names)[: self.first])
        chosen = [name for name in names if (class_names.same(name) in asked if asked else name in first)]
        if not self.takes_all and len(chosen) < 2:
            raise DataError(f"--classes leaves {len(chosen)} class of {root}; wanted at least 2.")
        return chosen

    def of_splits(self, root: str, names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """What is chosen of train's classes, and which of these the other splits have.

        Raises:
            DataError: as pick.
        """
        if self.takes_all:
            return {split: list(there) for split, there in names.items()}
        chosen = self.pick(root, names[imagenet.TRAIN])
        known = {split: set(there) for split, there in names.items()}
        return {split: [name for name in chosen if name in known[split]] for split in names}


def _counted(names: Sequence[str]) -> Sequence[str]:
    """The order in which people count: numbers by their value, 2 before 10."""
    if all(name.isascii() and name.isdigit() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return names


ALL = Choice()


def parse(text: str) -> Choice:
    """What --classes says: a number, names with commas between them or as a list in JSON, or nothing for all.

    Raises:
        DataError: it is none of these, or a name comes twice.
    """
    names = _of_json(text) or [name.strip() for name in text.split(",") if name.strip()]
    if len(names) == 1 and "," not in text and names[0].isascii() and names[0].isdigit():
        return Choice(first=int(names[0]))
    if text.strip() and len(names) < 2:
        raise DataError(
            f"--classes is {text[:80]!r}; wanted at least two names with commas between them, a list of names in JSON, "
            "@FILE with a name a line, or a number."
        )
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise DataError(f"--classes has {listed(twice)} twice. Name each class once.")
    return Choice(tuple(names))


def written_out(text: str) -> str:
    """As parse takes it: for `@FILE` the names in it, so that what they are is in every key and no node needs the file.

    Raises:
        DataError: the file cannot be read, or is no list of names.
    """
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        lines = outside_file.read(path, most=_MAX_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, outside_file.OutsideFileError) as error:
        raise DataError(f"--classes {text} cannot be read: {error}. Wanted a text file with a name a line.") from error
    names = [line.strip() for line in lines if line.strip()]
    names = _of_json("".join(lines)) or names
    if len(names) < 2:
        raise DataError(f"--classes {text} has {len(names)} names; wanted at least 2, one a line.")
    commas = any("," in name for name in names)
    return json.dumps(names, ensure_ascii=False) if commas or names[0].startswith("[") else ",".join(names)


def _of_json(text: str) -> list[str]:
    """The names of a list in JSON; none where it is no such list, as `[a],b` is not."""
    try:
        names = outside_file.parse_json(text.encode(), "the list") if text.lstrip().startswith("[") else []
    except outside_file.OutsideFileError:
        return []
    return names if all(isinstance(name, str) and name for name in names) else []
