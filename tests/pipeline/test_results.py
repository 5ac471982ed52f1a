"""The last screen's line about the pictures."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline import results


def _outcome(**refused: int) -> Any:
    def split(pictures: int) -> dict[str, int]:
        return {"pictures": pictures, "refused": 0, "converted": 0}

    report = {"classes": 6, "splits": {"train": split(361) | refused, "eval": split(600)}}
    return SimpleNamespace(report=report, report_file=Path("runs/report.txt"))


def test_refused_and_converted_pictures_are_counted_and_their_names_have_a_place():
    said = "361 train + 600 eval pictures of 6 classes; 2 refused, 4 converted: runs/report.txt"
    assert results.pictures(_outcome(refused=2, converted=4)) == said


def test_where_all_were_taken_nothing_more_is_said():
    assert results.pictures(_outcome()) == "361 train + 600 eval pictures of 6 classes"
