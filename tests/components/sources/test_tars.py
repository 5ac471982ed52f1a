"""train.tar and val.tar of class folders: however they were packed, the same pictures; errors as of folders."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from components.data_error import DataError
from components.sources import folders, tars
from tests.components.sources.tars import pack

GOOD = [("ant/a.jpg", b"x"), ("cow/c.jpg", b"y")]


def scanned(root: Path, train: list[tuple[str, bytes]], evaluation: list[tuple[str, bytes]]):
    root.mkdir(exist_ok=True)
    (root / "train.tar").write_bytes(pack(train))
    (root / "eval.tar").write_bytes(pack(evaluation))
    return tars.scan(str(root))


@pytest.mark.parametrize("layout", [["-C", "train", "."], ["train"], ["-C", "train", "ant", "bee_fly", "cow"]])
def test_gnu_tars_of_the_folders_hold_the_same_pictures_as_the_folders(class_folders, tmp_path, layout):
    for split in ("train", "eval"):
        command = ["tar", "-cf", tmp_path / f"{split}.tar", *(split if part == "train" else part for part in layout)]
        subprocess.run(command, cwd=class_folders, check=True)
    from_tars, from_folders = tars.scan(str(tmp_path)), folders.scan(str(class_folders))
    assert from_tars.categories == from_folders.categories
    for split in ("train", "eval"):
        found = {entry.name: (entry.label, content(entry)) for entry in from_tars.splits[split]}
        assert found == {entry.name: (entry.label, content(entry)) for entry in from_folders.splits[split]}


def content(entry) -> bytes:
    data = Path(entry.path).read_bytes()
    return data if entry.size is None else data[entry.offset : entry.offset + entry.size]


@pytest.mark.parametrize("name", ["val", "validation"])
def test_the_evaluation_tar_may_have_its_other_names(tmp_path, name):
    scanned(tmp_path, GOOD, GOOD)
    (tmp_path / "eval.tar").rename(tmp_path / f"{name}.tar")
    assert [entry.name for entry in tars.scan(str(tmp_path)).splits["eval"]] == [
        "eval/ant/a.jpg",
        "eval/cow/c.jpg",
    ]


def test_other_files_are_counted_and_hidden_ones_passed_over(tmp_path):
    more = [("ant/notes.txt", b"x"), ("ant/._a.jpg", b"x"), (".cache/b.jpg", b"x")]
    source = scanned(tmp_path, GOOD + more, GOOD)
    assert (len(source.splits["train"]), source.ignored) == (2, 1)


FAULTS = {
    "at the top": ([*GOOD, ("d.jpg", b"x")], GOOD, r"train.tar: 'd.jpg' lies in no class folder. Wanted <class>"),
    "a tar in a tar": ([*GOOD, ("cow.tar", pack(GOOD))], GOOD, r"'cow.tar' is a tar itself. .* only ILSVRC2012_img_"),
    "classes that differ": (GOOD, [*GOOD, ("bee/b.jpg", b"x")], r"train and eval differ in their classes.*eval: bee"),
    "one class": (GOOD[:1], GOOD[:1], r"train has 1 class folders; wanted at least 2"),
    "an empty class": ([*GOOD, ("bee/x.txt", b"")], [*GOOD, ("bee/b.jpg", b"")], r"Only in eval: bee"),
    "a class called as class 0": (
        [*GOOD, ("background/b.jpg", b"")], [*GOOD, ("background/b.jpg", b"")], r"no class may be called 'background'",
    ),
    "a line break in a class": ([*GOOD, ("an\nt/b.jpg", b"")], GOOD, r"'an\\nt' has the character U\+000A"),
}  # fmt: skip


@pytest.mark.parametrize(("train", "evaluation", "message"), FAULTS.values(), ids=FAULTS)
def test_tars_packed_wrongly_are_an_error_that_says_how_to_mend_it(tmp_path, train, evaluation, message):
    with pytest.raises(DataError, match=message):
        scanned(tmp_path, train, evaluation)


def test_a_missing_a_second_and_a_compressed_tar_are_errors(tmp_path):
    scanned(tmp_path, GOOD, GOOD)
    shutil.copy(tmp_path / "eval.tar", tmp_path / "val.tar")
    with pytest.raises(DataError, match=r"eval.tar, val.tar are all tars for eval. Keep one"):
        tars.scan(str(tmp_path))
    (tmp_path / "val.tar").unlink()
    (tmp_path / "eval.tar").rename(tmp_path / "test.tar")
    assert [entry.name for entry in tars.scan(str(tmp_path)).splits["eval"]] == [
        "eval/ant/a.jpg",
        "eval/cow/c.jpg",
    ]
    (tmp_path / "test.tar").unlink()
    with pytest.raises(DataError, match=r"no tar for eval. Wanted eval.tar or val.tar or .*there are: train.tar"):
        tars.scan(str(tmp_path))
    (tmp_path / "eval.tar.gz").write_bytes(gzip.compress(pack(GOOD)))
    with pytest.raises(DataError, match=r"eval.tar.gz is compressed \(gzip\).*decompress it first"):
        tars.scan(str(tmp_path))
