"""A serialized tf.Example, read where it lies: the place of its picture, and what stands beside it.

The format is protobuf's, of tensorflow/core/example/{example,feature}.proto. protobuf's own parser would want all of
the record, 110 KB of picture with it; here all but the picture is read. What no writer of Examples writes is an error.
"""

import struct
from collections.abc import Collection, Mapping
from typing import NamedTuple

from components.containers.tfrecord import Frame, RecordFile
from components.data_error import DataError

Value = list[bytes] | list[float] | list[int]

_MAX_FEATURES = 1000
_MAX_BESIDE = 1 << 20  # Bytes of one feature that is no picture: 16 KB of boxes are a thousand of them.
_MAX_ALL_BESIDE = 16 << 20  # Of all of them: whoever checks the record's sum reads them with the picture.
_MAX_KEY = 1 << 10
_MESSAGE = 2  # Wire type of what has a length.
_FIRST, _SECOND = 1 << 3 | _MESSAGE, 2 << 3 | _MESSAGE  # Tags of the fields 1 and 2, with a length each.
_BYTES, _FLOATS, _INTEGERS = (field << 3 | _MESSAGE for field in (1, 2, 3))  # Of a Feature.


class Parts(NamedTuple):
    """Where the picture begins and how many bytes it has, in the file; and the other features asked for."""

    offset: int
    size: int
    features: Mapping[str, Value]


class _Fault(ValueError):
    """Why these bytes are no Example."""


def parts(file: RecordFile, frame: Frame, *, picture: str, wanted: Collection[str]) -> Parts:
    """Reads one record but for its picture.

    Args:
        picture: The key of the feature that holds one encoded picture.
        wanted: Keys of other features. One that is not there is missing in the result.

    Raises:
        DataError: no tf.Example, no such key, or not one picture; the message names file and place.
    """
    try:
        place, features, keys = _walk(file, frame, picture, frozenset(wanted))
        beside = frame.end - frame.start - (place[1] - place[0] if place else 0)
        if beside > _MAX_ALL_BESIDE:
            raise _Fault(f"{beside:,} bytes are no picture; of {_MAX_ALL_BESIDE:,} at most")
    except (_Fault, UnicodeDecodeError, struct.error, IndexError) as error:
        said = str(error) if isinstance(error, _Fault) else "it is damaged"
        raise DataError(
            f"{_where(file, frame)}: {said}. Wanted a tf.Example with one picture in {picture!r}."
        ) from None
    if place is None:
        there = ", ".join(sorted(keys)[:20]) or "none"
        raise DataError(f"{_where(file, frame)}: the record has no picture: no {picture!r}. Its keys: {there}.")
    return Parts(place[0], place[1] - place[0], features)


def _where(file: RecordFile, frame: Frame) -> str:
    return f"{file.name}, byte {frame.start:,}"


def _walk(
    file: RecordFile, frame: Frame, picture: str, wanted: frozenset[str]
) -> tuple[tuple[int, int] | None, dict[str, Value], set[str]]:
    """Example.features.feature, which is a map: repeated entries of a key (field 1) and a Feature (field 2)."""
    place, features, keys = None, {}, set()
    at, end = _message(file, frame.start, frame.end, _FIRST) if frame.end > frame.start else (frame.end, frame.end)
    if end != frame.end:
        raise _Fault("the record holds more than a tf.Example")
    while at < end:
        begin, after = _message(file, at, end, _FIRST)
        start, stop = _message(file, begin, after, _FIRST)
        if stop - start > _MAX_KEY:
            raise _Fault(f"a key of {stop - start:,} bytes")
        key = file.read(start, stop - start).decode()
        if key in keys or len(keys) >= _MAX_FEATURES:
            raise _Fault(f"{key!r} comes twice" if key in keys else f"more than {_MAX_FEATURES:,} features")
        keys.add(key)
        value = _message(file, stop, after, _SECOND)
        if value[1] != after:
            raise _Fault(f"{key!r} has more than a value")
        if key == picture:
            place = _one_picture(file, *value)
        elif key in wanted:
            features[key] = _values(file, *value)
        at = after
    return place, features, keys


def _one_picture(file: RecordFile, start: int, end: int) -> tuple[int, int]:
    """Of Feature.bytes_list.value, where there must be one."""
    if start == end:
        raise _Fault("the record has no picture")
    if file.read(start, 1)[0] != _BYTES:
        raise _Fault("the record has no picture, but numbers for one")
    begin, after = _message(file, start, end, _BYTES)
    if begin == after:
        raise _Fault("the record has no picture")
    place = _message(file, begin, after, _FIRST)
    if place[1] != after or after != end:
        raise _Fault("the record has several pictures")
    if place[0] == place[1]:
        raise _Fault("the record has no picture, but empty bytes for one")
    return place


def _message(file: RecordFile, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where a part with a length begins and ends; `end` is that of what holds it."""
    head = file.read(at, min(11, end - at))
    if not head or head[0] != tag:
        raise _Fault("it is no tf.Example")
    length, size = _varint(head, 1)
    if at + size + length > end:
        raise _Fault("it is no tf.Example: a part of it is longer than what holds it")
    return at + size, at + size + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where the next begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise _Fault("it is no tf.Example: a number has no end")


def _values(file: RecordFile, start: int, end: int) -> Value:
    """A Feature's list, whichever it is; empty where none is set."""
    if end - start > _MAX_BESIDE:
        raise _Fault(f"a feature beside the picture has {end - start:,} bytes, of {_MAX_BESIDE:,} at most")
    if start == end:
        return []
    data = file.read(start, end - start)
    begin, stop = _part(data, 0)
    if stop != len(data):
        raise _Fault("a feature has several lists")
    read = {_BYTES: _bytes, _FLOATS: _floats, _INTEGERS: _integers}.get(data[0])
    if not read:
        raise _Fault("it is no tf.Example: a feature is of no known kind")
    return read(data[begin:stop])


def _part(data: bytes, at: int) -> tuple[int, int]:
    length, begin = _varint(data, at + 1)
    if begin + length > len(data):
        raise _Fault("it is no tf.Example: a value is longer than its list")
    return begin, begin + length


def _bytes(data: bytes) -> list[bytes]:
    values, at = [], 0
    while at < len(data):
        if data[at] != _FIRST:
            raise _Fault("it is no tf.Example: no bytes in a list of bytes")
        begin, at = _part(data, at)
        values.append(data[begin:at])
    return values


def _floats(data: bytes) -> list[float]:
    """Packed, as writers do since 2014, or one by one."""
    values, at = [], 0
    while at < len(data):
        begin, stop = _part(data, at) if data[at] == _FIRST else (at + 1, at + 5)
        if data[at] not in (_FIRST, 1 << 3 | 5):
            raise _Fault("it is no tf.Example: no floats in a list of floats")
        values += struct.unpack(f"<{(stop - begin) // 4}f", data[begin:stop])
        at = stop
    return values


def _integers(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        if data[at] not in (_FIRST, 1 << 3):
            raise _Fault("it is no tf.Example: no integers in a list of integers")
        begin, stop = _part(data, at) if data[at] == _FIRST else (at + 1, _varint(data, at + 1)[1])
        at = begin
        while at < stop:
            value, at = _varint(data, at)
            values.append(value - (1 << 64) if value >> 63 else value)
    return values
