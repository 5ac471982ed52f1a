"""The TFRecord files of a source: which there are, and that none of a split's is missing."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources import picture_files
from components.sources.classes import listed

_NUMBERED = re.compile(r"(.+)-(\d{5,})-of-(\d{5,})(\.gz)?")  # Compressed ones are refused for that when they are read.


def is_shard(name: str) -> bool:
    """Whether a file is called as TFX, TF-Slim and TFDS call their TFRecord files."""
    return "tfrecord" in name or _NUMBERED.fullmatch(name) is not None


def found(root: Path, stems: Sequence[str]) -> list[str]:
    """The names of the files that are called so, sorted: `STEM-00000-of-00010`.

    Args:
        stems: Patterns of what may stand before the number, with a folder before it where they lie in one.
    """
    names = []
    for stem in stems:
        folder, _, file = stem.rpartition("/")
        wanted = re.compile(file)
        names += [f"{folder}/{name}".lstrip("/") for name in _files(root / folder) if _has_stem(name, wanted)]
    return sorted(names)


def _files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    try:
        return [entry.name for entry in os.scandir(folder) if not picture_files.is_folder(entry)]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}. Give the folder of the pictures.") from error


def _has_stem(name: str, wanted: re.Pattern[str]) -> bool:
    match = _NUMBERED.fullmatch(name)
    return bool(match and wanted.fullmatch(match[1]))


def of_splits(root: Path, stems: Mapping[str, Sequence[str]], splits: Sequence[str]) -> dict[str, list[str]]:
    """The paths of each split's files, in their order.

    Raises:
        DataError: there are none for a split, there are files of several sets, or one is missing.
    """
    return {split: _whole_set(root, split, found(root, stems[split])) for split in splits}


def _whole_set(root: Path, split: str, names: Sequence[str]) -> list[str]:
    if not names:
        raise DataError(
            f"{root}: no TFRecord files for {split}. Wanted train-00000-of-01024, … and validation-00000-of-00128, … "
            "(TF-Slim's), NAME-train.tfrecord-00000-of-01024, … and NAME-validation.tfrecord-… (TFDS's), or "
            "Split-train/ and Split-eval/ (of mobilenet ingest)."
        )
    parts = {name: _NUMBERED.fullmatch(name) for name in names}
    sets = sorted({(match[1], int(match[3])) for match in parts.values() if match})
    if len(sets) > 1:
        said = listed([f"{stem}-*-of-{total:05d}" for stem, total in sets])
        raise DataError(f"{root}: the files for {split} are of several sets: {said}. Keep one of them.")
    there = {int(match[2]) for match in parts.values() if match}
    stem, total = sets[0]
    if missing := [f"{stem}-{number:05d}-of-{total:05d}" for number in range(total) if number not in there]:
        raise DataError(f"{root}: of {total:,} files for {split}, {len(missing):,} are missing: {listed(missing)}.")
    return [str(root / name) for name in names]
