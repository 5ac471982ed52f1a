"""What ImageNet's validation pictures show: a wnid each, in the order of their sorted file names."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from components.data_error import DataError
from components.sources import tar_files
from components.sources.classes import WNID
from components.sources.imagenet import devkit

WNID_LIST = "imagenet_2012_validation_synset_labels.txt"  # As TF-Slim has it.
KIT = "ILSVRC2012_devkit_t12"
_WANTED = (
    f"Wanted {WNID_LIST} (a wnid a line, for the sorted pictures), {KIT}.tar.gz or the folder {KIT} beside the tars, "
    "or the path of one of them with --ground-truth"
)


class GroundTruth(NamedTuple):
    """The wnids, and what messages call their source."""

    name: str
    wnids: Sequence[str]

    @property
    def digest(self) -> str:
        """Of the labels, whichever file told them."""
        return hashlib.sha256("\n".join(self.wnids).encode()).hexdigest()


def find(root: Path, given: str | None = None) -> GroundTruth:
    """The one that was given, else what lies beside the tars; where several lie there they must agree.

    Raises:
        DataError: there is none, one cannot be read, or two differ.
    """
    places = [Path(given)] if given else _beside(root)
    if not places:
        raise DataError(f"{root}: nothing says what the validation pictures show. {_WANTED}.")
    first, *others = [read(place) for place in places]
    for other in others:
        if list(first.wnids) != list(other.wnids):
            raise DataError(
                f"{root}: {first.name} and {other.name} differ{_difference(first.wnids, other.wnids)}. "
                "Keep the right one, or name it with --ground-truth."
            )
    return first


def _beside(root: Path) -> list[Path]:
    names = (WNID_LIST, KIT, devkit.NUMBERS)
    there = [root / name for name in names if (root / name).exists()]
    return there + [root / file for file in tar_files.found(root, [KIT])]


def _difference(first: Sequence[str], second: Sequence[str]) -> str:
    if len(first) != len(second):
        return f": {len(first):,} and {len(second):,} labels"
    place = next(place for place, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
    return f": picture {place + 1:,} is {first[place]} in one and {second[place]} in the other"


def read(path: Path) -> GroundTruth:
    """A list of wnids, the development kit (its archive or folder), or its list of numbers with meta.mat beside it.

    Raises:
        DataError: it is none of these, or numbers without meta.mat.
    """
    if not path.exists():
        raise DataError(f"the ground truth {path} does not exist. {_WANTED}.")
    if path.is_dir():
        return _of_kit(devkit.from_folder(path))
    if tar_files.stem(path.name):
        return _of_kit(devkit.from_archive(path))
    lines = _lines(devkit.limited(path), path)
    if all(WNID.fullmatch(line) for line in lines):
        return GroundTruth(str(path), lines)
    if _are_numbers(lines) and path.name == devkit.NUMBERS:
        return _of_kit(devkit.from_folder(path.parent))
    raise _no_list(path, lines)


def _of_kit(kit: devkit.Kit) -> GroundTruth:
    lines = _lines(kit.numbers, kit.name)
    if not _are_numbers(lines):
        raise _no_list(f"{kit.name}: {devkit.NUMBERS}", lines)
    return GroundTruth(kit.name, devkit.wnids([int(line) for line in lines], kit.meta, name=kit.name))


def _lines(data: bytes, path: object) -> list[str]:
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").rstrip().split("\n")]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: {error}. {_WANTED}.") from error
    if lines == [""]:
        raise DataError(f"{path} is empty. {_WANTED}.")
    return lines


def _are_numbers(lines: Sequence[str]) -> bool:
    return all(line.isascii() and line.isdigit() and len(line) < 10 for line in lines)


def _no_list(path: object, lines: Sequence[str]) -> DataError:
    if _are_numbers(lines):
        return DataError(
            f"{path} has numbers. They could be ILSVRC2012_IDs, whose order is not that of the sorted wnids, or places "
            f"in any list: only {devkit.META} of the development kit tells. Give the kit, or {devkit.NUMBERS} with "
            f"{devkit.META} beside it, or a list of wnids."
        )
    wnids = any(WNID.fullmatch(line) for line in lines)
    odd = (n for n, line in enumerate(lines) if not (WNID.fullmatch(line) if wnids else _are_numbers([line])))
    number = next(odd, 0)
    wanted = "no wnid such as n01440764" if wnids else "neither a wnid such as n01440764 nor a number"
    return DataError(f"{path}: line {number + 1:,} is {lines[number][:80]!r}, which is {wanted}. {_WANTED}.")
