"""The hand-made parts of an Example are what protocol buffers write."""

import pytest
from tensorflow.core.example import example_pb2

from components.ingestion import example_writer
from components.sources.source import Category
from trainer import imagenet
from trainer.pictures.check import Picture


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_383, 16_384, 3_000_000], ids=str)
def test_joined_they_are_the_deterministic_bytes_of_protocol_buffers_whatever_the_picture_s_size(size):
    jpeg = bytes(range(256)) * (size // 256 + 1)
    picture = Picture(jpeg[:size], 48, 640, False, "PNG to JPEG", 6)
    parts = example_writer.parts(
        picture, label=1000, category=Category("n", "n01440764", "tench, Tinca"), filename="ä.jpg"
    )
    example = example_pb2.Example.FromString(b"".join(parts))
    assert example.SerializeToString(deterministic=True) == b"".join(parts)
    feature = example.features.feature
    assert feature[imagenet.ENCODED].bytes_list.value[:] == [jpeg[:size]]
    numbers = (imagenet.HEIGHT, imagenet.WIDTH, imagenet.CHANNELS, imagenet.LABEL, imagenet.ORIENTATION)
    assert [feature[key].int64_list.value[0] for key in numbers] == [48, 640, 3, 1000, 6]
    texts = (imagenet.FILENAME, imagenet.NOTE, imagenet.SYNSET, imagenet.TEXT)
    assert not feature[imagenet.BBOX_XMIN].float_list.value
    assert feature[imagenet.BBOX_XMIN].WhichOneof("kind") == "float_list"
    assert [feature[key].bytes_list.value[0].decode() for key in texts] == [
        "ä.jpg", "PNG to JPEG", "n01440764", "tench, Tinca",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 40], ids=str)
def test_boxes_are_lists_of_their_sides_with_the_picture_s_label(count):
    boxes = [(0.1 * n / 40, 0.2, 0.5, 1.0) for n in range(count)]
    picture = Picture(b"jpeg", 1, 1, False, None)
    data = example_writer.serialise(picture, label=300, category=Category("a", "a", "a"), filename="a", boxes=boxes)
    example = example_pb2.Example.FromString(data)
    assert example.SerializeToString(deterministic=True) == data
    feature = example.features.feature
    sides = (imagenet.BBOX_XMIN, imagenet.BBOX_YMIN, imagenet.BBOX_XMAX, imagenet.BBOX_YMAX)
    read = zip(*(feature[key].float_list.value for key in sides), strict=True)
    assert [pytest.approx(box) for box in boxes] == list(read)
    assert list(feature[imagenet.BBOX_LABEL].int64_list.value) == [300] * count
