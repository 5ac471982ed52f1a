"""The last screen: its line about the pictures, and how several branches ended."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from pipeline.run import results
from trainer.network.variant import Variant


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


def _ended(variant: str, *, blessed: bool = True, pushed: bool = True) -> Any:
    scores = SimpleNamespace(pictures=500, top1_count=400, top5_count=490)
    return SimpleNamespace(
        branch=SimpleNamespace(variant=Variant.parse(variant)),
        evaluation=SimpleNamespace(baseline=scores, candidate=scores),
        int8_bytes=309_229,
        blessed=blessed,
        reason=f"the evidence of {variant}",
        pushed_to=Path("runs/models") / variant / "2" if pushed else None,
        signed=False,
    )


def _ran(*done: Any, failed: tuple[str, ...] = (), zoo: Any = Path("runs/models/zoo")) -> Any:
    failures = [
        SimpleNamespace(branch=SimpleNamespace(variant=Variant.parse(name)), error="QatTrainer failed: no room")
        for name in failed
    ]
    return SimpleNamespace(branches=[*done, *failures], outcomes=list(done), failures=failures, zoo=zoo)


def test_of_several_branches_each_has_a_row_that_says_how_it_ended():
    unblessed = _ended("0.25_64", blessed=False, pushed=False)
    damaged = _ended("0.50_32", pushed=False)
    ran = _ran(_ended("0.25_32"), unblessed, damaged, failed=("0.50_64",))
    console = Console(file=io.StringIO(), width=120, record=True)
    for shown in results.tables(ran):
        console.print(shown)
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in console.export_text().splitlines() if "│" in line
    ]
    assert rows[0] == ["0.25_32", "80.00%", "98.00%", "80.00%", "98.00%", "309,229", "pushed, version 2"]
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("0.25_64", "not blessed"), ("0.50_32", "blessed, not whole"), ("0.50_64", "failed"),
    ]  # fmt: skip


def test_an_error_names_its_branch_and_what_was_not_blessed_has_its_evidence():
    ran = _ran(_ended("0.25_64", blessed=False, pushed=False), _ended("0.25_32"), failed=("0.50_64",))
    assert results.errors(ran) == ["0.50_64: QatTrainer failed: no room"]
    assert list(results.sentences(ran)) == [
        "0.25_64: Not blessed, so not pushed.\nthe evidence of 0.25_64",
        "0.25_32: Blessed and pushed: runs/models/0.25_32/2",
        "All that was pushed, as a table and a page: runs/models/zoo/zoo.html",
    ]


@pytest.mark.parametrize(("table", "told"), [(None, False), ('{"models": []}', False), ('{"models": [{}]}', True)])
def test_the_table_of_what_was_pushed_is_named_where_something_was(table, told, tmp_path):
    if table:
        (tmp_path / "zoo.json").write_text(table)
    said = [*results.sentences(_ran(_ended("0.25_32", blessed=False, pushed=False), zoo=tmp_path))]
    assert any(line.startswith("All that was pushed") for line in said) is told


def test_a_report_that_failed_is_an_error_though_every_bundle_was_pushed():
    failed = RuntimeError("ZooReport failed: runs/models/zoo/zoo.md cannot be written")
    assert results.errors(_ran(_ended("0.25_32"), zoo=failed)) == [str(failed)]


def test_a_single_branch_says_all_of_its_evidence():
    [said, _] = results.sentences(_ran(_ended("0.25_32")))
    assert said == "Blessed and pushed: runs/models/0.25_32/2\nthe evidence of 0.25_32"
