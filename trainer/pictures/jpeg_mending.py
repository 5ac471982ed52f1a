"""JPEGs that libjpeg warns of though none of their pixels is lost, without what it warns of.

Cameras, phones and programs write them: bytes between segments, a sequential scan whose header says another band, bytes
behind the last code of a scan. Whatever else is wrong stays in: a strict decode of what comes out still tells it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from trainer.pictures import jpeg_entropy
from trainer.pictures.jpeg_entropy import Component, Lost, Table
from trainer.pictures.jpeg_segments import DHT, DRI, EOI, SOS, Segment, segments

_SEQUENTIAL, _QUANTIZATION = (0xC0, 0xC1), 0xDB
_WHOLE_BAND = b"\x00\x3f\x00"  # Ss, Se, and Ah with Al: all that a sequential scan can have.
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_LARGEST_SCAN = 8 << 20  # Bytes that are walked in Python: seconds. Longer ones keep what is behind them.


class Mended(NamedTuple):
    """The file anew, and what was left out or put right; no notes where nothing was."""

    data: bytes
    notes: Sequence[str]


class _Frame(NamedTuple):
    """What a scan's units follow from."""

    height: int
    width: int
    sampling: dict[int, tuple[int, int, int]]  # Component → how often across and down, and its table of quantization.


class _Tables:
    """What the segments before a scan lay down."""

    def __init__(self) -> None:
        self.codes: dict[int, Table] = {}  # Class and number in a byte, as DHT has them.
        self.steps: dict[int, int] = {}
        self.frame: _Frame | None = None
        self.interval = 0

    def take(self, segment: Segment, data: bytes) -> None:
        body = data[segment.body + 2 : segment.end]
        if segment.marker == DHT:
            while len(body) > 16:
                length = 17 + sum(body[1:17])
                self.codes[body[0]] = jpeg_entropy.table(body[1:length])
                body = body[length:]
        elif segment.marker == _QUANTIZATION:
            while body:
                wide = body[0] >> 4
                self.steps[body[0] & 15] = int.from_bytes(body[1 : 2 + wide], "big")
                body = body[1 + 64 * (1 + wide) :]
        elif segment.marker in _SEQUENTIAL:
            parts = [body[at : at + 3] for at in range(6, len(body), 3)]
            sampling = {part[0]: (part[1] >> 4, part[1] & 15, part[2]) for part in parts}
            self.frame = _Frame(int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"), sampling)
        elif segment.marker == DRI:
            self.interval = int.from_bytes(body[:2], "big")


def mend(data: bytes, *, behind_scans: bool) -> Mended:
    """The file without what costs no pixels; the same bytes where there is nothing of the kind, or all is lost.

    Args:
        behind_scans: Whether bytes behind the last code of a scan are looked for, which takes walking every code.
    """
    found = list(segments(data))
    out, notes, tables, scanned = [data[:2]], [], _Tables(), False
    try:
        for before, segment, after in zip(found[:-1], found[1:], [*found[2:], None], strict=True):
            scanned = scanned or before.marker == SOS  # From there on, what looks like junk may have been a scan.
            junk = b"" if before.marker == SOS else data[segment.junk : segment.start]
            if scanned:
                out.append(junk)
            elif junk.strip(b"\xff"):
                notes.append(f"{len(junk)} bytes between segments left out")
            tables.take(segment, data)
            header = data[segment.start : segment.end]
            if segment.marker != SOS:
                out.append(header)
                continue
            if tables.frame and header[-3:] != _WHOLE_BAND:
                notes.append("the band in a scan's header put right")
                header = header[:-3] + _WHOLE_BAND
            coded = data[segment.end : after.start if after else len(data)]
            kept = _coded(coded, header, tables) if behind_scans else coded
            if len(kept) < len(coded.rstrip(b"\xff")):
                notes.append(f"{len(coded) - len(kept)} bytes behind a scan left out")
                coded = kept
            out += [header, coded]
    except (Lost, IndexError, KeyError, ZeroDivisionError):
        return Mended(data, ())
    behind = data[found[-1].end :] if found and found[-1].marker == EOI else b""
    return Mended(b"".join([*out, behind]), notes) if notes else Mended(data, ())


def _coded(coded: bytes, header: bytes, tables: _Tables) -> bytes:
    """A scan's entropy-coded data up to its last code; all of it where that is not looked for."""
    if tables.frame is None or len(coded) > _LARGEST_SCAN:
        return coded
    components, units = _scan(header, tables, tables.frame)
    restarts = [found.end() for found in _RESTART.finditer(coded)]
    if tables.interval and len(restarts) == (units - 1) // tables.interval:
        units -= tables.interval * len(restarts)  # Those before have a marker behind them, and libjpeg counts.
    elif restarts or tables.interval:
        return coded
    start = restarts[-1] if restarts else 0
    return coded[: start + jpeg_entropy.end_of_units(coded[start:], components, units)]


def _scan(header: bytes, tables: _Tables, frame: _Frame) -> tuple[list[Component], int]:
    """The components of a scan, from its marker on, and how many units it has."""
    chosen = [(header[at], header[at + 1]) for at in range(5, 5 + 2 * header[4], 2)]
    widest, tallest = (max(each[axis] for each in frame.sampling.values()) for axis in (0, 1))
    components = []
    for name, number in chosen:
        across, down, quantization = frame.sampling[name]
        blocks = across * down if len(chosen) > 1 else 1
        dc, ac = tables.codes[number >> 4], tables.codes[0x10 | number & 15]
        components.append(Component(blocks, dc, ac, tables.steps[quantization]))
    if len(chosen) > 1:
        return components, -(-frame.width // (8 * widest)) * -(-frame.height // (8 * tallest))
    across, down, _ = frame.sampling[chosen[0][0]]
    sides = (-(-frame.width * across // widest), -(-frame.height * down // tallest))
    return components, -(-sides[0] // 8) * -(-sides[1] // 8)
