"""ILSVRC2012's development kit: its ground truth in numbers, and meta.mat, which says which wnid a number stands for.

The numbers (ILSVRC2012_IDs) are in no order that wnids are in. Taken for places in the list of sorted wnids they would
give a data set that looks right and trains to nothing.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from components.containers import tar
from components.data_error import DataError
from components.sources.classes import WNID

NUMBERS = "ILSVRC2012_validation_ground_truth.txt"
META = "meta.mat"
MAX_BYTES = 64 << 20  # Of a file, written out: the kit's archive has some 2.5 million.
_COMPRESSED = 15  # A part of a MATLAB 5 file that is another part, through zlib.


class Kit(NamedTuple):
    """The two files' bytes, and what messages call them by."""

    name: str
    numbers: bytes
    meta: bytes


def from_archive(path: Path) -> Kit:
    """Out of ILSVRC2012_devkit_t12.tar.gz, which is not unpacked.

    Raises:
        DataError: it is too large, damaged, or lacks one of the two files.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if compressed else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Copy or download it again.") from error
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES:,} bytes written out. That is no development kit.")
    archive = tar.Archive(io.BytesIO(data), str(path), 0, len(data))
    files = {member.name: member for member in tar.members(archive) if not member.is_folder}
    places = {name: [each for each in files if each.split("/")[-1] == name] for name in (NUMBERS, META)}
    if faulty := [name for name, there in places.items() if len(there) != 1]:
        raise DataError(f"{path}: wanted one {' and one '.join(faulty)} in it, as in ILSVRC2012_devkit_t12.tar.gz.")
    parts = {name: files[there[0]] for name, there in places.items()}
    numbers, meta = (data[part.offset : part.offset + part.size] for part in (parts[NUMBERS], parts[META]))
    return Kit(str(path), numbers, meta)


def from_folder(folder: Path) -> Kit:
    """From the unpacked kit, or its `data/`.

    Raises:
        DataError: it lacks one of the two files.
    """
    folder = folder / "data" if (folder / "data").is_dir() else folder
    if missing := [name for name in (NUMBERS, META) if not (folder / name).is_file()]:
        raise DataError(
            f"{folder}: no {' and no '.join(missing)}. Both are needed: the numbers of the ground truth are "
            "ILSVRC2012_IDs, whose order is not that of the sorted wnids, and meta.mat alone says which is which. "
            "Give the whole kit, or a list of wnids, one a picture."
        )
    return Kit(str(folder), limited(folder / NUMBERS), limited(folder / META))


def limited(path: Path) -> bytes:
    """A small file's bytes.

    Raises:
        DataError: it cannot be read, or is too large to be what it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES:,} bytes: no list of labels is so long.")
    return data


def wnids(numbers: Sequence[int], meta: bytes, *, name: str) -> list[str]:
    """What the numbers stand for.

    Raises:
        DataError: meta.mat cannot be read, or has no class of a number.
    """
    classes = read_meta(meta, name=name)
    if unknown := sorted(set(numbers) - set(classes)):
        raise DataError(
            f"{name}: the ground truth has the number {unknown[0]}; meta.mat has the classes 1 to {len(classes)}. "
            "They are not of the same kit."
        )
    return [classes[number] for number in numbers]


def read_meta(meta: bytes, *, name: str) -> Mapping[int, str]:
    """ILSVRC2012_ID → wnid of the classes proper: meta.mat also has the words above them.

    Raises:
        DataError: no MATLAB 5 file with such a table, or not the IDs 1…N with a wnid each.
    """
    import numpy as np  # Where there is a kit alone: errors about folders come sooner without them.
    import scipy.io

    try:
        table = scipy.io.loadmat(io.BytesIO(_written_out(meta)), squeeze_me=True, variable_names=["synsets"])["synsets"]
        pairs = [
            (int(each["ILSVRC2012_ID"]), str(each["WNID"]))
            for each in np.atleast_1d(table)
            if int(each["num_children"]) == 0
        ]
    except Exception as error:  # scipy's parser raises whatever damaged bytes lead it to.
        raise DataError(f"{name}: meta.mat cannot be read: {error}. Copy or download the kit again.") from error
    classes = dict(pairs)
    orderly = sorted(classes) == list(range(1, len(pairs) + 1)) and len(set(classes.values())) == len(pairs)
    if not pairs or not orderly or not all(WNID.fullmatch(wnid) for wnid in classes.values()):
        raise DataError(f"{name}: meta.mat has {len(pairs)} classes; wanted the IDs 1 to N, a wnid each.")
    return classes


def _written_out(data: bytes) -> bytes:
    """Without compression, so that a small file cannot become a large one in scipy's hands."""
    mark = data[126:128]
    if mark not in (b"IM", b"MI"):
        raise ValueError("it is no MATLAB 5 file")
    parts, at, left = [data[:128]], 128, MAX_BYTES
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II" if mark == b"IM" else ">II", data, at)
        part = data[at : at + 8 + size]
        if kind == _COMPRESSED:
            part = zlib.decompressobj().decompress(part[8:], left)
        left -= len(part)
        if left <= 0:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes written out")
        parts.append(part)
        at += 8 + size
    return b"".join(parts)
