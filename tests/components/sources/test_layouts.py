"""Class folders as people have them: whatever lies around the pictures, the same pictures with the same labels."""

import os
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from components.data_error import DataError
from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from components.sources import class_names
from components.sources.detect import fingerprint, scan
from components.sources.holdout import DEFAULT_SHARE
from components.sources.wanted import ALL, Wanted
from tests.components.conftest import jpeg

PER_CLASS = {"ant": 10, "bee": 5, "cow": 2}


def flat(root: Path) -> Path:
    """<class>/*.jpg, as Keras's image_dataset_from_directory and torchvision's ImageFolder have it."""
    for label, (name, count) in enumerate(PER_CLASS.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{name}_{number}.jpg").write_bytes(jpeg(100 * label + number))
    return root


@pytest.fixture
def pictures(tmp_path):
    return flat(tmp_path / "flat")


def taken(root: Path, wanted: Wanted = ALL) -> dict[str, set[tuple[str, int]]]:
    source = scan(str(root), wanted)
    return {split: {(entry.name, entry.label) for entry in found} for split, found in source.splits.items()}


def shards(root: Path, out: Path, wanted: Wanted = ALL) -> dict[str, bytes]:
    ingest(str(root), str(out), wanted=wanted)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*-of-*"))}


def test_without_splits_a_fifth_of_each_class_is_held_out_at_least_one_and_not_all(pictures, tmp_path):
    source = scan(str(pictures))
    held = Counter(entry.label for entry in source.splits["eval"])
    assert (DEFAULT_SHARE, held) == (0.2, {1: 2, 2: 1, 3: 1})
    assert {entry.name.split("/")[0] for entry in source.splits["eval"]} == {"eval"}
    assert len(source.splits["train"]) == 13
    report = ingest(str(pictures), str(tmp_path / "out"))
    assert report["notes"] == ["no evaluation split was found: 20% of each class is held out for it"]
    assert fingerprint(str(pictures)).startswith("train:17,")


def test_a_class_of_one_picture_cannot_be_divided_and_is_named(pictures):
    (pictures / "cow" / "cow_1.jpg").unlink()
    with pytest.raises(DataError, match=r"one picture alone of cow; wanted at least two of each class"):
        scan(str(pictures))


def as_split(root: Path, out: Path, names: tuple[str, str] = ("train", "eval")) -> Path:
    """The very split that the flat layout gets, laid out in folders."""
    for split, found in scan(str(root)).splits.items():
        for entry in found:
            _, category, file = entry.name.split("/")
            folder = out / names[split == "eval"] / category
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(entry.path, folder / file)
    return out


def nested(root: Path, out: Path) -> Path:
    shutil.copytree(root, out / "unpacked")
    for path in sorted(out.rglob("*.jpg"))[::2]:
        folder = path.parent / "2026" / path.stem[-1]
        folder.mkdir(parents=True)
        path.rename(folder / path.name)
    shutil.copytree(root, out / "__MACOSX")
    return out


def linked(root: Path, out: Path) -> Path:
    """As DVC, git-annex and Hugging Face's cache have it: names here, contents elsewhere."""
    for path in sorted(root.rglob("*.jpg")):
        link = out / path.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return out


LAYOUTS = {
    "split": (as_split, ""),
    "split, the second called test": (lambda root, out: as_split(root, out, ("train", "test")), ""),
    "nested": (nested, ""),
    "linked": (linked, "flat"),
}


@pytest.mark.parametrize(("lay_out", "links"), LAYOUTS.values(), ids=LAYOUTS)
def test_each_layout_of_the_same_pictures_gives_the_same_shards_to_the_byte(pictures, tmp_path, lay_out, links):
    other = lay_out(pictures, tmp_path / "other")
    wanted = Wanted(follow_links=str(tmp_path / links)) if links else ALL
    assert shards(other, tmp_path / "b", wanted) == shards(pictures, tmp_path / "a")


def test_content_decides_where_the_suffix_says_nothing(pictures, tmp_path):
    before = taken(pictures)
    for number, suffix in enumerate((".jfif", ".jpe", "", ".tmp")):
        path = pictures / "ant" / f"ant_{number}.jpg"
        path.rename(path.with_suffix(suffix))
    assert sum(map(len, taken(pictures).values())) == sum(map(len, before.values())) == 17
    report = ingest(str(pictures), str(tmp_path / "out"))
    assert (report["ignored"], sum(split["pictures"] for split in report["splits"].values())) == (0, 17)


def test_pictures_of_a_kind_that_is_not_read_fail_the_run_as_refused_ones_do(pictures, tmp_path):
    for number in range(8):
        (pictures / "cow" / f"{number}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    message = r"8 of 25 files are left out.*\(8 of .heic\); at most 1 may be. The first: train/cow/0.heic"
    with pytest.raises(DataError, match=message):
        ingest(str(pictures), str(tmp_path / "out"))
    report = ingest(str(pictures), str(tmp_path / "out"), rules=Rules(max_refused=0.5))
    assert report["lost"]["by_suffix"] == {".heic": 8}


def test_annotations_texts_and_sounds_beside_pictures_lose_nothing(pictures, tmp_path):
    for path in pictures.rglob("*.jpg"):
        path.with_suffix(".xml").write_text("<annotation/>")
    (pictures / "ant" / "Thumbs.db").write_bytes(b"\0x")
    (pictures / "ant" / "ant_0_about.txt").write_text("an ant é")
    (pictures / "ant" / "ant_0_said.ogg").write_bytes(b"OggS\0\2")
    report = ingest(str(pictures), str(tmp_path / "out"))
    assert report["ignored"] == 20
    assert "lost" not in report


def test_a_drawing_that_is_not_read_is_a_lost_picture_though_it_is_text(pictures):
    (pictures / "ant" / "drawn.svg").write_text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert scan(str(pictures)).lost == ["train/ant/drawn.svg"]


def test_links_lead_only_into_what_is_named_and_never_round_in_a_circle(pictures, tmp_path):
    other = linked(pictures, tmp_path / "other")
    with pytest.raises(DataError, match=r"is a link to .*flat/ant/ant_0.jpg, outside .*allow it with --follow-links"):
        scan(str(other))
    (pictures / "ant" / "all").symlink_to(pictures)
    with pytest.raises(DataError, match=r"ant/all is a link to .*, a folder that it lies in. Remove the link"):
        scan(str(pictures))


def test_a_class_may_be_called_train_where_pictures_lie_in_it(tmp_path):
    for name in ("bus", "car", "train"):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.jpg").write_bytes(jpeg(number))
    assert [category.name for category in scan(str(tmp_path)).categories] == ["bus", "car", "train"]


def test_one_class_spelled_in_two_ways_is_one_class(pictures, tmp_path):
    split = as_split(pictures, tmp_path / "split")
    composed = unicodedata.normalize("NFC", "café")
    (split / "train" / "cow").rename(split / "train" / composed)
    (split / "eval" / "cow").rename(split / "eval" / unicodedata.normalize("NFD", composed))
    source = scan(str(split))
    assert [category.name for category in source.categories] == ["ant", "bee", composed]
    chosen = scan(str(split), Wanted(classes=f"ant,{unicodedata.normalize('NFD', composed)}"))
    assert [category.name for category in chosen.categories] == ["ant", composed]
    (split / "train" / unicodedata.normalize("NFD", composed)).mkdir()
    with pytest.raises(DataError, match=r"train has the class .* twice, spelled 'cafe\\u0301' and 'caf\\xe9'"):
        scan(str(split))


GOOD_NAMES = ["می‌خواهم", "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}", "two\u00a0words", "a, b", "[x]", "*?"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_ordinary_names_of_all_writings_are_taken(pictures, name):
    assert class_names.fault(name) is None
    (pictures / "cow").rename(pictures / name)
    assert name in {category.name for category in scan(str(pictures)).categories}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\tb", r"U\+0009 \(a control character\)"),
        ("a\u2028b", r"U\+2028 \(LINE SEPARATOR\)"),
        ("a\u202eb", r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"),
        (os.fsdecode(b"a\xff"), "the byte 0xFF, which is no UTF-8"),
    ],
)
def test_a_character_that_no_name_may_have_is_named_by_its_code_point(pictures, name, message):
    os.rename(pictures / "cow", os.fsencode(pictures / name))
    with pytest.raises(DataError, match=message):
        scan(str(pictures))


def test_the_first_n_classes_are_counted_as_people_count_and_labels_stay_in_the_order_of_names(tmp_path):
    for name in map(str, range(12)):
        (tmp_path / name).mkdir()
        for number in range(2):
            (tmp_path / name / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    assert [category.name for category in scan(str(tmp_path), Wanted(classes="3")).categories] == ["0", "1", "2"]
    assert [category.name for category in scan(str(tmp_path)).categories][:4] == ["0", "1", "10", "11"]
