"""A part of a source: some classes, a part of train held out, the newest of several folders."""

from pathlib import Path

import pytest

from components.data_error import DataError
from components.ingestion.ingest import ingest
from components.sources import class_choice, holdout, spans
from components.sources.detect import Wanted, fingerprint, scan
from components.sources.source import Source
from tests.components.sources import records, small_ilsvrc
from tests.components.sources.small_ilsvrc import WNIDS

TWO = (WNIDS[3], WNIDS[1])  # In no order.


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def layouts(folders, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("layouts")
    ilsvrc = small_ilsvrc.ilsvrc_tars(folders, root / "ilsvrc")
    small_ilsvrc.write_list(folders, ilsvrc / "imagenet_2012_validation_synset_labels.txt")
    return {
        "folders": folders,
        "tars": small_ilsvrc.class_tars(folders, root / "tars"),
        "ilsvrc": ilsvrc,
        "slim": records.slim(folders, root / "slim"),
        "tfds": records.tfds(folders, root / "tfds"),
    }


KINDS = ["folders", "tars", "ilsvrc", "slim", "tfds"]


def pictures(source: Source) -> dict[str, set[tuple[str, int]]]:
    return {split: {(entry.name, entry.label) for entry in entries} for split, entries in source.splits.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_named_classes_are_taken_with_labels_from_1_in_the_order_of_the_source(layouts, kind):
    source = scan(str(layouts[kind]), Wanted(classes=",".join(TWO)))
    assert [category.name for category in source.categories] == sorted(TWO)
    everything = pictures(scan(str(layouts["folders"])))
    for split, found in pictures(source).items():
        assert found == {
            (name, sorted(TWO).index(name.split("/")[1]) + 1)
            for name, _ in everything[split]
            if name.split("/")[1] in TWO
        }
        assert len(found) == 2 * small_ilsvrc.PER_CLASS[split]


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_takes_the_first_classes(layouts, kind):
    source = scan(str(layouts[kind]), Wanted(classes="3"))
    assert source == scan(str(layouts[kind]), Wanted(classes=",".join(WNIDS[:3])))
    assert [category.name for category in source.categories] == WNIDS[:3]


def test_what_is_wrong_with_a_class_that_is_not_taken_does_not_matter(folders, tmp_path):
    data = small_ilsvrc.folders(tmp_path / "data")
    for path in (data / "eval" / WNIDS[0]).iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no pictures in eval/n01440764"):
        scan(str(data))
    assert len(scan(str(data), Wanted(classes=",".join(TWO))).splits["eval"]) == 8
    with pytest.raises(DataError, match="no pictures in eval/n01440764"):
        scan(str(data), Wanted(classes="2"))


CHOICES = {
    "n01440764,n99999999": r"has no class n99999999. It has n01440764, n01443537, n02085620",
    "6": r"--classes 6: .* has 5 classes. Give a smaller number",
    "1": r"--classes leaves 1 class of .*; wanted at least 2",
    "0": r"--classes leaves 0 class of .*; wanted at least 2",
    "n01440764": r"--classes is 'n01440764'; wanted at least two names with commas between them, a list",
    "n01440764,n01440764": r"--classes has n01440764 twice",
}


@pytest.mark.parametrize("text", CHOICES)
def test_classes_that_cannot_be_taken_are_an_error(folders, text):
    with pytest.raises(DataError, match=CHOICES[text]):
        scan(str(folders), Wanted(classes=text))


def test_a_file_of_classes_is_written_out_so_that_what_it_says_is_in_every_key(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes("\ufeffn01440764\r\n\nn01443537\r\n".encode())
    assert class_choice.written_out(f"@{path}") == "n01440764,n01443537"
    assert class_choice.written_out("a,b") == "a,b"
    for content in ("plain\nwith, comma\n", '["plain", "with, comma"]'):
        path.write_text(content)
        assert class_choice.written_out(f"@{path}") == '["plain", "with, comma"]'
        assert class_choice.parse(class_choice.written_out(f"@{path}")).names == ("plain", "with, comma")
    for content, message in (
        (b"one\n", "has 1 names; wanted at least 2"),
        (b"\xff", "cannot"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            class_choice.written_out(f"@{path}")
    with pytest.raises(DataError, match=r"gone.txt cannot be read"):
        class_choice.written_out(f"@{tmp_path / 'gone.txt'}")


def test_the_same_names_are_held_out_whatever_else_there_is_and_about_the_share_asked_for():
    names = [f"train/class/{number}.jpg" for number in range(20_000)]
    held = {name for name in names if holdout.is_held_out(name, 0.1)}
    assert 0.09 < len(held) / len(names) < 0.11
    assert {name for name in names if holdout.is_held_out(name, 0.05)} < held
    assert {name for name in names[::2] if holdout.is_held_out(name, 0.1)} == held & set(names[::2])


def without_eval(kind: str, root: Path) -> None:
    for name in {"folders": ["eval"], "tars": ["val.tar"], "ilsvrc": ["ILSVRC2012_img_val.tar"]}.get(kind, []):
        (root / name).rename(root.parent / name)
    for path in root.glob("*validation*"):
        path.unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_no_eval_split_a_part_of_train_is_and_the_same_of_every_source(layouts, tmp_path, kind):
    data = tmp_path / "data"
    data.mkdir()
    for path in layouts[kind].iterdir():
        (data / path.name).symlink_to(path)
    if kind == "folders":
        (data / "train").unlink()
        data = small_ilsvrc.folders(tmp_path / "copied")
    without_eval(kind, data)
    if kind in ("folders", "tars"):
        assert scan(str(data)).notes == ["no evaluation split was found: 20% of each class is held out for it"]
    else:  # Others always have one: it was lost.
        with pytest.raises(DataError, match="eval"):
            scan(str(data), Wanted(kind))
    source = scan(str(data), Wanted(holdout=0.5))
    train, held = ({name.split("/", 1)[1] for name, _ in found} for found in pictures(source).values())
    assert list(source.splits) == ["train", "eval"]
    everything = {name.split("/", 1)[1] for name, _ in pictures(scan(str(layouts["folders"])))["train"]}
    assert held == {name for name in everything if holdout.is_held_out(f"train/{name}", 0.5)}
    assert train == everything - held
    assert all(entry.name.startswith("eval/") for entry in source.splits["eval"])
    assert fingerprint(str(data), Wanted(holdout=0.5))


def test_an_eval_split_stays_and_the_part_of_train_is_called_minival(folders, tmp_path):
    before = pictures(scan(str(folders)))
    report = ingest(str(folders), str(tmp_path / "out"), wanted=Wanted(holdout=0.5))
    after = pictures(scan(str(folders), Wanted(holdout=0.5)))
    assert after["eval"] == before["eval"]
    assert {split: content["pictures"] for split, content in report["splits"].items()} == {
        split: len(found) for split, found in after.items()
    }
    assert len(after["train"]) + len(after["minival"]) == len(before["train"])
    assert len(list((tmp_path / "out" / "Split-minival").iterdir())) == 1


def test_whatever_the_share_each_class_has_a_picture_on_either_side(folders):
    for share in (0.001, 0.25, 0.999):
        source = scan(str(folders), Wanted(holdout=share))
        assert {split: {entry.label for entry in found} for split, found in source.splits.items()} == {
            split: {1, 2, 3, 4, 5} for split in ("train", "eval", "minival")
        }


def test_a_holdout_of_a_class_of_one_picture_or_that_is_no_share_is_an_error(folders, tmp_path):
    data = small_ilsvrc.folders(tmp_path / "data")
    for path in sorted((data / "train" / WNIDS[0]).iterdir())[1:]:
        path.unlink()
    with pytest.raises(DataError, match=r"one picture alone of n01440764; wanted at least two of each class"):
        scan(str(data), Wanted(holdout=0.5))
    for share in (-0.1, 1.0):
        with pytest.raises(DataError, match=r"--holdout is .*, wanted a fraction from 0 up to 1"):
            scan(str(folders), Wanted(holdout=share))


def test_the_newest_span_is_taken_and_of_it_the_newest_version_by_number(tmp_path):
    for name in ("span-02/v1", "span-02/v10", "span-02/v9", "span-01/v11"):
        (tmp_path / name).mkdir(parents=True)
    found = spans.newest(f"{tmp_path}/span-{{SPAN}}/v{{VERSION}}")
    assert found == (str(tmp_path / "span-02" / "v10"), 2, 10)
    assert spans.newest(str(tmp_path)) == (str(tmp_path), 0, None)


def test_days_are_spans_too(tmp_path):
    for name in ("2026-02-28", "2026-10-01", "2025-12-31"):
        (tmp_path / name).mkdir()
    found = spans.newest(f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}")
    assert found == (str(tmp_path / "2026-10-01"), 20_727, None)  # Days since 1970.


PATTERNS = {
    "{SPAN}": "Cannot find span number",
    "none-{SPAN}": "Cannot find matching",
    "{VERSION}": "Version spec provided, but Span",
    "{SPAN}/{SPAN}": r"Only one \{SPAN\} is allowed",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_no_folder_fits_is_an_error(tmp_path, pattern):
    (tmp_path / "latest").mkdir()
    with pytest.raises(DataError, match=PATTERNS[pattern]):
        spans.newest(f"{tmp_path}/{pattern}")
