"""One picture as a tf.Example with the keys of TF-Slim's build_imagenet_data.py."""

import functools
import struct
from collections.abc import Sequence

from components.sources.source import Box, Category
from trainer import imagenet
from trainer.pictures.check import Picture

# Protocol buffers' tags of fields that hold bytes or messages: the number of the field times eight, and two.
_FIELD = {1: b"\x0a", 2: b"\x12", 3: b"\x1a"}
_BYTES, _FLOATS, _INTEGERS = _FIELD[1], _FIELD[2], _FIELD[3]  # Of a Feature.
# By name, with their places in a Box.
_SIDES = ((imagenet.BBOX_XMAX, 2), (imagenet.BBOX_XMIN, 0), (imagenet.BBOX_YMAX, 3), (imagenet.BBOX_YMIN, 1))


def serialise(picture: Picture, *, label: int, category: Category, filename: str, boxes: Sequence[Box] = ()) -> bytes:
    """The serialized tf.Example. `filename` is the file's own name, without folders, as the reference wrote it."""
    return b"".join(parts(picture, label=label, category=category, filename=filename, boxes=boxes))


def parts(
    picture: Picture, *, label: int, category: Category, filename: str, boxes: Sequence[Box] = ()
) -> tuple[bytes, bytes, bytes]:
    """The serialized tf.Example in three: what comes before the JPEG, the JPEG, and what comes behind it.

    Joined they are what protocol buffers write in their deterministic mode, with the keys in order (tested). By hand,
    so that a JPEG is neither copied nor hashed twice on its way, and in a third of the time.
    """
    before = (
        _number(imagenet.CHANNELS, 3)  # For a grey JPEG too: it says what the decoder gives, as in the reference.
        + _number(imagenet.LABEL, label)
        + _words(imagenet.SYNSET, category.synset)
        + _words(imagenet.TEXT, category.text)
        + _words(imagenet.COLORSPACE, "RGB")
        + _opening(imagenet.ENCODED, len(picture.jpeg))
    )
    behind = (
        _entry(imagenet.FILENAME, _text(filename))
        + _words(imagenet.FORMAT, "JPEG")
        + _number(imagenet.HEIGHT, picture.height)
        + _words(imagenet.NOTE, picture.converted or "")
        + _boxes(label, boxes)
        + _number(imagenet.ORIENTATION, picture.orientation)
        + _number(imagenet.WIDTH, picture.width)
    )
    return _FIELD[1] + _varint(len(before) + len(picture.jpeg) + len(behind)) + before, picture.jpeg, behind


# Most pictures share their words and sizes with others.
@functools.lru_cache(maxsize=10_000)
def _words(key: str, value: str) -> bytes:
    return _entry(key, _text(value))


@functools.lru_cache(maxsize=10_000)
def _number(key: str, value: int) -> bytes:
    return _entry(key, _integers([value]))


def _boxes(label: int, boxes: Sequence[Box]) -> bytes:
    """A list for each side. The reference writes those of pictures without boxes all the same, and empty."""
    return _drawn(label, boxes) if boxes else _NO_BOXES


def _drawn(label: int, boxes: Sequence[Box]) -> bytes:
    sides = b"".join(_entry(key, _floats([box[place] for box in boxes])) for key, place in _SIDES)
    return _entry(imagenet.BBOX_LABEL, _integers([label] * len(boxes))) + sides


def _text(value: str) -> bytes:
    """Feature{bytes_list{value}}"""
    return _message(_BYTES, _message(_FIELD[1], value.encode()))


def _integers(values: Sequence[int]) -> bytes:
    """Feature{int64_list{value}}, packed; values from 0 on."""
    return _message(_INTEGERS, _message(_FIELD[1], b"".join(map(_varint, values))) if values else b"")


def _floats(values: Sequence[float]) -> bytes:
    """Feature{float_list{value}}, packed."""
    return _message(_FLOATS, _message(_FIELD[1], struct.pack(f"<{len(values)}f", *values)) if values else b"")


def _entry(key: str, feature: bytes) -> bytes:
    """Features{feature{key, value}}"""
    return _message(_FIELD[1], _message(_FIELD[1], key.encode()) + _message(_FIELD[2], feature))


def _opening(key: str, size: int) -> bytes:
    """An entry of one text of so many bytes, up to these."""
    opening = _FIELD[1] + _varint(size)  # BytesList.value
    for tag in (_BYTES, _FIELD[2]):  # Feature.bytes_list, and the entry's value.
        opening = tag + _varint(len(opening) + size) + opening
    opening = _message(_FIELD[1], key.encode()) + opening
    return _FIELD[1] + _varint(len(opening) + size) + opening


def _message(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = [bytes([number]) for number in range(0x80)]
_NO_BOXES = _drawn(0, ())
