"""Names of classes: one normal form to compare by, the original to show, and which characters no name may have."""

import unicodedata
from collections.abc import Mapping, Sequence

from components.data_error import DataError

# Controls and ends of lines, since labels.txt has one name a line; halves of surrogate pairs, which stand for bytes
# that are no UTF-8.
_REFUSED = frozenset({"Cc", "Zl", "Zp", "Cs"})
# These turn the text behind them round, so that a name could be shown as another one.
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def same(name: str) -> str:
    """What two spellings of one name have in common: é is one character or two, as the file system has it."""
    return unicodedata.normalize("NFC", name)


def alike(names: Sequence[str]) -> list[str]:
    """A sentence for each two names that differ in case or in how a character is composed only: likely one class."""
    first: dict[str, str] = {}
    pairs = [(first.setdefault(unicodedata.normalize("NFKC", name).casefold(), name), name) for name in names]
    return [
        f"The classes {one!r} and {other!r} ({one!a} and {other!a}) differ in case or composition only. "
        "They are two classes; merge them if they are meant to be one."
        for one, other in pairs
        if one != other
    ]


def fault(name: str) -> str | None:
    """The first character that no name may have, by its code point; None where there is none."""
    for character in name:
        kind = unicodedata.category(character)
        if kind == "Cs":
            return f"the byte 0x{ord(character) & 0xFF:02X}, which is no UTF-8"
        if kind in _REFUSED or character in _TURNING:
            said = unicodedata.name(character, "a control character")
            return f"the character U+{ord(character):04X} ({said})"
    return None


def aligned(root: str, splits: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """For each split: what a class is called in the first split, and what there.

    Raises:
        DataError: two names of a split are spellings of one.
    """
    shown: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for split, names in splits.items():
        there: dict[str, str] = {}
        for name in names:
            as_shown = shown.setdefault(same(name), name) if not found else shown.get(same(name), name)
            if as_shown in there:
                spelled = " and ".join(ascii(each) for each in (there[as_shown], name))
                raise DataError(
                    f"{root}: {split} has the class {as_shown!r} twice, spelled {spelled}. Merge the two folders."
                )
            there[as_shown] = name
        found[split] = there
    return found
