"""What the page says of an ingestion."""

import copy

import pytest

from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from components.report import data_report, page
from components.report.facts import Facts
from tests.components.conftest import fill, jpeg
from tests.components.report.by_hand import HOSTILE, INGESTION


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    """Of three classes, one of them larger, with one picture twice and one of eval's in train."""
    data = fill(tmp_path_factory.mktemp("data") / "pictures")
    (data / "train" / "bee_fly" / "again.jpg").write_bytes(jpeg(0))
    (data / "train" / "bee_fly" / "leaked.jpg").write_bytes(jpeg(1000))
    out = tmp_path_factory.mktemp("out")
    return ingest(str(data), str(out / "examples"), rules=Rules(max_leaked=0.1))


def test_copies_leaks_and_imbalance_are_told(report):
    content = data_report.ingestion(Facts("t", ingestion=report))
    assert content is not None
    assert [each["text"] for each in content["duplicates"]] == [
        "1 copies of other pictures in train, byte for byte; 1 under another label",
        "0 copies of other pictures in eval, byte for byte; 0 under another label",
        "1 pictures of eval that are in train too, byte for byte; 1 under another label",
    ]
    assert content["splits"][0]["reasons"] == ["bee_fly is 1.25 times as large as ant"]
    text = page.render(Facts("t", ingestion=report))
    assert "<code>train/bee_fly/leaked.jpg</code> <code>eval/ant/ant_0.jpg</code>" in text
    assert "copies of other pictures in eval" not in text  # What is not there is not told.


def test_names_of_copies_are_escaped():
    hostile = copy.deepcopy(INGESTION)
    names = [f"train/ant/{HOSTILE}", "train/ant/2.jpg"]
    hostile["duplicates"] = {"train": {"copies": 1, "of_other_class": 0, "first": [names]}}
    text = page.render(Facts("t", ingestion=hostile))
    assert HOSTILE not in text
    assert "1 copies of other pictures in train" in text


def test_a_report_of_before_there_were_copies_in_it_is_drawn_too():
    content = data_report.ingestion(Facts("t", ingestion=INGESTION))
    assert content is not None
    assert content["duplicates"] == []
    assert content["splits"][0]["oriented"] == "0"
