"""How far a sequential JPEG's entropy-coded data goes: walked code by code, as no decoder tells where it stopped.

Bytes behind the last code are harmless if an encoder left them, and lost pixels if a damaged code before them made a
decoder lose its place. A decoder that lost its place soon meets what no encoder writes; that is looked for here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0
_MOST_DC, _MOST_AC = 11, 10  # Bits of a difference and of a coefficient, of pictures of 8 bits.
_LOWEST, _HIGHEST = -1024, 1023  # Of a DC coefficient, times its step of quantization; half again for rounding.

Table = Sequence[int]  # By the next 16 bits: 256 * length of the code + symbol; 0 where no code begins so.


class Component(NamedTuple):
    """Of a scan: its blocks in one unit, and its tables."""

    blocks: int
    dc: Table
    ac: Table
    step: int  # Of the DC coefficient.


class Lost(ValueError):
    """A code that no encoder writes."""


def table(definition: bytes) -> Table:
    """16 counts of codes by length, then their symbols.

    Raises:
        Lost: more codes than there are.
    """
    counts, symbols = definition[:16], definition[16:]
    found = np.zeros(1 << 16, np.int32)
    code, place = 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[place : place + count]:
            start = code << (16 - length)
            if start >= 1 << 16:
                raise Lost("a table of codes with too many of them")
            found[start : start + (1 << (16 - length))] = 256 * length + symbol
            code += 1
        place += count
        code <<= 1
    return found.tolist()


def end_of_units(data: bytes, components: Sequence[Component], units: int) -> int:
    """Walks so many units from the first byte on; → how many bytes they take, the last one's filling included.

    Args:
        data: Entropy-coded, up to the next marker, with the zeros behind its 0xFF.

    Raises:
        Lost: the data ends, or has what no encoder writes.
    """
    plain = data.replace(b"\xff\x00", b"\xff")
    bits = len(plain) * 8
    padded = plain + b"\xff" * 8
    at, levels = 0, [0] * len(components)
    for _ in range(units):
        for index, component in enumerate(components):
            for _ in range(component.blocks):
                at, levels[index] = _block(padded, at, component, levels[index])
                if at > bits:
                    raise Lost("the data ends within a block")
    used = -(-at // 8)
    filling = padded[used - 1] & ((1 << (used * 8 - at)) - 1) if used else 0
    if filling not in (0, (1 << (used * 8 - at)) - 1):
        raise Lost("its last byte is not filled up with equal bits")
    return used + _stuffed(data, used)


def _block(data: bytes, at: int, component: Component, level: int) -> tuple[int, int]:
    """One block from bit `at` on: → where it ends, and the component's DC level."""
    entry = component.dc[_next(data, at)]
    size = entry & 0xFF
    if not entry or size > _MOST_DC:
        raise Lost("no such code")
    at += entry >> 8
    level += _value(data, at, size)
    if not _LOWEST * 1.5 <= level * component.step / 8 <= _HIGHEST * 1.5:
        raise Lost("brighter than white or darker than black")
    at += size
    place, zeros = 1, False
    while place < 64:
        entry = component.ac[_next(data, at)]
        symbol = entry & 0xFF
        if not entry:
            raise Lost("no such code")
        at += entry >> 8
        if symbol == _END_OF_BLOCK:
            if zeros:
                raise Lost("zeros before the end of a block")
            return at, level
        place += (symbol >> 4) + 1
        size = symbol & 15
        zeros = symbol == _SIXTEEN_ZEROS
        if place > 64 or size > _MOST_AC or (not size and not zeros):
            raise Lost("more than 64 coefficients in a block")
        at += size
    if zeros:
        raise Lost("zeros at the end of a block")
    return at, level


def _next(data: bytes, at: int) -> int:
    """16 bits; behind the end they are ones."""
    byte = at >> 3
    return int.from_bytes(data[byte : byte + 3].ljust(3, b"\xff"), "big") >> (8 - (at & 7)) & 0xFFFF


def _value(data: bytes, at: int, size: int) -> int:
    if not size:
        return 0
    bits = _next(data, at) >> (16 - size)
    return bits if bits >> (size - 1) else bits - (1 << size) + 1


def _stuffed(data: bytes, used: int) -> int:
    """How many zeros stand behind 0xFF in the encoded bytes that are `used` plain ones."""
    count = 0
    while (more := data[: used + count].count(b"\xff\x00")) != count:
        count = more
    return count + (data[used + count - 1 : used + count + 1] == b"\xff\x00")
