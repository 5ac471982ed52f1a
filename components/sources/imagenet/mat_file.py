"""The structs in a MATLAB 5 file, read by hand: scipy's reader dies of a changed byte, and this one only says so.

Only scalar numbers and texts are read, each where it lies; everything else is passed over by its size, so that the work
is in proportion to the bytes. The format: "MAT-File Format" of The MathWorks, chapter 1.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_HEADER = 128  # Bytes; the last two tell the order of bytes.
_ORDERS = {b"IM": "<", b"MI": ">"}
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_TEXTS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_MOST_NUMBERS = 32  # As many dimensions as an array can have.
_STRUCT, _CHARS = 2, 4  # Classes of arrays.
DAMAGE = (ValueError, OverflowError, zlib.error, struct.error)


class _Part(NamedTuple):
    """A data element: its type, where its bytes begin and end, and where the next one begins."""

    kind: int
    start: int
    end: int
    next: int


class MatFile:
    """The file's bytes, uncompressed.

    Args:
        data: The file.
        most: Bytes that it may have written out.

    Raises:
        ValueError, zlib.error: it is no MATLAB 5 file, is damaged or has more.
    """

    def __init__(self, data: bytes, *, most: int) -> None:
        mark = data[126:_HEADER]
        if mark not in _ORDERS:
            raise ValueError("it is no MATLAB 5 file")
        self._order = _ORDERS[mark]
        self._data = self._written_out(data, most)

    def struct(self, name: str, fields: Sequence[str]) -> Iterator[dict[str, int | str]]:
        """The elements of the struct array of a name, with the wanted fields alone.

        Raises:
            ValueError, struct.error: there is none, it lacks a field, or it is damaged.
        """
        for part in self._parts(0, len(self._data)):
            parts = self._parts(part.start, part.end)
            if part.kind == _MATRIX and self._class(next(parts)) == _STRUCT:
                count = math.prod(int(number) for number in self._numbers(next(parts)))
                if self._bytes(next(parts)).decode("utf-8", "replace") == name:
                    yield from self._elements(parts, count, fields)
                    return
        raise ValueError(f"it has no struct {name}")

    def _elements(self, parts: Iterator[_Part], count: int, fields: Sequence[str]) -> Iterator[dict[str, int | str]]:
        length = int(self._numbers(next(parts))[0])
        joined = self._bytes(next(parts))
        if length < 1 or len(joined) % length:
            raise ValueError(f"the names of its fields are {len(joined)} bytes, each of {length}")
        pieces = [joined[at : at + length] for at in range(0, len(joined), length)]
        names = [piece.partition(b"\0")[0].decode("utf-8", "replace") for piece in pieces]
        if missing := set(fields) - set(names):
            raise ValueError(f"its elements have no {', '.join(sorted(missing))}")
        for _ in range(count):
            places = {field: next(parts) for field in names}
            yield {field: self._value(places[field]) for field in fields}

    def _value(self, part: _Part) -> int | str:
        """Of an array of one number, or of a text."""
        inner = self._parts(part.start, part.end)
        kind, _, _, content = self._class(next(inner)), next(inner), next(inner), next(inner)
        if kind == _CHARS:
            if content.kind not in _TEXTS:
                raise ValueError(f"a text is of type {content.kind}")
            name = _TEXTS[content.kind].replace("16", "16-le" if self._order == "<" else "16-be")
            return self._bytes(content).decode(name)
        numbers = self._numbers(content)
        if len(numbers) != 1 or int(numbers[0]) != numbers[0]:
            raise ValueError("a value is no whole number")
        return int(numbers[0])

    def _class(self, flags: _Part) -> int:
        return int(self._numbers(flags)[0]) & 0xFF

    def _numbers(self, part: _Part) -> tuple[float, ...]:
        if part.kind not in _NUMBERS:
            raise ValueError(f"numbers are of type {part.kind}")
        code = _NUMBERS[part.kind]
        count = (part.end - part.start) // struct.calcsize(code)
        if not 0 < count <= _MOST_NUMBERS:
            raise ValueError(f"{count:,} numbers stand where one was wanted, or a few")
        return struct.unpack_from(f"{self._order}{count}{code}", self._data, part.start)

    def _bytes(self, part: _Part) -> bytes:
        return self._data[part.start : part.end]

    def _parts(self, at: int, end: int) -> Iterator[_Part]:
        while at + 8 <= end:
            part = self._part(at)
            if part.end > end:
                raise ValueError(
                    f"an element of {part.end - part.start:,} bytes at byte {at:,} goes beyond what it is in"
                )
            yield part
            at = part.next
        raise ValueError("it ends too early")

    def _part(self, at: int) -> _Part:
        kind, size = struct.unpack_from(f"{self._order}II", self._data, at)
        if kind >> 16:  # At most four bytes lie in the tag itself.
            return _Part(kind & 0xFFFF, at + 4, at + 4 + min(4, kind >> 16), at + 8)
        return _Part(kind, at + 8, at + 8 + size, at + 8 + -(-size // 8) * 8)

    def _written_out(self, data: bytes, most: int) -> bytes:
        """What follows the header, without compression, which the outermost elements alone may have."""
        parts, at, left = [], _HEADER, most
        while at + 8 <= len(data):
            kind, size = struct.unpack_from(f"{self._order}II", data, at)
            part = data[at : at + 8 + size]
            if kind == _COMPRESSED:
                part = zlib.decompressobj().decompress(part[8:], left)
            left -= len(part)
            if left <= 0:
                raise ValueError(f"it has more than {most:,} bytes written out")
            parts.append(part + bytes(-len(part) % 8))
            at += 8 + size
        return b"".join(parts)
