"""Thumbnails out of TFRecords: the right ones, small, and no more is read than it takes."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.evaluation.scores import Scores
from components.report import thumbnails
from tests.components.report.by_hand import jpeg
from trainer.imagenet import ENCODED, FILENAME, LABEL


def example(label: int, name: str, encoded: bytes) -> bytes:
    features = {
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        FILENAME: tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture
def examples(tmp_path) -> Path:
    """Two shards; the same file name in two classes; one file that is no picture; the last record is damaged."""
    folder = tmp_path / "examples" / "Split-eval"
    folder.mkdir(parents=True)
    shards = [
        [(1, "a.jpg", jpeg(1)), (2, "a.jpg", jpeg(2)), (1, "no.jpg", b"no picture")],
        [(3, "c.jpg", jpeg(3)), (3, "d.jpg", jpeg(4))],
    ]
    for number, shard in enumerate(shards):
        with tf.io.TFRecordWriter(str(folder / f"data_tfrecord-{number:05}-of-00002")) as writer:
            for record in shard:
                writer.write(example(*record))
    last = folder / "data_tfrecord-00001-of-00002"
    last.write_bytes(last.read_bytes()[:-100])
    return folder.parent


def decoded(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_each_picture_is_found_by_label_and_name_and_is_small(examples):
    found = thumbnails.read(str(examples), [(1, "a.jpg"), (2, "a.jpg"), (3, "c.jpg")])
    assert set(found) == {(1, "a.jpg"), (2, "a.jpg"), (3, "c.jpg")}
    for (label, _), uri in found.items():
        small = decoded(uri)
        assert small.size == (64, 48)
        peer = Image.open(io.BytesIO(jpeg(label))).convert("RGB").resize((64, 48), Image.Resampling.BOX)
        assert np.abs(np.asarray(small, np.float32) - np.asarray(peer, np.float32)).mean() < 12
        assert len(uri) < 8_000


def test_reading_stops_when_all_are_found(examples):
    assert thumbnails.read(str(examples), [(3, "c.jpg")])  # The record behind it is damaged.
    with pytest.raises(tf.errors.DataLossError):
        thumbnails.read(str(examples), [(3, "d.jpg")])


def test_what_is_no_picture_is_left_out(examples):
    assert set(thumbnails.read(str(examples), [(1, "no.jpg"), (1, "a.jpg")])) == {(1, "a.jpg")}
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    assert thumbnails.data_uri(bomb.getvalue()) is None


def test_no_more_than_sixty_are_wanted_those_of_the_most_frequent_errors():
    confusion = np.arange(900).reshape(30, 30)
    names = {(a, b): tuple(f"{a}-{b}-{i}" for i in range(5)) for a in range(30) for b in range(30)}
    wanted = thumbnails.wanted(Scores(1000, 10, 20, 1.0, confusion, names=names))
    assert len(wanted) == thumbnails.MOST
    assert wanted[:2] == [(29, "29-28-0"), (29, "29-28-1")]
