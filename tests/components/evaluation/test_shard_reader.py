"""Reading a shard in tf.data gives what TFX's Arrow batches and the plain preprocessing give."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfx_bsl.coders import example_coder

from components.evaluation import shard_reader
from components.evaluation.slices import column, has
from trainer import preprocessing
from trainer.imagenet import ENCODED, FILENAME, HEIGHT, LABEL, NOTE

COUNT = 7
COLOUR = "image/colour"


def _jpeg(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (20 + number, 30, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _example(number: int) -> tf.train.Example:
    features = {
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[_jpeg(number)])),
        FILENAME: tf.train.Feature(bytes_list=tf.train.BytesList(value=[f"{number}.jpg".encode()])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
        COLOUR: tf.train.Feature(float_list=tf.train.FloatList(value=[number / 2])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


@pytest.fixture
def shard(tmp_path) -> str:
    path = str(tmp_path / "data_tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(path) as writer:
        for number in range(COUNT):
            writer.write(_example(number).SerializeToString())
    return path


def _decode(resolution: int):
    return lambda encoded: preprocessing.eval_image(encoded, resolution=resolution)


def test_pictures_come_in_the_shards_order_by_each_preprocessing_to_the_bit(shard):
    batches = list(shard_reader.read(shard, [_decode(16), _decode(8)], features=(), batch=3))
    assert [columns.num_rows for _, columns in batches] == [3, 3, 1]
    for place, resolution in enumerate((16, 8)):
        found = np.concatenate([images[place] for images, _ in batches])
        wanted = [preprocessing.eval_image(tf.constant(_jpeg(n)), resolution=resolution).numpy() for n in range(COUNT)]
        np.testing.assert_array_equal(found, wanted)


def test_columns_are_those_of_an_arrow_batch(shard):
    [(_, columns)] = shard_reader.read(shard, [_decode(8)], features=(COLOUR,), batch=COUNT)
    theirs = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(
        [_example(number).SerializeToString() for number in range(COUNT)]
    )
    for feature in (FILENAME, LABEL, COLOUR):
        np.testing.assert_array_equal(column(columns, feature), column(theirs, feature))
    for feature in (NOTE, HEIGHT):
        assert not has(columns, feature) and not has(theirs, feature)


def test_a_feature_that_no_example_has_is_no_column(shard):
    [(_, columns)] = shard_reader.read(shard, [_decode(8)], features=("image/nothing",), batch=COUNT)
    assert not has(columns, "image/nothing")


def test_an_empty_shard_has_no_batches(tmp_path):
    path = tmp_path / "data_tfrecord-00000-of-00001"
    path.touch()
    assert list(shard_reader.read(str(path), [_decode(8)], features=(), batch=2)) == []
