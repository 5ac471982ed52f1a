"""The same pictures give the same bytes, be they in folders, in tars, or in the TFRecords of others; boxes too."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.ingestion import shards
from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from components.sources.detect import scan
from components.sources.imagenet import ground_truth
from tests.components.sources import records, small_ilsvrc
from tests.components.sources.boxes import annotations
from trainer import imagenet

KEYS = {
    imagenet.ENCODED: tf.io.FixedLenFeature([], tf.string),
    imagenet.LABEL: tf.io.FixedLenFeature([], tf.int64),
    imagenet.FILENAME: tf.io.FixedLenFeature([], tf.string),
    imagenet.SYNSET: tf.io.FixedLenFeature([], tf.string),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def from_folders(folders, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out")
    ingest(str(folders), str(out), pictures_per_shard=10)
    return out


def examples(out: Path) -> set[tuple]:
    """(split, filename, label, synset, SHA-256) of every example, read by TensorFlow."""
    found = set()
    for split in ("train", "eval"):
        files = sorted(str(path) for path in (out / f"Split-{split}").iterdir())
        for record in tf.data.TFRecordDataset(files):
            values = {key: value.numpy() for key, value in tf.io.parse_single_example(record, KEYS).items()}
            sha256 = hashlib.sha256(values[imagenet.ENCODED]).hexdigest()
            name, synset = values[imagenet.FILENAME].decode(), values[imagenet.SYNSET].decode()
            found.add((split, name, int(values[imagenet.LABEL]), synset, sha256))
    return found


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def expected(folders: Path) -> set[tuple]:
    """The same of the files themselves; sorted wnids have the labels from 1 on."""
    labels = {wnid: label for label, wnid in enumerate(sorted(small_ilsvrc.WNIDS), start=1)}
    return {
        (split, path.name, labels[path.parent.name], path.parent.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for split in ("train", "eval")
        for path in (folders / split).glob("*/*")
    }


def test_folders_give_each_picture_with_its_label(folders, from_folders):
    assert examples(from_folders) == expected(folders)
    assert len(expected(folders)) == 5 * (6 + 4)


def tars_of_folders(folders: Path, root: Path) -> Path:
    return small_ilsvrc.class_tars(folders, root)


def with_a_list(folders: Path, root: Path) -> Path:
    small_ilsvrc.ilsvrc_tars(folders, root)
    small_ilsvrc.write_list(folders, root / ground_truth.WNID_LIST)
    return root


def with_the_kit(folders: Path, root: Path) -> Path:
    small_ilsvrc.ilsvrc_tars(folders, root)
    small_ilsvrc.kit(folders, root / "ILSVRC2012_devkit_t12.tar.gz")
    return root


def with_the_kit_unpacked(folders: Path, root: Path) -> Path:
    small_ilsvrc.ilsvrc_tars(folders, root)
    small_ilsvrc.kit(folders, root / "ILSVRC2012_devkit_t12")
    return root


def slim(folders: Path, root: Path) -> Path:
    return records.slim(folders, root)


def tfds(folders: Path, root: Path) -> Path:
    return records.tfds(folders, root)


def tfds_alone(folders: Path, root: Path) -> Path:
    return records.tfds(folders, root, names=False)


def ours(folders: Path, root: Path) -> Path:
    ingest(str(folders), str(root), pictures_per_shard=7)
    return root


LAYOUTS = [tars_of_folders, with_a_list, with_the_kit, with_the_kit_unpacked, slim, tfds, tfds_alone, ours]


@pytest.mark.parametrize("lay_out", LAYOUTS)
def test_every_source_gives_the_same_examples_and_the_same_bytes_as_folders(folders, from_folders, tmp_path, lay_out):
    data = lay_out(folders, tmp_path / "data")
    before = sorted(data.rglob("*"))
    ingest(str(data), str(tmp_path / "out"), pictures_per_shard=10)
    assert examples(tmp_path / "out") == expected(folders)
    assert files(tmp_path / "out") == files(from_folders)
    assert sorted(data.rglob("*")) == before  # Nothing was unpacked.


@pytest.fixture(scope="module")
def annotated(folders) -> dict[str, annotations.Annotation]:
    return annotations.annotations(folders)


@pytest.fixture(scope="module")
def csv_lines(annotated) -> list[str]:
    return annotations.as_the_reference(annotated, small_ilsvrc.WNIDS)


def boxes_of(out: Path) -> dict[str, list[tuple]]:
    """By file: (xmin, ymin, xmax, ymax, label) of every box, read by TensorFlow with the keys of TF-Slim's reader."""
    keys = {f"image/object/bbox/{side}": tf.io.VarLenFeature(tf.float32) for side in ("xmin", "ymin", "xmax", "ymax")}
    keys |= {"image/object/bbox/label": tf.io.VarLenFeature(tf.int64)}
    found = {}
    for path in sorted(out.glob("Split-*/*")):
        for record in tf.data.TFRecordDataset(str(path)):
            values = tf.io.parse_single_example(record, {**KEYS, **keys})
            columns = [values[key].values.numpy().tolist() for key in keys]
            if rows := [tuple(round(value, 4) for value in row) for row in zip(*columns, strict=True)]:
                found[values[imagenet.FILENAME].numpy().decode()] = rows
    return found


def test_boxes_from_xml_csv_and_slim_records_are_those_that_the_reference_makes(
    folders, annotated, csv_lines, tmp_path
):
    xml = with_a_list(folders, tmp_path / "xml")
    annotations.write_tar(annotated, xml / "ILSVRC2012_bbox_train_v2.tar.gz")
    csv = with_a_list(folders, tmp_path / "csv")
    (csv / "imagenet_2012_bounding_boxes.csv").write_text("\n".join(csv_lines) + "\n")
    slim = records.slim(folders, tmp_path / "slim", annotations.by_file(csv_lines))
    reports = {
        path.name: ingest(str(path), str(tmp_path / "out" / path.name), pictures_per_shard=10)
        for path in (xml, csv, slim)
    }
    labels = {wnid: label for label, wnid in enumerate(sorted(small_ilsvrc.WNIDS), start=1)}
    wanted = {
        name: [(*box, labels[name.split("_")[0]]) for box in found]
        for name, found in annotations.by_file(csv_lines).items()
    }
    assert len(wanted) > 15
    assert boxes_of(tmp_path / "out" / "xml") == wanted
    for name in ("csv", "slim"):
        assert boxes_of(tmp_path / "out" / name) == wanted
        assert reports[name]["digest"] == reports["xml"]["digest"]
    count = {"pictures": len(wanted), "boxes": len(csv_lines)}
    assert reports["csv"]["boxes"].items() >= count.items()
    raw = [corners for annotation in annotated.values() for _, corners in annotation.boxes]
    assert reports["xml"]["boxes"] == count | {
        "inverted": sum(x0 > x1 for x0, _, x1, _ in raw),
        "clamped": sum(x0 < 0 for x0, _, _, _ in raw),
        "empty": sum(x0 == x1 for x0, _, x1, _ in raw),
        "other_class": len(raw) - len(csv_lines) - sum(x0 == x1 for x0, _, x1, _ in raw),
        "of_no_picture": 0,
    }


TOLERANCE = 2  # Of 255, on average, between two conversions of one picture to a JPEG of quality 100.


def converted_by_the_reference(path: Path) -> bytes:
    """As TF-Slim and TFDS do: TensorFlow's decoder, and its encoder at quality 100."""
    return tf.io.encode_jpeg(tf.io.decode_image(path.read_bytes(), channels=3), format="rgb", quality=100).numpy()


def test_pictures_that_a_source_had_converted_are_the_same_within_a_tolerance(tmp_path):
    folders = small_ilsvrc.folders(tmp_path / "folders")
    odd = sorted((folders / "train").glob("*/*"))[:2]
    ramp = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    Image.fromarray(ramp).save(odd[0], "PNG")
    Image.fromarray(ramp).convert("CMYK").save(odd[1], "JPEG", quality=95)
    ours = ingest(str(folders), str(tmp_path / "ours"))
    assert ours["splits"]["train"]["converted_by_reason"] == {"CMYK to RGB": 1, "PNG to JPEG": 1}
    pixels = pictures(tmp_path / "ours")
    for path in odd:
        path.write_bytes(converted_by_the_reference(path))
    for lay_out in (slim, tfds):
        ingest(str(lay_out(folders, tmp_path / lay_out.__name__)), str(tmp_path / f"{lay_out.__name__}.out"))
        theirs = pictures(tmp_path / f"{lay_out.__name__}.out")
        assert theirs.keys() == pixels.keys()
        differences = {name: np.abs(pixels[name] - theirs[name]).mean() for name in pixels}
        assert max(differences.values()) <= TOLERANCE
        assert {name for name, difference in differences.items() if difference} <= {path.name for path in odd}


def pictures(out: Path) -> dict[str, np.ndarray]:
    """Decoded by TensorFlow."""
    found = {}
    for path in sorted(out.glob("Split-*/*")):
        for record in tf.data.TFRecordDataset(str(path)):
            values = tf.io.parse_single_example(record, KEYS)
            decoded = tf.io.decode_jpeg(values[imagenet.ENCODED], channels=3).numpy().astype(float)
            found[values[imagenet.FILENAME].numpy().decode()] = decoded
    return found


def test_a_picture_in_a_tar_that_was_cut_off_meanwhile_is_refused(folders, tmp_path):
    data = tars_of_folders(folders, tmp_path / "data")
    source = scan(str(data))
    (tmp_path / "staging").mkdir()
    plans = shards.plan(source, tmp_path / "staging", pictures_per_shard=1000)
    with (data / "val.tar").open("r+b") as tar:
        tar.truncate(max(entry.offset for entry in source.splits["eval"]) + 10)
    result = {}
    for plan in plans:
        shards.write_shard(plan, Rules())
        name = Path(plan).name
        result |= {name: json.loads((tmp_path / "staging" / "result" / name).read_text())}
    evaluation = next(each for name, each in result.items() if "eval" in name)
    assert evaluation["counts"]["refused"] == 1
    assert evaluation["refused"][0]["reason"] == "cannot be read: the archive ends before it"


def test_damaged_pictures_in_tars_are_refused_and_named_as_those_in_folders(folders, tmp_path):
    spoiled = tmp_path / "spoiled"
    small_ilsvrc.folders(spoiled)
    for path in [*(spoiled / "train" / "n01440764").iterdir()][:1] + [*(spoiled / "eval" / "n02085620").iterdir()][:1]:
        path.write_bytes(path.read_bytes()[:-40])
    reports = [
        ingest(str(data), str(tmp_path / f"out{place}"), rules=Rules(max_refused=0.1))
        for place, data in enumerate([spoiled, with_the_kit(spoiled, tmp_path / "data")])
    ]
    assert reports[0] == reports[1]
    assert [each["name"].split("/")[:2] for each in reports[0]["refused"]] == [
        ["eval", "n02085620"], ["train", "n01440764"],
    ]  # fmt: skip
