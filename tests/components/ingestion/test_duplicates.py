"""The same picture twice: in a split, across splits, under another label; counted, named, too much of it refused."""

import shutil

import pytest

from components.data_error import DataError
from components.ingestion import duplicates
from components.ingestion.duplicates import Seen, Shard
from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from components.sources.detect import Wanted


@pytest.fixture
def copied(class_folders):
    """Two copies in train, one of them with another class, and one of eval's pictures in train."""
    train, evaluation = class_folders / "train", class_folders / "eval"
    shutil.copy(train / "ant" / "ant_0.jpg", train / "ant" / "again.jpg")
    shutil.copy(train / "cow" / "cow_1.jpg", train / "ant" / "not_an_ant.jpg")
    shutil.copy(evaluation / "cow" / "cow_2.jpg", train / "cow" / "leaked.jpg")
    return class_folders


def test_copies_are_counted_and_named_within_a_split_and_across(copied, tmp_path):
    report = ingest(str(copied), str(tmp_path / "out"), rules=Rules(max_leaked=0.1), pictures_per_shard=5)
    found = report["duplicates"]
    assert (found["train"]["copies"], found["train"]["of_other_class"]) == (2, 1)
    assert sorted(sorted(names) for names in found["train"]["first"]) == [
        ["train/ant/again.jpg", "train/ant/ant_0.jpg"],
        ["train/ant/not_an_ant.jpg", "train/cow/cow_1.jpg"],
    ]
    assert found["eval"] == {"copies": 0, "of_other_class": 0, "first": []}
    assert report["in_train"] == {
        "eval": {"pictures": 1, "of_other_class": 0, "first": [["train/cow/leaked.jpg", "eval/cow/cow_2.jpg"]]}
    }


def test_a_run_fails_when_more_of_eval_is_in_train_than_is_allowed_and_leaves_nothing(copied, tmp_path):
    message = (
        r"1 of the 12 pictures of eval are in train too, byte for byte; at most 1.00% may be. "
        r"The first: train/cow/leaked.jpg = eval/cow/cow_2.jpg. Remove .* --max-leaked"
    )
    with pytest.raises(DataError, match=message):
        ingest(str(copied), str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("allowed", "fails"), [(0.0, True), (0.08, True), (0.084, False), (1.0, False)])
def test_the_share_is_of_eval_s_pictures(copied, tmp_path, allowed, fails):
    rules = Rules(max_leaked=allowed)
    if fails:
        with pytest.raises(DataError, match="in train too"):
            ingest(str(copied), str(tmp_path / "out"), rules=rules)
    else:
        assert ingest(str(copied), str(tmp_path / "out"), rules=rules)["in_train"]["eval"]["pictures"] == 1


def test_the_report_does_not_depend_on_how_many_shards_there_are(copied, tmp_path):
    counts = []
    for place, size in enumerate((3, 1000)):
        rules = Rules(max_leaked=1)
        report = ingest(str(copied), str(tmp_path / str(place)), rules=rules, pictures_per_shard=size)
        found = [*report["duplicates"].items(), *report["in_train"].items()]
        counts.append([(where, {**each, "first": sorted(map(sorted, each["first"]))}) for where, each in found])
    assert counts[0] == counts[1]


def test_a_split_held_out_of_train_is_compared_with_it_too(class_folders, tmp_path):
    for index in range(8):
        shutil.copy(class_folders / "train/ant/ant_0.jpg", class_folders / f"train/ant/copy_{index}.jpg")
    rules = Rules(max_leaked=1)
    report = ingest(str(class_folders), str(tmp_path / "out"), wanted=Wanted(holdout=0.5), rules=rules)
    assert report["in_train"]["eval"]["pictures"] == 0
    copies = ["ant_0", *(f"copy_{index}" for index in range(8))]
    (names,) = report["in_train"]["minival"]["first"]
    assert {name.rpartition("/")[2].removesuffix(".jpg") for name in names} == set(copies)
    assert 0 < report["in_train"]["minival"]["pictures"] < 9


def test_many_copies_are_counted_exactly_and_named_in_part(tmp_path):
    pictures = [[f"train/ant/{index}.jpg"] for index in range(5000)]
    plan = tmp_path / "plan.json"
    plan.write_text(f'{{"pictures": {pictures}}}'.replace("'", '"'))
    # Contents 0 to 999 five times each, but the last two ever once.
    seen = [Seen((index % 1000).to_bytes(32, "little"), index, 1) for index in range(4998)]
    seen += [Seen(bytes([7, place] * 16), place, 1) for place in (4998 % 256, 4999 % 256)]
    duplicates.write(seen, tmp_path / "shard.contents")
    found = duplicates.compare([Shard("train", plan, tmp_path / "shard.contents")])["duplicates"]["train"]
    assert found["copies"] == 4998 - 1000
    assert len(found["first"]) == duplicates.NAMED
    assert found["first"][0] == [f"train/ant/{index}.jpg" for index in range(0, 5000, 1000)]
