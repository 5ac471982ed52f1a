"""EXIF's orientation within TensorFlow's graph: trainer/pictures/exif.py again, for where no Python of ours runs."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

_TAG = 0x0112
_MOST_SEGMENTS, _MOST_ENTRIES = 100, 1000
_TURNS: list[Callable[[tf.Tensor], tf.Tensor]] = [
    lambda image: image,
    lambda image: image[:, ::-1],
    lambda image: image[::-1, ::-1],
    lambda image: image[::-1],
    lambda image: tf.transpose(image, (1, 0, 2)),
    lambda image: tf.transpose(image, (1, 0, 2))[:, ::-1],
    lambda image: tf.transpose(image, (1, 0, 2))[::-1, ::-1],
    lambda image: tf.transpose(image, (1, 0, 2))[::-1],
]


def turn(pixels: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """[H, W, 3] as it was meant to be seen, where EXIF says `turned`, 1 to 8."""
    upright = tf.switch_case(turned - 1, [lambda way=way: way(pixels) for way in _TURNS])
    return tf.ensure_shape(upright, (None, None, 3))


def orientation(content: tf.Tensor) -> tf.Tensor:
    """1 to 8, a scalar int32; 1 of what says nothing, and of what is no JPEG."""
    tiff = _exif(content)
    little = tf.equal(tf.strings.substr(tiff, 0, 4), b"II*\0")
    known = little | tf.equal(tf.strings.substr(tiff, 0, 4), b"MM\0*")
    return tf.cond(known, lambda: _of_tiff(tiff, little), lambda: 1)


def _exif(content: tf.Tensor) -> tf.Tensor:
    """The first EXIF block before the first scan, without its own beginning; empty where there is none."""

    def searching(at: tf.Tensor, found: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        marker = _numbers(content, at, 2, False)
        is_segment = (marker // 256 == 0xFF) & (marker != 0xFFDA) & (marker != 0xFFD9)
        return is_segment & (tf.strings.length(found) == 0) & (seen < _MOST_SEGMENTS)

    def step(at: tf.Tensor, found: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        marker, length = _numbers(content, at, 2, False), tf.maximum(2, _numbers(content, at + 2, 2, False))
        is_exif = (marker == 0xFFE1) & tf.equal(_part(content, at + 4, 6), b"Exif\0\0")
        found = tf.cond(is_exif, lambda: _part(content, at + 10, length - 8), lambda: found)
        return tf.where(marker == 0xFFFF, at + 1, at + 2 + length), found, seen + 1

    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    start = tf.where(is_jpeg, 2, tf.strings.length(content))
    return tf.while_loop(searching, step, (start, tf.constant(b""), 0))[1]


def _of_tiff(tiff: tf.Tensor, little: tf.Tensor) -> tf.Tensor:
    directory = _numbers(tiff, 4, 4, little)
    count = tf.minimum(_numbers(tiff, directory, 2, little), _MOST_ENTRIES)

    def searching(entry: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        return (entry < count) & (found == 0)

    def step(entry: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        at = directory + 2 + 12 * entry
        is_it = _numbers(tiff, at, 2, little) == _TAG
        return entry + 1, tf.where(is_it, tf.maximum(1, _numbers(tiff, at + 8, 2, little)), found)

    value = tf.while_loop(searching, step, (0, 0))[1]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _numbers(content: tf.Tensor, at: tf.Tensor | int, size: int, little: tf.Tensor | bool) -> tf.Tensor:
    """A number of 2 or 4 bytes; 0 of bytes that are not there, and of one too large for a place in a file."""
    values = tf.io.decode_raw(_part(content, at, size), tf.uint8)
    values = tf.cast(tf.cond(tf.cast(little, tf.bool), lambda: values[::-1], lambda: values), tf.int64)
    weights = tf.constant([256**place for place in range(size - 1, -1, -1)], tf.int64)
    number = tf.cond(tf.size(values) == size, lambda: tf.reduce_sum(values * weights), lambda: tf.constant(0, tf.int64))
    return tf.cast(tf.where(number < 2**30, number, 0), tf.int32)


def _part(content: tf.Tensor, at: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """Bytes of a string, as many as there are: `substr` fails on a place outside."""
    length = tf.strings.length(content)
    start = tf.clip_by_value(at, 0, length)
    return tf.strings.substr(content, start, tf.clip_by_value(size, 0, length - start))
