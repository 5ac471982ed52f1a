"""Kaggle's CLS-LOC, Hugging Face's Parquet, WebDataset's tars and manifests: the same shards as of class folders."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_error import DataError
from components.ingestion.ingest import ingest
from components.sources import labelled
from components.sources.detect import detect, fingerprint, scan
from components.sources.imagenet import kaggle
from components.sources.wanted import ALL, Wanted
from tests.components.sources import small_ilsvrc
from tests.components.sources.tars import pack

HUB_NAME = {"train": "train", "eval": "validation"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def shards_of_folders(folders, tmp_path_factory) -> dict[str, bytes]:
    return shards(folders, tmp_path_factory.mktemp("out"))


def shards(root: Path, out: Path, wanted: Wanted = ALL) -> dict[str, bytes]:
    ingest(str(root), str(out), wanted=wanted, pictures_per_shard=10)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*-of-*"))}


def files(folders: Path) -> list[tuple[str, str, Path]]:
    """(split, class, file)"""
    return [(path.parts[-3], path.parts[-2], path) for path in sorted(folders.glob("*/*/*"))]


def kaggle_folders(folders: Path, root: Path) -> Path:
    data = root / "ILSVRC" / "Data" / "CLS-LOC"
    lines = []
    for split, wnid, path in files(folders):
        target = data / "train" / wnid / path.name if split == "train" else data / "val" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        if split == "eval":
            lines.append([path.stem, f"{wnid} 85 1 499 272 {wnid} 1 2 3 4 "])
    (data / "test").mkdir()
    with (root / kaggle.SOLUTION).open("w", newline="") as file:
        csv.writer(file).writerows([["ImageId", "PredictionString"], *lines])
    return root


def features(names: list[str]) -> dict[bytes, bytes]:
    said = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    return {b"huggingface": json.dumps({"info": {"features": said}}).encode()}


def parquet_files(folders: Path, root: Path) -> Path:
    """As `datasets` writes them, one file a split, its rows in no order."""
    (root / "data").mkdir(parents=True)
    names = sorted(small_ilsvrc.WNIDS)
    for split, called in HUB_NAME.items():
        rows = [(wnid, path) for each, wnid, path in reversed(files(folders)) if each == split]
        table = pa.table(
            {
                "image": pa.array([{"bytes": path.read_bytes(), "path": path.name} for _, path in rows]),
                "label": pa.array([names.index(wnid) for wnid, _ in rows], pa.int64()),
            }
        ).replace_schema_metadata(features(names))
        pq.write_table(table, root / "data" / f"{called}-00000-of-00001.parquet", row_group_size=7)
    return root


def web_tars(folders: Path, root: Path) -> Path:
    root.mkdir()
    names = sorted(small_ilsvrc.WNIDS)
    (root / "classnames.txt").write_text("".join(f"{name}\n" for name in names))
    for split, called in {"train": "train", "eval": "val"}.items():
        members = []
        for each, wnid, path in files(folders):
            if each == split:
                members += [(path.name, path.read_bytes()), (f"{path.stem}.cls", str(names.index(wnid)).encode())]
        half = len(members) // 4 * 2
        for number, part in enumerate((members[:half], members[half:])):
            (root / f"small-{called}-{number:06d}.tar").write_bytes(pack(part))
    return root


def csv_manifest(folders: Path, root: Path) -> Path:
    root.mkdir()
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        writer.writerows([_copied(path, root), wnid, HUB_NAME[split]] for split, wnid, path in files(folders))
    return root


def json_manifest(folders: Path, root: Path) -> Path:
    root.mkdir()
    lines = [{"file_name": _copied(path, root), "label": wnid, "split": split} for split, wnid, path in files(folders)]
    (root / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def _copied(path: Path, root: Path) -> str:
    (root / "pictures").mkdir(exist_ok=True)
    (root / "pictures" / path.name).write_bytes(path.read_bytes())
    return f"pictures/{path.name}"


LAYOUTS = {
    "kaggle": kaggle_folders, "parquet": parquet_files, "webdataset": web_tars, "manifest": csv_manifest,
    "manifest, JSON Lines": json_manifest,
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_shards_are_those_of_class_folders_to_the_byte(folders, shards_of_folders, tmp_path, name):
    root = LAYOUTS[name](folders, tmp_path / "data")
    kind = name.split(",")[0]
    assert detect(str(root)) == kind
    assert shards(root, tmp_path / "out") == shards_of_folders
    before = fingerprint(str(root))
    assert fingerprint(str(root), Wanted(source=kind)) == before
    two = Wanted(classes=f"{small_ilsvrc.WNIDS[3]},{small_ilsvrc.WNIDS[1]}", holdout=0.5)
    found, wanted = (scan(str(each), two) for each in (root, folders))
    assert [category.name for category in found.categories] == [category.name for category in wanted.categories]
    assert {entry.name.rsplit("/")[-1] for entry in found.splits["minival"]} == {
        entry.name.rsplit("/")[-1] for entry in wanted.splits["minival"]
    }


def test_nothing_that_was_unpacked_is_left(folders, tmp_path):
    shards(parquet_files(folders, tmp_path / "data"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "Split-eval", "Split-train", "ingestion_report.json", "labels.txt",
    ]  # fmt: skip


def test_without_splits_a_table_gets_the_split_that_class_folders_get(folders, tmp_path):
    root = csv_manifest(folders, tmp_path / "data")
    with (root / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    train = [row for row in rows if row["split"] == "train"]
    (root / "manifest.csv").write_text("path,label\n" + "".join(f"{row['path']},{row['label']}\n" for row in train))
    (tmp_path / "flat").symlink_to(folders / "train")
    found, wanted = (scan(str(each)) for each in (root, tmp_path / "flat"))
    assert {entry.name.rsplit("/")[-1] for entry in found.splits["eval"]} == {
        entry.name.rsplit("/")[-1] for entry in wanted.splits["eval"]
    }


def test_the_test_split_is_measured_on_only_where_there_is_no_other():
    assert labelled.measured_on(["test", "train", "eval"]) == ("train", "eval")
    assert labelled.measured_on(["test", "train"]) == ("train", "test")


def write(root: Path, name: str, text: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / name).write_text(text)
    return root


def no_label(root):
    return write(root, "manifest.csv", "path,label\na.jpg,\n")


def gone(root):
    return write(root, "manifest.csv", "path,label\na.jpg,x\nb.jpg,y\n")


def outside(root):
    return write(root, "manifest.csv", "path,label\n../a.jpg,x\n../b.jpg,y\n")


def strange_split(root):
    return write(root, "metadata.jsonl", '{"path": "a.jpg", "label": "x", "split": "holdout"}\n')


def no_json(root):
    return write(root, "manifest.jsonl", '{"path": "a.jpg",\n')


def no_pictures(root):
    root.mkdir()
    pq.write_table(pa.table({"text": ["a"], "label": [0]}), root / "train.parquet")
    return root


def damaged(root):
    return write(root, "train-00000-of-00001.parquet", "PAR1")


def a_label_beyond(root):
    root.mkdir()
    table = pa.table({"image": [{"bytes": b"x", "path": "a"}], "label": [2]}).replace_schema_metadata(
        features(["a", "b"])
    )
    pq.write_table(table, root / "train.parquet")
    return root


def unlabelled(root):
    root.mkdir()
    (root / "train-000000.tar").write_bytes(pack([("a.jpg", b"x")]))
    return root


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_label, r"manifest.csv, line 2: got .*'a.jpg'.*Wanted the columns path and label"),
        (gone, r"manifest.csv names 2 files that are not there: .*a.jpg"),
        (outside, r"a.jpg is .*, outside .*data. Move it in, or allow it with --follow-links"),
        (strange_split, r"line 1: the split is 'holdout'; wanted train, validation or test"),
        (no_json, r"manifest.jsonl cannot be read"),
        (no_pictures, r"has the columns text, label; wanted one of pictures"),
        (damaged, r"train-00000-of-00001.parquet cannot be read"),
        (a_label_beyond, r"train.parquet, row 0: the label is 2; wanted 0 to 1"),
        (unlabelled, r"train-000000.tar: no label beside 'a', only .jpg. Wanted KEY.jpg with KEY.cls"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_does_not_fit_is_an_error_that_names_the_place(tmp_path, make, message):
    with pytest.raises(DataError, match=message):
        scan(str(make(tmp_path / "data")))


def test_labels_and_pictures_of_kaggle_that_are_not_of_one_set_are_an_error(folders, tmp_path):
    root = kaggle_folders(folders, tmp_path / "data")
    next((root / "ILSVRC" / "Data" / "CLS-LOC" / "val").iterdir()).unlink()
    with pytest.raises(DataError, match=r"has 19 pictures and LOC_val_solution.csv 20 labels.*Without the other: ILSV"):
        scan(str(root))


def test_a_table_beside_class_folders_changes_nothing(class_folders):
    (class_folders / "metadata.csv").write_text("about,these\npictures,x\n")
    assert detect(str(class_folders)) == "folders"


def test_a_webdataset_of_json_labels_keeps_its_files_names(tmp_path):
    out = io.BytesIO()
    out.write(b"\xff\xd8\xff")
    members = []
    for number, label in enumerate(("cat", "dog", "cat", "dog")):
        about = {"label": label, "filename": f"my_{number}.jpg"}
        members += [(f"{number:05d}.jpg", out.getvalue()), (f"{number:05d}.json", json.dumps(about).encode())]
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "00000.tar").write_bytes(pack(members))
    source = scan(str(tmp_path))
    names = {entry.name.split("/", 1)[1] for found in source.splits.values() for entry in found}
    assert names == {"cat/my_0.jpg", "dog/my_1.jpg", "cat/my_2.jpg", "dog/my_3.jpg"}
