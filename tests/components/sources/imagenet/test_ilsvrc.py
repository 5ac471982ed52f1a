"""ILSVRC2012's own tars: what they must hold, and what of a wrong ground truth can be told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.containers.tar import Member
from components.data_error import DataError
from components.sources.imagenet import ilsvrc
from components.sources.imagenet.ground_truth import GroundTruth
from components.sources.source import Source
from tests.components.sources import small_ilsvrc
from tests.components.sources.tars import pack
from trainer import imagenet

A, B, *_ = small_ilsvrc.WNIDS
Files = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


def scanned(root: Path, train: Files, evaluation: Files, wnids: list[str]) -> Source:
    (root / "ILSVRC2012_img_train.tar").write_bytes(pack(train))
    (root / "ILSVRC2012_img_val.tar").write_bytes(pack(evaluation))
    return ilsvrc.scan(str(root), GroundTruth("truth.txt", wnids))


def classes(*wnids: str, **more: Files) -> Files:
    return [(f"{wnid}.tar", pack([(f"{wnid}_1.JPEG", b"x"), *more.get(wnid, [])])) for wnid in wnids]


def val(count: int) -> Files:
    return [(f"ILSVRC2012_val_{number:08d}.JPEG", b"x") for number in range(1, count + 1)]


def test_a_picture_is_found_in_the_tar_in_the_tar_and_sorted_wnids_have_the_labels_from_one(folders, tmp_path):
    root = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    source = ilsvrc.scan(str(root), GroundTruth("list", small_ilsvrc.truth(folders)))
    data = (root / "ILSVRC2012_img_train.tar").read_bytes()
    assert [category.synset for category in source.categories] == sorted(small_ilsvrc.WNIDS)
    assert len(source.splits["train"]) == 30
    for entry in source.splits["train"]:
        _, wnid, name = entry.name.split("/")
        assert source.categories[entry.label - 1].name == wnid
        found = data[entry.offset : entry.offset + (entry.size or 0)]
        assert found == (folders / "train" / wnid / name).read_bytes()


def test_pictures_are_labelled_in_the_order_of_their_names_however_they_lie_in_the_tar(tmp_path):
    source = scanned(tmp_path, classes(A, B), val(4)[::-1], [A, B, B, A])
    assert [(entry.name, entry.label) for entry in source.splits["eval"]] == [
        (f"eval/{A}/ILSVRC2012_val_00000001.JPEG", 1), (f"eval/{B}/ILSVRC2012_val_00000002.JPEG", 2),
        (f"eval/{B}/ILSVRC2012_val_00000003.JPEG", 2), (f"eval/{A}/ILSVRC2012_val_00000004.JPEG", 1),
    ]  # fmt: skip


def test_other_files_among_the_pictures_are_left_out_and_counted(tmp_path):
    source = scanned(tmp_path, classes(A, B, **{A: [("Thumbs.db", b"x")]}), val(2), [A, B])
    assert (len(source.splits["train"]), source.ignored) == (2, 1)


FAULTS = {
    "a class less": (classes(A), val(2), [A, B], rf"has 1 classes and truth.txt has 2.*Only in the ground truth: {B}"),
    "a class more": (classes(A, B), val(2), [A, A], rf"has 2 classes and truth.txt has 1.*Only in the tar: {B}"),
    "a label less": (classes(A, B), val(3), [A, B], r"truth.txt has 2 labels, but .*val.tar has 3 pictures"),
    "a picture missing": (classes(A, B), val(3)[1:], [A, B], r"00000002.JPEG' is where .*_00000001.JPEG was wanted"),
    "another file in val": (classes(A, B), [*val(2), ("x", b"")], [A, B], r"'x' is where .*_00000003.JPEG was wanted"),
    "val in folders": (
        classes(A, B), [(f"{A}/{name}", data) for name, data in val(2)], [A, B], rf"'{A}/ILSVRC.*' is where",
    ),
    "a picture beside the tars": (
        [*classes(A, B), ("a.JPEG", b"x")], val(2), [A, B], r"'a.JPEG' is in it. Wanted one tar for each class",
    ),
    "class folders": ([(f"{A}/a.JPEG", b"x")], val(2), [A, B], r"Tars of class folders are called train.tar and val"),
    "a class twice": ([*classes(A, B), (f"{A}.tar.gz", b"x")], val(2), [A, B], rf"'{A}.tar.gz' is in it"),
    "a tar in a tar in a tar": (
        classes(A, B, **{A: [("more.tar", pack([]))]}), val(2), [A, B], rf"{A}.tar: 'more.tar' is a tar in a tar in",
    ),
    "a folder in a class": (
        classes(A, B, **{A: [("more/a.JPEG", b"x")]}), val(2), [A, B], rf"{A}.tar: 'more/a.JPEG' is a folder, or in",
    ),
    "a picture of another class": (
        classes(A, B, **{A: [(f"{B}_7.JPEG", b"x")]}), val(2), [A, B], rf"says that it is of {B}, but lies with {A}",
    ),
    "an inner tar cut off": (
        [(f"{A}.tar", classes(A)[0][1][:1024]), *classes(B)], val(2), [A, B], rf"train.tar: {A}.tar is cut off",
    ),
    "a compressed inner tar": (
        [(f"{A}.tar", b"\x1f\x8b" + bytes(600)), *classes(B)], val(2), [A, B], rf"{A}.tar is compressed \(gzip\)",
    ),
    "an empty class": ([(f"{A}.tar", pack([])), *classes(B)], val(2), [A, B], rf"no pictures in train/{A}"),
}  # fmt: skip


@pytest.mark.parametrize(("train", "evaluation", "wnids", "message"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_fit_together_is_refused_by_name(tmp_path, train, evaluation, wnids, message):
    with pytest.raises(DataError, match=message):
        scanned(tmp_path, train, evaluation, wnids)


def full_truth() -> list[str]:
    """50 of each of 1000 wnids, which begin as ILSVRC2012's do."""
    first = list(imagenet.FIRST_EVAL_WNIDS)
    others = [f"n{number:08d}" for number in range(990)]
    return first + [wnid for wnid in first + others for _ in range(50 - (wnid in first))]


def shifted(wnids: list[str]) -> list[str]:
    return wnids[1:] + wnids[:1]


def backwards(wnids: list[str]) -> list[str]:
    return wnids[::-1]


def uneven(wnids: list[str]) -> list[str]:
    return [*wnids[:-1], wnids[0]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shifted, r"truth.txt begins with n09193705, n02105855.*The labels are shifted, shuffled, or in the order of"),
        (backwards, r"truth.txt begins with n00000989"),
        (uneven, r"not 50 pictures of n00000989, n01751748, as ILSVRC2012 has of every class"),
    ],
)
def test_of_the_real_set_shifted_shuffled_and_uneven_labels_are_caught(spoil: Callable, message):
    pictures = [Member(f"ILSVRC2012_val_{number:08d}.JPEG", 0, 1, False) for number in range(1, 50_001)]
    ilsvrc._check_truth(GroundTruth("truth.txt", full_truth()), pictures, "val.tar")
    with pytest.raises(DataError, match=message):
        ilsvrc._check_truth(GroundTruth("truth.txt", spoil(full_truth())), pictures, "val.tar")
    with pytest.raises(DataError, match=r"truth.txt has 49,999 labels, but val.tar has 50,000 pictures"):
        ilsvrc._check_truth(GroundTruth("truth.txt", full_truth()[:-1]), pictures, "val.tar")
