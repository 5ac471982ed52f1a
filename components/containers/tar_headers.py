"""The headers of an uncompressed tar: what POSIX (ustar, pax), GNU tar and their ancestors write, and nothing else.

Nothing is unpacked, and nothing here opens a file. The format: pax in POSIX.1-2017; "Basic Tar Format" in GNU tar's
manual. tarfile of Python's library keeps an object for every member and forgives damage that loses members.
"""

from collections.abc import Mapping
from typing import NamedTuple

from components.data_error import DataError

BLOCK = 512  # Bytes: of a header, and what a member's data are filled up to.
NOTHING = bytes(BLOCK)  # Two of these end a tar.
MAX_TEXT = 1 << 16  # Bytes of a long name or of a pax record: names of files have at most 4096.

FILES = frozenset(b"0\x007")  # 7 is a contiguous file, which nobody has made for decades.
FOLDER = ord("5")
LONG_NAME, LONG_LINK = ord("L"), ord("K")
PAX, PAX_FOR_ALL = ord("x"), ord("g")
EXTENSIONS = frozenset((LONG_NAME, LONG_LINK, PAX, PAX_FOR_ALL))
_REFUSED = {
    ord("1"): "a hard link", ord("2"): "a symbolic link", ord("3"): "a character device", ord("4"): "a block device",
    ord("6"): "a FIFO", ord("S"): "a sparse file", ord("M"): "a part of a file from another volume",
}  # fmt: skip
_POSIX, _PREFIX = b"ustar\0", slice(345, 500)
_SUM = slice(148, 156)


class Header(NamedTuple):
    """One header: the member's kind (as a byte), its name as bytes, and its size."""

    kind: int
    name: bytes
    size: int


def parse(block: bytes, *, where: str) -> Header:
    """The header in a block of 512 bytes.

    Args:
        where: Archive and place, for messages.

    Raises:
        DataError: the checksum is another, or the size is no number.
    """
    stored = _octal(block[_SUM])
    if stored != sum(block) - sum(block[_SUM]) + 8 * ord(" "):
        raise DataError(
            f"{where}: no tar header (its checksum is wrong). The file is damaged, or it is not an uncompressed tar. "
            "Copy or download it again, and compare its checksum with the source's."
        )
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == _POSIX and (prefix := block[_PREFIX].partition(b"\0")[0]):
        name = prefix + b"/" + name
    return Header(block[156], name, _size(block[124:136], where))


def _octal(field: bytes) -> int:
    """-1 where it is no number."""
    digits = field.partition(b"\0")[0].strip(b" ")
    try:
        return int(digits, 8) if digits.isdigit() else -1
    except ValueError:
        return -1


def _size(field: bytes, where: str) -> int:
    """In octal, or, from GNU tar for 8 GB and more, big-endian with the first bit set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    size = 0 if not field.strip(b" \0") else _octal(field)
    if size < 0:
        raise DataError(f"{where}: the size of a member is {field!r}, which is no number. Make the archive anew.")
    return size


def check_kind(header: Header, name: str, *, where: str) -> None:
    """Files and folders pass.

    Raises:
        DataError: a link, a device, a FIFO, a sparse file, or something that no standard knows.
    """
    if header.kind in FILES or header.kind == FOLDER:
        return
    kind = _REFUSED.get(header.kind, f"of the unknown kind {bytes([header.kind])!r}")
    raise DataError(
        f"{where}: {name} is {kind}. Wanted files and folders only: pack the pictures anew without it "
        "(GNU tar's --dereference packs what links stand for)."
    )


def pax_records(text: bytes, *, where: str) -> Mapping[bytes, bytes]:
    """`LENGTH KEY=VALUE` lines of a pax header, of which path and size are of use.

    Raises:
        DataError: it is no such list, or it describes a sparse file.
    """
    records, at = {}, 0
    while at < len(text):
        digits = text[at : at + 20].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        key, equals, value = text[at + len(digits) + 1 : at + length].partition(b"=")
        if not equals or at + length > len(text) or not value.endswith(b"\n"):
            raise DataError(f"{where}: a pax header is damaged: {text[at : at + 40]!r}. Make the archive anew.")
        records[key] = value[:-1]
        at += length
    if sparse := [key for key in records if key.startswith(b"GNU.sparse.")]:
        raise DataError(
            f"{where}: a sparse file ({sparse[0].decode('ascii', 'backslashreplace')}). Wanted files and folders only: "
            "pack the pictures anew without --sparse."
        )
    return records


def pax_size(value: bytes, *, where: str) -> int:
    """A size in decimal.

    Raises:
        DataError: it is none.
    """
    if not value.isdigit() or len(value) > 20:
        raise DataError(f"{where}: a pax header gives the size {value[:40]!r}, which is no number.")
    return int(value)
