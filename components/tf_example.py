"""One picture as a tf.Example with the keys of TF-Slim's build_imagenet_data.py."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from tensorflow.core.example import feature_pb2

from components.picture import Picture
from components.source import Box, Category
from trainer import imagenet

_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"  # Of a message: a field that is bytes or a message.


def serialise(picture: Picture, *, label: int, category: Category, filename: str, boxes: Sequence[Box] = ()) -> bytes:
    """The serialized tf.Example. `filename` is the file's own name, without folders, as the reference wrote it."""
    return b"".join(parts(picture, label=label, category=category, filename=filename, boxes=boxes))


def parts(
    picture: Picture, *, label: int, category: Category, filename: str, boxes: Sequence[Box] = ()
) -> tuple[bytes, bytes, bytes]:
    """The serialized tf.Example in three: what comes before the JPEG, the JPEG, and what comes behind it.

    Joined they are what protocol buffers write in their deterministic mode, with the keys in order. In parts, so that a
    JPEG is neither copied nor hashed twice on its way.
    """
    texts = {
        imagenet.COLORSPACE: b"RGB",
        imagenet.FORMAT: b"JPEG",
        imagenet.FILENAME: filename.encode(),
        imagenet.SYNSET: category.synset.encode(),
        imagenet.TEXT: category.text.encode(),
        imagenet.NOTE: (picture.converted or "").encode(),
    }
    # Three channels for a grey JPEG too: it says what the decoder gives, as in the reference.
    numbers = {
        imagenet.HEIGHT: picture.height,
        imagenet.WIDTH: picture.width,
        imagenet.CHANNELS: 3,
        imagenet.LABEL: label,
        imagenet.ORIENTATION: picture.orientation,
    }
    before, behind = feature_pb2.Features(), feature_pb2.Features()
    for key, text in texts.items():
        (before if key < imagenet.ENCODED else behind).feature[key].bytes_list.value.append(text)
    for key, number in numbers.items():
        (before if key < imagenet.ENCODED else behind).feature[key].int64_list.value.append(number)
    _add_boxes(behind.feature, boxes, label)
    return _around(before, picture.jpeg, behind)


def _around(before: feature_pb2.Features, jpeg: bytes, behind: feature_pb2.Features) -> tuple[bytes, bytes, bytes]:
    """A message's fields may be written one after the other, so two serialized ones and a map's entry make one."""
    first, last = (features.SerializeToString(deterministic=True) for features in (before, behind))
    key = imagenet.ENCODED.encode()
    entry = len(jpeg)
    opening = _FIELD_1 + _varint(entry)  # BytesList.value
    for field in (_FIELD_1, _FIELD_2):  # Feature.bytes_list, and the entry's value.
        opening = field + _varint(len(opening) + entry) + opening
    opening = _FIELD_1 + _varint(len(key)) + key + opening  # The entry's key.
    opening = _FIELD_1 + _varint(len(opening) + entry) + opening  # Features.feature
    size = len(first) + len(opening) + entry + len(last)
    return _FIELD_1 + _varint(size) + first + opening, jpeg, last  # Example.features


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _add_boxes(feature: MutableMapping[str, Any], boxes: Sequence[Box], label: int) -> None:
    """A list for each side. The reference writes the keys of pictures without boxes all the same, with empty lists."""
    sides = (imagenet.BBOX_XMIN, imagenet.BBOX_YMIN, imagenet.BBOX_XMAX, imagenet.BBOX_YMAX)
    for place, key in enumerate(sides):
        feature[key].float_list.SetInParent()
        feature[key].float_list.value.extend(box[place] for box in boxes)
    feature[imagenet.BBOX_LABEL].int64_list.SetInParent()
    feature[imagenet.BBOX_LABEL].int64_list.value.extend([label] * len(boxes))
