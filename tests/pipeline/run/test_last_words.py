"""The end of the last screen: how good in a sentence, what uneven classes hide, and what to type next."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.run import last_words
from trainer.network.variant import Variant

LABELS = ["background", "bag", "coat", "dress"]


def outcome(confusion: list[list[int]], *, pushed: str | None = "models/0.25_64/1", variant: str = "0.25_64") -> Any:
    counts = np.zeros((4, 4), np.int64)
    counts[1:, 1:] = confusion
    file = SimpleNamespace(pictures=int(counts.sum()), top1_count=int(counts.trace()), confusion=counts)
    return SimpleNamespace(
        branch=SimpleNamespace(variant=Variant.parse(variant)),
        evaluation=SimpleNamespace(candidate=file, baseline=SimpleNamespace(pictures=100, top1_count=88)),
        pushed_to=Path(pushed) if pushed else None,
        bundle=Path("runs/artifacts/BundleBuilder-w025-r64/bundle/12/Format-Serving"),
    )


EVEN = [[30, 3, 0], [2, 31, 0], [0, 4, 30]]
SKEWED = [[70, 2, 0], [10, 8, 0], [9, 0, 1]]


def ran(*outcomes: Any) -> Any:
    return SimpleNamespace(branches=list(outcomes), outcomes=list(outcomes))


def test_even_classes_are_told_in_one_sentence():
    assert [*last_words.in_a_sentence(outcome(EVEN), LABELS)] == [
        "The int8 file is right on 91 of 100 pictures that it was not trained on, and the float model on 88."
    ]


def test_of_skewed_classes_the_mean_and_the_largest_ones_share_stand_beside_it():
    told = [*last_words.in_a_sentence(outcome(SKEWED), LABELS)]
    assert told[0].startswith("The int8 file is right on 79 of 100 pictures")
    mean = (70 / 72 + 8 / 18 + 1 / 10) / 3
    assert last_words.balanced(outcome(SKEWED).evaluation.candidate) == mean
    assert told[1] == (
        "Its balanced accuracy, the mean over 3 classes, is 51%: always answering bag is right on 72% of the pictures. "
        "The page has each class."
    )


def test_a_class_without_pictures_is_in_no_mean():
    scores = outcome([[5, 0, 0], [5, 5, 0], [0, 0, 0]]).evaluation.candidate
    assert last_words.balanced(scores) == 0.75


def test_three_commands_come_next():
    assert [*last_words.next_commands(ran(outcome(EVEN)), Path("my runs"))] == [
        "Next:",
        "  mobilenet predict models/0.25_64/1 FOLDER   # what it says of other pictures",
        "  mobilenet report 'my runs' --open   # all of it on a page",
        "  mobilenet benchmark models/0.25_64/1 --write   # how long a picture takes on this machine",
    ]


def test_a_bundle_that_was_not_released_is_named_with_the_command_that_tries_it():
    first, _, command, *_ = last_words.next_commands(ran(outcome(EVEN, pushed=None)), Path("runs"))
    bundle = "runs/artifacts/BundleBuilder-w025-r64/bundle/12/Format-Serving"
    assert first == f"The bundle that was not released, to try: {bundle}"
    assert command.startswith(f"  mobilenet predict {bundle} FOLDER")
    assert "benchmark" not in " ".join(last_words.next_commands(ran(outcome(EVEN, pushed=None)), Path("runs")))


def test_what_was_pushed_to_a_bucket_is_tried_where_it_was_made():
    there = outcome(EVEN)
    there.pushed_to = "gs://bucket/models/0.25_64/1"  # As a place in a bucket is written.
    lines = " ".join(last_words.next_commands(ran(there), Path("runs")))
    assert f"mobilenet predict {there.bundle} FOLDER" in lines
    assert "gs://" not in lines


def test_of_several_branches_the_best_that_was_released_is_named_and_of_none_nothing_is():
    worse = outcome([[1, 9, 0], [9, 1, 0], [0, 5, 5]], variant="0.5_64", pushed="models/0.50_64/3")
    lines = [*last_words.next_commands(ran(outcome(EVEN, pushed=None), worse), Path("runs"))]
    assert lines[1].startswith("  mobilenet predict models/0.50_64/3")
    assert "--variant 0.50_64" in lines[2]
    assert not [*last_words.next_commands(ran(), Path("runs"))]
