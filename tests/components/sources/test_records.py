"""TFRecords as sources: what is wrong with a file or a record is said with its place, and nothing is guessed."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.containers import tf_example, tfrecord
from components.data_error import DataError
from components.ingestion.ingest import ingest
from components.sources import records as record_pictures
from components.sources.detect import detect, fingerprint, scan
from components.sources.source import Source
from components.sources.wanted import Kind, Wanted
from tests.components.sources import records, small_ilsvrc
from tests.components.sources.records import example, floats, integers, texts

FIRST = "train-00000-of-00003"
PICTURE = "image/encoded"


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture
def slim(folders, tmp_path) -> Path:
    return records.slim(folders, tmp_path / "slim")


@pytest.fixture
def tfds(folders, tmp_path) -> Path:
    return records.tfds(folders, tmp_path / "tfds")


def record_file(data: bytes) -> tfrecord.RecordFile:
    return tfrecord.RecordFile(io.BytesIO(data), "file", len(data))


def parts(data: bytes) -> tf_example.Parts:
    file = record_file(data)
    return tf_example.parts(file, tfrecord.Frame(0, len(data)), picture=PICTURE, wanted=("numbers", "floats", "names"))


lists = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1)).map(lambda values: integers(*values)),
    st.lists(st.floats(width=32, allow_nan=False)).map(floats),
    st.lists(st.binary(max_size=300)).map(lambda values: texts(*values)),
)


@settings(max_examples=60, deadline=None)
@given(
    picture=st.binary(min_size=1, max_size=9000),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1)),
    shares=st.lists(st.floats(width=32, allow_nan=False)),
    names=st.lists(st.binary(max_size=300)),
    more=st.dictionaries(st.text(max_size=20).filter(lambda key: key not in (PICTURE, "numbers")), lists, max_size=6),
)
def test_what_tensorflow_writes_is_read_as_it_was_and_the_picture_is_where_it_is_said_to_be(
    picture, numbers, shares, names, more
):
    data = example(
        {
            **more, PICTURE: texts(picture), "numbers": integers(*numbers), "floats": floats(shares),
            "names": texts(*names),
        }
    )  # fmt: skip
    found = parts(data)
    assert data[found.offset : found.offset + found.size] == picture
    assert found.features == {"numbers": numbers, "floats": shares, "names": names}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_record_is_an_error_of_ours_or_a_picture_within_it(data):
    good = example({PICTURE: texts(b"jpeg" * 30), "numbers": integers(1, 2, 3), "floats": floats([0.5])})
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(bad) - 1)), max_size=3)):
        bad[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
    try:
        found = parts(bytes(bad))
    except DataError as error:
        assert str(error).startswith("file, byte 0: ")
    else:
        assert 0 < found.offset < found.offset + found.size <= len(bad)


NO_PICTURE = {
    "none": ({"numbers": integers(1)}, "the record has no picture: no 'image/encoded'. Its keys: numbers."),
    "an empty list": ({PICTURE: texts()}, "the record has no picture. Wanted"),
    "no list": ({PICTURE: tf.train.Feature()}, "the record has no picture. Wanted"),
    "empty bytes": ({PICTURE: texts(b"")}, "the record has no picture, but empty bytes for one"),
    "two": ({PICTURE: texts(b"a", b"b")}, "the record has several pictures"),
    "numbers": ({PICTURE: integers(1)}, "the record has no picture, but numbers for one"),
    "other keys": ({"image": texts(b"a"), "label": integers(1)}, "Its keys: image, label."),
}


@pytest.mark.parametrize(("features", "message"), NO_PICTURE.values(), ids=NO_PICTURE)
def test_a_record_without_one_picture_is_an_error(features, message):
    with pytest.raises(DataError, match=r"^file, byte 0: ") as refused:
        parts(example(features))
    assert message in str(refused.value)


def test_packed_or_not_numbers_are_the_same():
    """Writers pack them since protobuf 2.1; readers must take both."""
    packed = example({PICTURE: texts(b"x"), "numbers": integers(7, 300)})
    plain = b"\x12\x07" + b"\x1a\x05" + b"\x08\x07" + b"\x08\xac\x02"  # int64_list { value: 7 value: 300 }
    entry = b"\x0a\x07numbers" + plain
    single = example({PICTURE: texts(b"x")})
    body = single[2:] + b"\x0a" + bytes([len(entry)]) + entry
    unpacked = b"\x0a" + bytes([len(body)]) + body
    assert tf.train.Example.FromString(unpacked) == tf.train.Example.FromString(packed)
    assert parts(unpacked).features == parts(packed).features == {"numbers": [7, 300]}


def compress(path: Path) -> None:
    again = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    records.write(path, again, compression="GZIP")


def flip_the_length(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def cut_within_a_length(path: Path) -> None:
    path.write_bytes(path.read_bytes() + struct.pack("<Q", 5))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text_instead(path: Path) -> None:
    path.write_text("n01440764\n" * 10)


DAMAGE: dict[Callable[[Path], None], str] = {
    compress: r"train-00000-of-00003 is compressed \(gzip\). .* write them again without compression",
    flip_the_length: r"train-00000-of-00003, byte 0: no TFRecord begins here \(the checksum of its length is wrong\)",
    cut: r"train-00000-of-00003, byte [\d,]+: the record that begins here is cut off: the file ends at byte [\d,]+",
    cut_within_a_length: r"the record that begins here is cut off",
    empty: r"train-00000-of-00003 is empty. Wanted a TFRecord file",
    text_instead: r"train-00000-of-00003, byte 0: no TFRecord begins here",
    Path.unlink: r"of 3 files for train, 1 are missing: train-00000-of-00003",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_an_error_that_says_where(slim, damage):
    damage(slim / FIRST)
    with pytest.raises(DataError, match=DAMAGE[damage]):
        scan(str(slim))


def test_a_picture_in_a_record_that_was_damaged_is_refused_by_the_records_checksum(slim, tmp_path):
    entry = scan(str(slim)).splits["train"][0]
    data = bytearray(Path(entry.path).read_bytes())
    data[data.index(b"some words", entry.offset - entry.before)] ^= 1  # Beside the picture, which decodes all the same.
    Path(entry.path).write_bytes(bytes(data))
    report = ingest(str(slim), str(tmp_path / "out"))
    assert report["refused"] == [{"name": entry.name, "reason": "damaged record: its checksum is wrong"}]


def rewritten(folders: Path, root: Path, change: Callable[[int, dict[str, tf.train.Feature]], None]) -> Path:
    """A slim set of one train file and one validation file, with something changed in the records."""
    for split, name in (("train", "train"), ("eval", "validation")):
        written = []
        for number, (path, place, synset) in enumerate(records.labelled(folders, split)):
            made = tf.train.Example.FromString(records.slim_example(path, place + 1, synset))
            features = dict(made.features.feature)
            change(number, features)
            written.append(example(features))
        records.write(root / f"{name}-00000-of-00001", written)
    return root


def labels_from_zero(number: int, features: dict) -> None:
    features["image/class/label"] = integers(features["image/class/label"].int64_list.value[0] - 1)


def labels_by_the_kit(number: int, features: dict) -> None:
    features["image/class/label"] = integers(
        small_ilsvrc.IDS[features["image/class/synset"].bytes_list.value[0].decode()]
    )


def one_other_label(number: int, features: dict) -> None:
    if number == 7:
        features["image/class/label"] = integers(features["image/class/label"].int64_list.value[0] % 5 + 1)


def a_gap_in_the_labels(number: int, features: dict) -> None:
    label = features["image/class/label"].int64_list.value[0]
    features["image/class/label"] = integers(label + (label > 2))


def no_label(number: int, features: dict) -> None:
    del features["image/class/label"]


def a_label_in_words(number: int, features: dict) -> None:
    features["image/class/label"] = texts("tench")


def two_labels(number: int, features: dict) -> None:
    features["image/class/label"] = integers(1, 2)


def no_class_name(number: int, features: dict) -> None:
    del features["image/class/synset"], features["image/class/text"]


def no_file_name(number: int, features: dict) -> None:
    features["image/filename"] = texts("")


def a_file_name_with_a_folder(number: int, features: dict) -> None:
    features["image/filename"] = texts("../../etc/passwd")


def the_same_file_name(number: int, features: dict) -> None:
    features["image/filename"] = texts("1.JPEG")


def a_box_too_wide(number: int, features: dict) -> None:
    for side, share in (("xmin", 0.1), ("xmax", 1.5), ("ymin", 0.1), ("ymax", 0.2)):
        features[f"image/object/bbox/{side}"] = floats([share])


def half_a_box(number: int, features: dict) -> None:
    features["image/object/bbox/xmin"] = floats([0.5])


CONTRADICTIONS: dict[Callable[[int, dict], None], str] = {
    labels_from_zero: r"byte [\d,]+: the label is 0; wanted 1 or more: 0 is the background",
    labels_by_the_kit: r"label 1 is n01443537, where n01440764 was wanted: labels go by the sorted wnids",
    one_other_label: r"byte [\d,]+: label \d is 'n\d{8}' here and 'n\d{8}' in an earlier record",
    a_gap_in_the_labels: r"5 labels, 1 to 6 \(the background is 0\); wanted every one from 1 on",
    no_label: r"'image/class/label' is not there; wanted a number",
    a_label_in_words: r"'image/class/label' is b'tench'; wanted a number",
    two_labels: r"'image/class/label' has 2 values; wanted one",
    no_class_name: r"neither 'image/class/synset' nor 'image/class/text' says what label",
    no_file_name: r"'image/filename' is ''; wanted the name of the picture's file",
    a_file_name_with_a_folder: r"'image/filename' is '../../etc/passwd'; wanted the name",
    the_same_file_name: r"a second picture is called '1.JPEG' in 'n\d{8}' of train",
    a_box_too_wide: r"a bounding box is \(0.1\d*, 0.1\d*, 1.5, 0.2\d*\); wanted shares",
    half_a_box: r"the bounding boxes have 1, 0, 0, 0 sides",
}


@pytest.mark.parametrize("change", CONTRADICTIONS, ids=lambda change: change.__name__)
def test_records_that_contradict_each_other_are_an_error_that_says_where(folders, tmp_path, change):
    data = rewritten(folders, tmp_path / "data", change)
    with pytest.raises(DataError, match=CONTRADICTIONS[change]) as refused:
        scan(str(data))
    assert str(data) in str(refused.value)


def test_a_label_of_tfds_is_called_as_its_file_says_or_as_the_training_pictures_are(folders, tfds):
    with_file = scan(str(tfds))
    (tfds / "label.labels.txt").unlink()
    assert scan(str(tfds)) == with_file
    assert [category.name for category in with_file.categories] == sorted(small_ilsvrc.WNIDS)
    (tfds / "label.labels.txt").write_text("".join(f"{wnid}\n" for wnid in sorted(small_ilsvrc.WNIDS, reverse=True)))
    with pytest.raises(DataError, match=r"label 1 is n04493381, where n01440764 was wanted"):
        scan(str(tfds))


def test_a_label_of_tfds_that_nothing_names_is_an_error(folders, tmp_path):
    data = records.tfds(folders, tmp_path / "tfds", names=False)
    path = next((folders / "train").glob("*/*"))
    odd = {"image": texts(path.read_bytes()), "label": integers(3), "file_name": texts("1.JPEG")}
    records.write(data / "imagenet2012-train.tfrecord-00000-of-00003", [example(odd)])
    with pytest.raises(DataError, match=r"byte 12: nothing says what label 3 of '1.JPEG' is called: no label.labels.t"):
        scan(str(data))


def test_files_of_tfds_that_lost_records_are_an_error(tfds):
    path = tfds / "imagenet2012-validation.tfrecord-00001-of-00002"
    kept = [record.numpy() for record in tf.data.TFRecordDataset(str(path))][:-1]
    records.write(path, kept)
    with pytest.raises(DataError, match=r"-00001-of-00002 has 9 records; dataset_info.json says 10"):
        scan(str(tfds))
    info = json.loads((tfds / "dataset_info.json").read_text())
    info["splits"][1]["shardLengths"] = ["20"]
    (tfds / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(DataError, match=r"dataset_info.json tells of 1 files for eval; there are 2"):
        scan(str(tfds))
    (tfds / "dataset_info.json").write_text("[]")
    with pytest.raises(DataError, match=r"dataset_info.json is not what TFDS writes"):
        scan(str(tfds))


def pictures(source: Source) -> set[tuple]:
    return {(entry.name, entry.label) for entries in source.splits.values() for entry in entries}


def test_each_kind_of_records_is_told_by_the_names_of_its_files(folders, slim, tfds, tmp_path):
    ours = tmp_path / "ours"
    ingest(str(folders), str(ours))
    wanted = pictures(scan(str(folders)))
    layouts: list[tuple[Path, Kind]] = [(slim, "slim"), (tfds, "tfds"), (ours, "slim")]
    for root, kind in layouts:
        assert detect(str(root)) == kind
        assert pictures(scan(str(root))) == pictures(scan(str(root), Wanted(kind))) == wanted


def test_records_of_several_sets_in_one_folder_are_an_error(slim, tfds):
    for path in tfds.iterdir():
        path.rename(slim / path.name)
    with pytest.raises(DataError, match=r"several sources: slim \(train-00000-of-00003, .*; tfds \(imagenet2012-train"):
        scan(str(slim))
    (slim / "train-00000-of-00001").write_bytes((slim / FIRST).read_bytes())
    with pytest.raises(DataError, match=r"for train are of several sets: train-\*-of-00001, train-\*-of-00003"):
        scan(str(slim), Wanted("slim"))


def test_the_fingerprint_sees_another_record_file_and_other_names_of_classes(slim, tfds):
    seen = [fingerprint(str(slim)), fingerprint(str(tfds))]
    assert seen == [fingerprint(str(slim)), fingerprint(str(tfds))]
    (slim / FIRST).write_bytes((slim / FIRST).read_bytes() + b"x")
    (tfds / "label.labels.txt").write_text("a\nb\nc\nd\ne\n")
    assert not set(seen) & {fingerprint(str(slim)), fingerprint(str(tfds))}


def test_classes_that_are_no_wnids_keep_the_labels_and_names_of_their_records(class_folders, tmp_path):
    ours = tmp_path / "ours"
    ingest(str(class_folders), str(ours))
    assert pictures(scan(str(ours))) == pictures(scan(str(class_folders)))
    assert scan(str(ours)).categories == scan(str(class_folders)).categories


def test_what_is_said_of_a_record_is_cut_short():
    found = record_pictures.Found("file, byte 0", "file", tf_example.Parts(1, 1, {"name": [b"x" * 10**6]}), 1, 0)
    with pytest.raises(DataError, match="wanted a number") as refused:
        found.number("name")
    assert len(str(refused.value)) < 200
