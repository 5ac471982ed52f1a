"""The same pictures give the same bytes, be they in folders, in tars of folders, or in ILSVRC2012's own tars."""

import hashlib
import json
from pathlib import Path

import pytest
import tensorflow as tf

from components import ground_truth, shards
from components.ingestion import ingest
from components.ingestion_rules import Rules
from components.source_kind import scan
from tests.components import small_ilsvrc
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


@pytest.mark.parametrize("lay_out", [tars_of_folders, with_a_list, with_the_kit, with_the_kit_unpacked])
def test_tars_give_the_same_examples_and_the_same_bytes_as_folders(folders, from_folders, tmp_path, lay_out):
    data = lay_out(folders, tmp_path / "data")
    before = sorted(data.rglob("*"))
    ingest(str(data), str(tmp_path / "out"), pictures_per_shard=10)
    assert examples(tmp_path / "out") == expected(folders)
    assert files(tmp_path / "out") == files(from_folders)
    assert sorted(data.rglob("*")) == before  # Nothing was unpacked.


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
