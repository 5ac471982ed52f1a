"""`--classes`: which classes of a source are taken. Their labels are 1…N in the source's own order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from components.data_error import DataError
from components.sources.classes import listed
from trainer import imagenet

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
        if unknown := sorted(set(self.names) - set(names)):
            raise DataError(f"--classes: {root} has no class {listed(unknown)}. It has {listed(names)}.")
        asked = set(self.names)
        chosen = [name for name in names if name in asked] if asked else list(names[: self.first])
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


ALL = Choice()


def parse(text: str) -> Choice:
    """What --classes says: a number, names with commas between them, or nothing for all.

    Raises:
        DataError: it is none of these, or a name comes twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) == 1 and "," not in text and names[0].isascii() and names[0].isdigit():
        return Choice(first=int(names[0]))
    if text.strip() and len(names) < 2:
        raise DataError(
            f"--classes is {text[:80]!r}; wanted at least two names with commas between them, @FILE with a name a "
            "line, or a number."
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
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--classes {text} cannot be read: {error}. Wanted a text file with a name a line.") from error
    names = [line.strip() for line in lines if line.strip()]
    if odd := [name for name in names if "," in name]:
        raise DataError(f"--classes {text}: {odd[0][:80]!r} has a comma in it. Wanted a name a line.")
    if len(names) < 2:
        raise DataError(f"--classes {text} has {len(names)} names; wanted at least 2, one a line.")
    return ",".join(names)
