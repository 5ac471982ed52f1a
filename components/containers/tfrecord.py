"""The frame around every record of a TFRecord file, written and walked: length, its checksum, the data, its checksum.

Nothing but frames and what is asked for is read (tensorflow/core/lib/io/record_writer.h), so that a walk over a file
of pictures costs a few small reads a picture.
"""

import contextlib
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import google_crc32c

from components.containers import plain_file
from components.data_error import DataError

HEAD, FOOT = 12, 4  # Bytes before and after the data.
_WINDOW = 4096  # Bytes that one read brings: an example without its picture is a few hundred.
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x78\x01": "zlib", b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}


class Frame(NamedTuple):
    """A record: where its data begin in the file, and where they end."""

    start: int
    end: int


class RecordFile:
    """An open TFRecord file, read at any place; `name` is what messages call it."""

    def __init__(self, file: BinaryIO, name: str, size: int) -> None:
        self._file = file
        self._at, self._held = 0, b""
        self.name = name
        self.size = size

    def read(self, at: int, count: int) -> bytes:
        """So many bytes from a place on; fewer where the file ends before."""
        begin = at - self._at
        if begin < 0 or begin + count > len(self._held):
            self._file.seek(at)
            self._at, self._held, begin = at, self._file.read(max(count, _WINDOW)), 0
        return self._held[begin : begin + count]

    def frames(self) -> Iterator[Frame]:
        """Every record in order. The data's own checksum is left to whoever reads them.

        Raises:
            DataError: compressed, damaged or cut off; the message says where.
        """
        self._check_uncompressed()
        at = 0
        while at < self.size:
            head = self.read(at, HEAD)
            if len(head) < HEAD:
                raise self._cut_off(at)
            if head[8:] != masked_crc(head[:8]):
                raise DataError(
                    f"{self.name}, byte {at:,}: no TFRecord begins here (the checksum of its length is wrong). The "
                    "file is damaged, or it is no TFRecord file. Copy or download it again."
                )
            start = at + HEAD
            end = start + struct.unpack_from("<Q", head)[0]
            if end + FOOT > self.size:
                raise self._cut_off(at)
            yield Frame(start, end)
            at = end + FOOT

    def _cut_off(self, at: int) -> DataError:
        return DataError(
            f"{self.name}, byte {at:,}: the record that begins here is cut off: the file ends at byte {self.size:,}. "
            "Copy or download it again."
        )

    def _check_uncompressed(self) -> None:
        first = self.read(0, 8)
        if not first:
            raise DataError(f"{self.name} is empty. Wanted a TFRecord file with at least one record.")
        kind = _COMPRESSED.get(first[:2])
        if kind and self.read(0, HEAD)[8:] != masked_crc(first):
            raise DataError(
                f"{self.name} is compressed ({kind}). Pictures are read at their place in the file, which takes "
                "uncompressed TFRecords: write them again without compression. JPEGs do not become larger by that."
            )


@contextlib.contextmanager
def opened(path: str) -> Iterator[RecordFile]:
    """The TFRecord file at a path.

    Raises:
        DataError: it cannot be read, or is no file.
    """
    with plain_file.opened(path, wanted="an uncompressed TFRecord file") as (file, size):
        yield RecordFile(file, path, size)


def record(data: bytes) -> bytes:
    """The data in their frame.

    Written here and not by tf.io.TFRecordWriter, so that the bytes can be hashed on their way and a full disk is an
    OSError at the write that met it.
    """
    return b"".join(framed([data]))


def framed(data: Sequence[bytes]) -> list[bytes]:
    """As `record`, of data in parts: what to write, one after the other."""
    length = struct.pack("<Q", sum(map(len, data)))
    crc = 0
    for part in data:
        crc = google_crc32c.extend(crc, part)
    return [length, masked_crc(length), *data, _masked(crc)]


def masked_crc(data: bytes) -> bytes:
    """The checksum as TFRecords have it: CRC-32C, turned and moved, so that a checksum of checksums is no trap."""
    return _masked(google_crc32c.value(data))


def _masked(crc: int) -> bytes:
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
