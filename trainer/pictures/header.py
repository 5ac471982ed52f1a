"""Format and size of a picture from its first bytes: no decoder runs before these are known to be sane."""

import re
from typing import NamedTuple

from trainer.pictures.exif import UPRIGHT, orientation
from trainer.pictures.formats import format_of

# Baseline, extended and progressive Huffman: what TensorFlow's decoder takes. The others are named when refused.
_PROGRESSIVE = 0xC2
_DECODABLE_FRAMES = frozenset({0xC0, 0xC1, _PROGRESSIVE})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # Every SOFn; C4, C8 and CC are tables, not frames.
_STANDALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})  # No marker, and markers without a length: TEM, RSTn.
_FILL = re.compile(rb"\xff*")
_MAX_SEGMENTS, _MAX_FILL = 4_096, 1 << 16  # Before the first scan. A camera writes some tens, and no fill bytes.
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1


class Refused(ValueError):
    """These bytes cannot become a picture. The text is the reason, and up to its colon the kind of fault."""


class Header(NamedTuple):
    """What the first bytes say.

    Attributes:
        format: As Pillow names it.
        height, width: In pixels.
        components: Of colour; 0 where it is not told.
        orientation: EXIF's, of a JPEG; 1 is upright.
        one_scan: A JPEG all of whose components come in one scan, after which every decoder stops.
    """

    format: str
    height: int
    width: int
    components: int
    orientation: int = UPRIGHT
    one_scan: bool = True


def read_header(data: bytes) -> Header:
    """Reads format and size of a JPEG, PNG, GIF, BMP or WebP, whatever the file was called.

    Raises:
        Refused: empty, not one of these, or cut off or damaged before its size is told.
    """
    if not data:
        raise Refused("empty file")
    if found := format_of(data):
        return _READERS[found](data)
    raise Refused(f"not a picture: starts with {data[:12]!r}; wanted a JPEG, PNG, GIF, BMP or WebP")


def _jpeg(data: bytes) -> Header:
    """The header of everything before the first scan."""
    at, header, turned, segments, filled = 2, None, UPRIGHT, 0, 0
    while at + 4 <= len(data):
        segments += 1
        if segments > _MAX_SEGMENTS or filled > _MAX_FILL:
            raise Refused(
                f"absurd JPEG: more than {_MAX_SEGMENTS:,} segments or {_MAX_FILL:,} fill bytes in its header"
            )
        if data[at] != 0xFF:  # Every decoder passes over bytes that belong to no segment.
            at = data.find(b"\xff", at)
            if at < 0:
                break
            continue
        marker = data[at + 1]
        length = 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        if marker == 0xFF:  # Fill bytes before the marker.
            length = len(_FILL.findall(data, at, at + _MAX_FILL + 2)[0]) - 1
            filled += length
        elif marker in _STANDALONE:
            length = 2
        elif marker in _FRAMES:
            header = header or _jpeg_frame(data, at)
        elif marker == _APP1 and turned == UPRIGHT:
            turned = orientation(data[at + 4 : at + length]) if data[at + 4 : at + 8] == b"Exif" else UPRIGHT
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return _before_scan(data, at, header, turned)
        at += length
    raise Refused(f"truncated JPEG: it ends before its {'first scan' if header else 'frame header'}")


def _before_scan(data: bytes, at: int, header: Header | None, turned: int) -> Header:
    if header is None:
        raise Refused("corrupt JPEG: no frame header before the first scan")
    components = data[at + 4 : at + 5]  # None where the picture ends at once: the decoder will say so.
    one_scan = header.one_scan and components == bytes([header.components])
    return header._replace(orientation=turned, one_scan=one_scan)


def _jpeg_frame(data: bytes, at: int) -> Header:
    frame = data[at + 4 : at + 10]
    if len(frame) < 6:
        raise Refused("truncated JPEG: it ends before its frame header")
    if data[at + 1] not in _DECODABLE_FRAMES:
        raise Refused(f"unsupported JPEG: frame type SOF{data[at + 1] - 0xC0} (lossless, hierarchical or arithmetic)")
    if frame[0] != 8:
        raise Refused(f"unsupported JPEG: {frame[0]} bits a sample; wanted 8")
    height, width = (int.from_bytes(frame[place : place + 2], "big") for place in (1, 3))
    return Header("JPEG", height, width, frame[5], one_scan=data[at + 1] != _PROGRESSIVE)


def _png(data: bytes) -> Header:
    _need(data, 24, "PNG")
    return Header("PNG", int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big"), 0)


def _gif(data: bytes) -> Header:
    _need(data, 10, "GIF")
    return Header("GIF", int.from_bytes(data[8:10], "little"), int.from_bytes(data[6:8], "little"), 0)


def _bmp(data: bytes) -> Header:
    _need(data, 26, "BMP")
    size = 2 if data[14:18] == b"\x0c\0\0\0" else 4  # OS/2 bitmaps have 16-bit sizes.
    width, height = (int.from_bytes(data[at : at + size], "little", signed=size == 4) for at in (18, 18 + size))
    return Header("BMP", abs(height), width, 0)  # Negative height: rows from the top.


def _webp(data: bytes) -> Header:
    _need(data, 30, "WebP")
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        raise Refused(f"corrupt WebP: first chunk is {kind!r}")
    return Header("WEBP", height, width, 0)


def _need(data: bytes, length: int, name: str) -> None:
    if len(data) < length:
        raise Refused(f"truncated {name}: {len(data)} bytes, too few for its header")


_READERS = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "BMP": _bmp, "WEBP": _webp}
