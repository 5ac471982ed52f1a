"""TFRecords of class folders as others wrote them: TF-Slim's build_imagenet_data.py, and TFDS's imagenet2012."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from PIL import Image

Box = tuple[float, float, float, float]
SHARDS = {"train": 3, "eval": 2}


def integers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def texts(*values: bytes | str) -> tf.train.Feature:
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


def example(features: Mapping[str, tf.train.Feature]) -> bytes:
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path: Path, records: Iterable[bytes], *, compression: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type=compression)) as writer:
        for record in records:
            writer.write(record)
    return path


def slim_example(path: Path, label: int, synset: str, boxes: Sequence[Box] = ()) -> bytes:
    """As `_convert_to_example` of build_imagenet_data.py."""
    with Image.open(path) as image:
        width, height = image.size
    sides = {name: [box[place] for box in boxes] for place, name in enumerate(("xmin", "ymin", "xmax", "ymax"))}
    return example(
        {
            "image/height": integers(height),
            "image/width": integers(width),
            "image/colorspace": texts("RGB"),
            "image/channels": integers(3),
            "image/class/label": integers(label),
            "image/class/synset": texts(synset),
            "image/class/text": texts("some words"),
            **{f"image/object/bbox/{name}": floats(values) for name, values in sides.items()},
            "image/object/bbox/label": integers(*[label] * len(boxes)),
            "image/format": texts("JPEG"),
            "image/filename": texts(path.name),
            "image/encoded": texts(path.read_bytes()),
        }
    )


def tfds_example(path: Path, label: int) -> bytes:
    """As TFDS serializes a FeaturesDict of an image, a label and a file_name."""
    return example({"image": texts(path.read_bytes()), "label": integers(label), "file_name": texts(path.name)})


def labelled(folders: Path, split: str) -> list[tuple[Path, int, str]]:
    """Every picture of a split with its place among the sorted classes, from 0 on, in no order of classes."""
    classes = sorted(path.name for path in (folders / "train").iterdir())
    files = sorted((folders / split).glob("*/*"), key=lambda path: path.name[::-1])
    return [(path, classes.index(path.parent.name), path.parent.name) for path in files]


def slim(folders: Path, root: Path, boxes: Mapping[str, Sequence[Box]] = {}) -> Path:
    """train-00000-of-00003 and so on; boxes by the names of files."""
    for split, name in (("train", "train"), ("eval", "validation")):
        records = [
            slim_example(path, place + 1, synset, boxes.get(path.name, ()))
            for path, place, synset in labelled(folders, split)
        ]
        _write_shards(root, name, records, SHARDS[split])
    return root


def tfds(folders: Path, root: Path, *, names: bool = True) -> Path:
    """imagenet2012-train.tfrecord-00000-of-00003 and so on, with TFDS's files beside them, or without."""
    counts = {}
    for split, name in (("train", "train"), ("eval", "validation")):
        records = [tfds_example(path, place) for path, place, _ in labelled(folders, split)]
        counts[name] = _write_shards(root, f"imagenet2012-{name}.tfrecord", records, SHARDS[split])
    if names:
        classes = sorted(path.name for path in (folders / "train").iterdir())
        (root / "label.labels.txt").write_text("".join(f"{wnid}\n" for wnid in classes))
        splits = [{"name": name, "shardLengths": [str(n) for n in lengths]} for name, lengths in counts.items()]
        (root / "dataset_info.json").write_text(json.dumps({"name": "imagenet2012", "splits": splits}))
    return root


def _write_shards(root: Path, stem: str, records: Sequence[bytes], shards: int) -> list[int]:
    for number in range(shards):
        write(root / f"{stem}-{number:05d}-of-{shards:05d}", records[number::shards])
    return [len(records[number::shards]) for number in range(shards)]
