"""Tars by hand, header by header, so that they can be what no archiver writes."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

BLOCK = 512
END = bytes(2 * BLOCK)


def header(
    name: bytes | str, size: int = 0, *, kind: bytes = b"0", link: bytes = b"", size_field: bytes | None = None
) -> bytes:
    """A ustar header with the right checksum, whatever else is in it."""
    raw = name.encode() if isinstance(name, str) else name
    fields = bytearray(BLOCK)
    parts = {
        0: raw[:100], 100: b"0000644\0", 108: b"0000000\0", 116: b"0000000\0",
        124: size_field or b"%011o\0" % size, 136: b"00000000000\0", 148: b" " * 8, 156: kind, 157: link,
        257: b"ustar\x0000",
    }  # fmt: skip
    for at, value in parts.items():
        fields[at : at + len(value)] = value
    fields[148:156] = b"%06o\0 " % sum(fields)
    return bytes(fields)


def member(name: bytes | str, data: bytes = b"x", **fields: bytes) -> bytes:
    """A header, the data, and what fills them up to a block."""
    return header(name, len(data), **fields) + data + bytes(-len(data) % BLOCK)


def pax(**records: str) -> bytes:
    """A pax header for the member behind it."""
    text = b""
    for key, value in records.items():
        line = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(line) + 1
        while len(str(length)) + len(line) != length:
            length += 1
        text += str(length).encode() + line
    return member("pax", text, kind=b"x")


def pack(files: Iterable[tuple[str, bytes]], *, format: int = tarfile.GNU_FORMAT) -> bytes:
    """As Python's tarfile writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, data in files:
            information = tarfile.TarInfo(name)
            information.size = len(data)
            tar.addfile(information, io.BytesIO(data))
    return out.getvalue()


def pictures(folder: Path) -> list[tuple[str, bytes]]:
    """`<class>/<file>` and the bytes of every file in class folders, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in files]
