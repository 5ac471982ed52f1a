"""A few of the bundled pictures as a shard of tf.Examples."""

from pathlib import Path

import tensorflow as tf

from trainer.imagenet import ENCODED, LABEL

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "train"
CLASSES = 11  # The background included.


def write_shard(path: Path, pictures: int) -> str:
    """The first pictures of each class in turn → the shard's path."""
    folders = [sorted(folder.iterdir()) for folder in sorted(SAMPLE.iterdir())]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(pictures):
            place, label = divmod(number, len(folders))
            writer.write(_example(folders[label][place].read_bytes(), label + 1))
    return str(path)


def _example(encoded: bytes, label: int) -> bytes:
    features = {
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
