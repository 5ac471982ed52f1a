"""Whether an evaluation's counts are of the same pictures: paired counts, confusions and calibration add up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.evaluation.scores import Evaluation, PairedCounts, Scores


def faults(evaluation: Evaluation) -> Iterator[str]:
    """A sentence for each table that contradicts another."""
    pairs = evaluation.pairs
    models = (("int8 file", evaluation.candidate, pairs.only_candidate),
              ("float model", evaluation.baseline, pairs.only_baseline))  # fmt: skip
    for what, scores, only in models:
        yield from _confusion(what, scores, pairs, right=pairs.both_right + only)


def _confusion(what: str, scores: Scores, pairs: PairedCounts, *, right: np.ndarray) -> Iterator[str]:
    confusion = scores.confusion
    found = {
        "pictures": (int(confusion.sum()), scores.pictures),
        "right answers": (int(confusion.trace()), scores.top1_count),
    }
    if scores.calibration is not None:
        found["pictures by confidence"] = (int(scores.calibration.pictures.sum()), scores.pictures)
        found["right answers by confidence"] = (int(scores.calibration.right.sum()), scores.top1_count)
    if len(pairs.per_class) != len(confusion):
        found["classes"] = (len(pairs.per_class), len(confusion))
    else:
        found["pictures by class"] = _differing(pairs.per_class, confusion.sum(axis=1))
        found["right answers by class"] = _differing(right, confusion.diagonal())
    wrong = [f"{name} are {one} and {other}" for name, (one, other) in found.items() if one != other]
    if wrong:
        yield f"The {what}'s counts contradict each other: {'; '.join(wrong)}. Run the Evaluator again."


def _differing(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """The two numbers of the first class in which they differ; of none, two zeros."""
    places = np.flatnonzero(one != other)
    return (int(one[places[0]]), int(other[places[0]])) if len(places) else (0, 0)
