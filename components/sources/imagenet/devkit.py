"""ILSVRC2012's development kit: its ground truth in numbers, and meta.mat, which says which wnid a number stands for.

The numbers (ILSVRC2012_IDs) are in no order that wnids are in. Taken for places in the list of sorted wnids they would
give a data set that looks right and trains to nothing.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from components.containers import plain_file, tar
from components.data_error import DataError
from components.sources.classes import WNID
from components.sources.imagenet import mat_file
from components.sources.imagenet.mat_file import MatFile
from trainer import imagenet

NUMBERS = "ILSVRC2012_validation_ground_truth.txt"
META = "meta.mat"
MAX_BYTES = 64 << 20  # Of a file, written out: the kit's archive has some 2.5 million.
# Of ILSVRC2012's own table, which never changes: see `digest`. Two public copies have the same 1,000 rows:
# data/map_clsloc.txt of github.com/wisetrue95/Classification2020, and imagenet_folder_id_class.txt of
# github.com/arthw/imagenet_label.
IDS_SHA256 = "e85e4969a881deb8a8ba329357d033f7a664de8f1e099f593ad723bcf79bbfe5"


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
        with plain_file.opened(str(path), wanted="a development kit's archive") as (file, _):
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if compressed else io.BufferedReader(file) as content:
                data = content.read(MAX_BYTES + 1)
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
    return plain_file.read(path, most=MAX_BYTES, wanted="a list of labels or a development kit's file")


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
        DataError: no MATLAB 5 file with such a table, not the IDs 1…N with a wnid each, or 1,000 of them that are not
            ILSVRC2012's.
    """
    try:
        table = MatFile(meta, most=MAX_BYTES).struct("synsets", ("ILSVRC2012_ID", "WNID", "num_children"))
        pairs = [(each["ILSVRC2012_ID"], str(each["WNID"])) for each in table if each["num_children"] == 0]
    except mat_file.DAMAGE as error:
        raise DataError(f"{name}: meta.mat cannot be read: {error}. Copy or download the kit again.") from error
    classes = {int(number): wnid for number, wnid in pairs if isinstance(number, int)}
    orderly = sorted(classes) == list(range(1, len(pairs) + 1)) and len(set(classes.values())) == len(pairs)
    if not pairs or not orderly or not all(WNID.fullmatch(wnid) for wnid in classes.values()):
        raise DataError(f"{name}: meta.mat has {len(pairs)} classes; wanted the IDs 1 to N, a wnid each.")
    if len(classes) == imagenet.CLASSES - 1 and digest(classes) != IDS_SHA256:
        raise DataError(
            f"{name}: meta.mat gives the 1,000 IDs of ILSVRC2012 other wnids than they have: it was changed. Copy or "
            "download the kit again."
        )
    return classes


def digest(classes: Mapping[int, str]) -> str:
    """Of the wnids, a line each, in the order of their IDs."""
    return hashlib.sha256("".join(f"{classes[number]}\n" for number in sorted(classes)).encode()).hexdigest()
