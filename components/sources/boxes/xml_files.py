"""Bounding boxes from a tar of PASCAL's XML files, one a picture: ILSVRC2012_bbox_train_v2.tar.gz, and what is like it.

Half a million files are read one by one on their way out of the archive; nothing is unpacked.
"""

import gzip
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from components.containers import tar
from components.containers.tar import Archive
from components.data_error import DataError
from components.sources.source import Box

_MAX_XML = 1 << 20  # Bytes of one: a box is 250.
_MAX_TAR = 16 << 30  # Bytes written out: the real one has half a million members of 1.5 KB each.
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read(path: str) -> Iterator[tuple[str, str | None, Box]]:
    """The picture's name (the XML's own, as some files say `%s` inside), the box's class as written, and the box.

    Its sides are shares of the width and height that the XML tells: those of the picture as it was shown.

    Raises:
        DataError: the archive or an XML in it is damaged, too large or hostile.
    """
    try:
        with tar.opened(path) as plain:
            compressed = plain.file.read(2) == b"\x1f\x8b"
        if not compressed:
            with tar.opened(path) as archive:
                yield from _of_archive(archive)
            return
        with (
            tar.opened(path) as plain,
            gzip.open(plain.file) as file,
        ):  # Read from front to back: the members come in the order of their places.
            yield from _of_archive(Archive(file, path, 0, _MAX_TAR))  # pyright: ignore[reportArgumentType]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Copy or download it again.") from error


def _of_archive(archive: Archive) -> Iterator[tuple[str, str | None, Box]]:
    for member in tar.members(archive):
        if member.is_folder or not member.name.endswith(".xml"):
            continue
        where = f"{archive.name}: {member.name}"
        if member.size > _MAX_XML:
            raise DataError(f"{where} has {member.size:,} bytes; wanted at most {_MAX_XML:,} of a picture's boxes.")
        archive.file.seek(member.offset)
        picture = member.name.rpartition("/")[2].removesuffix(".xml")
        for category, box in _boxes(archive.file.read(member.size), where):
            yield picture, category, box


def _boxes(data: bytes, where: str) -> Iterator[tuple[str | None, Box]]:
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # The last two: of odd encodings.
        raise DataError(f"{where} is no XML that can be read: {error}. Wanted PASCAL's annotation.") from error
    width, height = _number(root, "size/width", where), _number(root, "size/height", where)
    if min(width, height) <= 0:
        raise DataError(f"{where}: the picture's size is {width:g} x {height:g}; wanted more than nothing.")
    for each in root.iter("object"):
        x0, y0, x1, y1 = (_number(each, f"bndbox/{side}", where) for side in _SIDES)
        yield each.findtext("name"), (x0 / width, y0 / height, x1 / width, y1 / height)


def _number(element: Element, path: str, where: str) -> float:
    text = (element.findtext(path) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:  # Not a number, either.
        raise DataError(f"{where}: {path} is {text[:40]!r}; wanted a number, as in PASCAL's annotations.")
    return value
