"""One picture as a tf.Example with the keys of TF-Slim's build_imagenet_data.py, and the TFRecord around it."""

import struct
from collections.abc import MutableMapping
from typing import Any

import google_crc32c
from tensorflow.core.example import example_pb2

from components.picture import Picture
from components.source import Category
from trainer import imagenet


def serialise(picture: Picture, *, label: int, category: Category, filename: str) -> bytes:
    """The serialized tf.Example. `filename` is the file's own name, without folders, as the reference wrote it."""
    example = example_pb2.Example()
    feature = example.features.feature
    texts = {
        imagenet.COLORSPACE: b"RGB",
        imagenet.FORMAT: b"JPEG",
        imagenet.FILENAME: filename.encode(),
        imagenet.SYNSET: category.synset.encode(),
        imagenet.TEXT: category.text.encode(),
        imagenet.ENCODED: picture.jpeg,
        imagenet.NOTE: (picture.converted or "").encode(),
    }
    for key, text in texts.items():
        feature[key].bytes_list.value.append(text)
    # Three channels for a grey JPEG too: it says what the decoder gives, as in the reference.
    numbers = {
        imagenet.HEIGHT: picture.height,
        imagenet.WIDTH: picture.width,
        imagenet.CHANNELS: 3,
        imagenet.LABEL: label,
    }
    for key, number in numbers.items():
        feature[key].int64_list.value.append(number)
    _no_boxes(feature)
    return example.SerializeToString(deterministic=True)


def _no_boxes(feature: MutableMapping[str, Any]) -> None:
    """The box lists, empty: class folders carry no boxes, and the reference writes the keys all the same."""
    for key in (imagenet.BBOX_XMIN, imagenet.BBOX_XMAX, imagenet.BBOX_YMIN, imagenet.BBOX_YMAX):
        feature[key].float_list.SetInParent()
    feature[imagenet.BBOX_LABEL].int64_list.SetInParent()


def record(data: bytes) -> bytes:
    """The TFRecord frame: length, its checksum, the data, its checksum (tensorflow/core/lib/io/record_writer.h).

    Written here and not by tf.io.TFRecordWriter, so that the bytes can be hashed on their way and a full disk is an
    OSError at the write that met it.
    """
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
