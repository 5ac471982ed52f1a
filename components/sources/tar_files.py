"""The tars of a source, one a split: which there are, and what tells one state of them from another."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.data_error import DataError
from components.sources import picture_files
from components.sources.classes import listed

# Compressed ones too, so that they are refused for that and not for not being there.
_TAR = re.compile(r"(.+?)\.(tar(\.\w+)?|tgz|tbz2?|txz)")


def stem(file: str) -> str | None:
    """`train` of train.tar or train.tar.gz; None where the name is no tar's."""
    match = _TAR.fullmatch(file)
    return match[1] if match else None


def found(root: Path, stems: Sequence[str]) -> list[str]:
    """The names of the tars that are called so, sorted."""
    try:
        files = sorted(entry.name for entry in os.scandir(root) if not picture_files.is_folder(entry))
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror}. Give the folder of the pictures.") from error
    return [file for file in files if stem(file) in stems]


def of_splits(root: Path, stems: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The path of each split's tar.

    Args:
        stems: What a split's tar may be called, without its suffix.

    Raises:
        DataError: there is none for a split, or there are several.
    """
    paths = {}
    for split, names in stems.items():
        files = found(root, names)
        if not files:
            wanted = " or ".join(f"{name}.tar" for name in names)
            there = listed(found(root, [each for names in stems.values() for each in names])) or "none"
            raise DataError(f"{root}: no tar for {split}. Wanted {wanted}; of the tars wanted, there are: {there}.")
        if len(files) > 1:
            raise DataError(f"{root}: {listed(files)} are all tars for {split}. Keep one of them.")
        paths[split] = str(root / files[0])
    return paths
