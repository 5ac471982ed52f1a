"""A JPEG's segments in order, as libjpeg finds them: junk between them is passed over, the end marker is the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SOI, EOI, SOS, DHT, DRI = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD
RESTARTS = range(0xD0, 0xD8)
_STANDALONE = frozenset({0x01, SOI, EOI, *RESTARTS})  # Markers without a length.
_MARKER = re.compile(rb"\xff+([\x01-\xfe])", re.DOTALL)
_MOST = 100_000  # What has more was made to keep a reader busy: it is not read on.
_AFTER_SCAN = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)  # What ends entropy-coded data.


class Segment(NamedTuple):
    """One marker and what belongs to it.

    Attributes:
        marker: Its second byte.
        start: Of its last 0xFF.
        body: Where what is behind the marker begins, the two bytes of its length among it.
        end: Of that; the entropy-coded data behind an SOS is not part of it.
        junk: Where the bytes before `start` begin that belong to nothing; `start` where there are none.
    """

    marker: int
    start: int
    body: int
    end: int
    junk: int


def segments(data: bytes) -> Iterator[Segment]:
    """Up to the end marker, or as far as they go; entropy-coded data lies between an SOS and what follows it."""
    at, scan = 0, False
    for _ in range(_MOST):
        found = (_AFTER_SCAN if scan else _MARKER).search(data, at)
        if found is None:
            return
        marker, body = found[1][0], found.end()
        end = body if marker in _STANDALONE else body + max(2, int.from_bytes(data[body : body + 2], "big"))
        yield Segment(marker, body - 2, body, end, found.start() if scan else at)
        if marker == EOI:
            return
        at, scan = end, marker == SOS


def scans(data: bytes) -> int:
    """How many a decoder meets: of what lies behind the end marker, none."""
    found = [segment.marker for segment in segments(data)]
    return _MOST if len(found) == _MOST else found.count(SOS)
