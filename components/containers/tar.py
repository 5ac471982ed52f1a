"""Where each file of an uncompressed tar lies in it: read from the headers alone, so that nothing is ever unpacked.

Whatever could write outside, or stand for another file, or hide one, is an error that names it. An archive may itself
be a part of a file: ILSVRC2012_img_train.tar is a tar of 1000 tars.
"""

import contextlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from components.containers import plain_file, tar_headers
from components.containers.tar_headers import BLOCK, NOTHING, Header
from components.data_error import DataError

_PIECE = 1 << 20  # Bytes after the end that are looked at in one go.
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Member(NamedTuple):
    """A file or folder: its name without `./`, where its data lie in the outer file, and how many bytes they are."""

    name: str
    offset: int
    size: int
    is_folder: bool


class Archive(NamedTuple):
    """An open tar, or a part of one that is a tar; `name` is what messages call it. Bytes `start` to `end` are its."""

    file: BinaryIO
    name: str
    start: int
    end: int

    def inner(self, member: Member) -> "Archive":
        """A member that is a tar itself."""
        end = member.offset + member.size
        return Archive(self.file, f"{self.name}: {member.name}", member.offset, end)


class _Said(NamedTuple):
    """What long names and pax headers say of the member behind them."""

    name: bytes | None = None
    size: int | None = None


@contextlib.contextmanager
def opened(path: str) -> Iterator[Archive]:
    """The tar at a path.

    Raises:
        DataError: it cannot be read, or is no file.
    """
    with plain_file.opened(path, wanted="an uncompressed tar") as (file, size):
        yield Archive(file, path, 0, size)


def members(archive: Archive) -> Iterator[Member]:
    """Files and folders in the order in which they lie there. Only headers are read.

    Raises:
        DataError: compressed, damaged or cut off; or a member that is a link, a device or a sparse file, whose name is
            absolute, leads upwards, is not UTF-8 or comes twice, or whose size is beyond the archive's.
    """
    _check_uncompressed(archive)
    at, said, seen = archive.start, _Said(), set()
    while header := _header(archive, at):
        where, kind = f"{archive.name}, byte {at:,}", header.kind
        data = at + BLOCK
        size = header.size if said.size is None or kind in tar_headers.EXTENSIONS else said.size
        if data + size > archive.end:
            raise _beyond(archive, where, header, size, data)
        if kind in tar_headers.EXTENSIONS:
            said = _extended(said, kind, _text(archive, data, size, where), where)
        else:
            if member := _member(header, said, data, size, archive.name):
                _check_new(member, seen, archive.name)
                yield member
            said = _Said()
        at = data + -(-size // BLOCK) * BLOCK


def head(archive: Archive, member: Member, size: int) -> bytes:
    """The first bytes of a file in the tar."""
    return _read(archive, member.offset, min(size, member.size))


def _read(archive: Archive, at: int, size: int) -> bytes:
    archive.file.seek(at)
    return archive.file.read(min(size, max(0, archive.end - at)))


def _check_uncompressed(archive: Archive) -> None:
    first = _read(archive, archive.start, 8)
    if not first:
        raise DataError(f"{archive.name} is empty. Wanted an uncompressed tar.")
    for magic, kind in _COMPRESSED.items():
        if first.startswith(magic):
            raise DataError(
                f"{archive.name} is compressed ({kind}). Pictures are read at their place in the archive, which takes "
                "an uncompressed tar: decompress it first, to a file. JPEGs do not become larger by that."
            )


def _header(archive: Archive, at: int) -> Header | None:
    """None at the end, which two blocks of zeros mark."""
    block = _read(archive, at, BLOCK)
    if len(block) < BLOCK:
        raise DataError(
            f"{archive.name} is cut off: it ends at byte {archive.end:,} without the blocks of zeros that end a tar; "
            "members may be missing. Copy or download it again, and compare its checksum with the source's."
        )
    if block != NOTHING:
        return tar_headers.parse(block, where=f"{archive.name}, byte {at:,}")
    if not _ends_in_zeros(archive, at + BLOCK):
        raise DataError(
            f"{archive.name}: more follows after its end at byte {at:,}, which other readers would pass over. "
            "Two tars in one file? Give one tar, made in one go (or with tar --concatenate)."
        )
    return None


def _ends_in_zeros(archive: Archive, at: int) -> bool:
    """Whether nothing but zeros follows, however many: tar fills up to 10,240, some tapes' writers to more."""
    while piece := _read(archive, at, _PIECE):
        if piece.count(0) != len(piece):
            return False
        at += len(piece)
    return True


def _beyond(archive: Archive, where: str, header: Header, size: int, data: int) -> DataError:
    left = max(0, archive.end - data)
    return DataError(
        f"{where}: {_shown(header.name)} should have {size:,} bytes, but the archive ends after {left:,}. "
        "It is cut off or forged. Copy or download it again, and compare its checksum with the source's."
    )


def _text(archive: Archive, at: int, size: int, where: str) -> bytes:
    if size > tar_headers.MAX_TEXT:
        raise DataError(f"{where}: a name of {size:,} bytes; wanted at most {tar_headers.MAX_TEXT:,}.")
    return _read(archive, at, size)


def _extended(said: _Said, kind: int, text: bytes, where: str) -> _Said:
    if kind == tar_headers.LONG_NAME:
        return said._replace(name=text.rstrip(b"\0"))
    if kind == tar_headers.LONG_LINK:  # The target of a link, which will be refused itself.
        return said
    records = tar_headers.pax_records(text, where=where)
    if kind == tar_headers.PAX_FOR_ALL:
        if {b"path", b"size"} & records.keys():
            raise DataError(f"{where}: one path or size for all members makes no sense. Make the archive anew.")
        return said
    size = tar_headers.pax_size(records[b"size"], where=where) if b"size" in records else said.size
    return _Said(records.get(b"path", said.name), size)


def _member(header: Header, said: _Said, data: int, size: int, archive: str) -> Member | None:
    """None for the archive's own folder, `./`."""
    raw = header.name if said.name is None else said.name
    name = _checked_name(raw, archive)
    tar_headers.check_kind(header, _shown(raw), where=archive)
    # Before POSIX a folder was a file whose name ends in a slash.
    is_folder = header.kind == tar_headers.FOLDER or raw.endswith(b"/")
    if is_folder and size:
        raise DataError(f"{archive}: the folder {_shown(raw)} has {size:,} bytes of data. Make the archive anew.")
    if not name and not is_folder:
        raise DataError(f"{archive}: a file at byte {data - BLOCK:,} has no name. Make the archive anew.")
    return Member(name, data, size, is_folder) if name else None


def _checked_name(raw: bytes, archive: str) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{archive}: the name {_shown(raw)} is not UTF-8. Rename the file and pack the pictures anew."
        ) from error
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name:
        fault = "is absolute" if name.startswith("/") else "leads out of its folder" if ".." in parts else "holds a NUL"
        raise DataError(f"{archive}: the name {_shown(raw)} {fault}. Pack the pictures anew, with relative names.")
    return "/".join(part for part in parts if part not in ("", "."))


def _check_new(member: Member, seen: set[str], archive: str) -> None:
    """Folders may come again, as tar --append writes them."""
    if member.is_folder:
        return
    if member.name in seen:
        raise DataError(
            f"{archive}: {member.name!r} is in it twice, and readers differ in which of them they take. "
            "Pack the pictures anew."
        )
    seen.add(member.name)


def _shown(raw: bytes) -> str:
    return repr(raw[:200].decode("utf-8", "backslashreplace")).replace(r"\\", "\\")  # Escaped once is enough.
