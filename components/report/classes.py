"""Class by class: how often each model is right, and what the int8 file lost or gained."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.evaluation.scores import BASELINE, CANDIDATE
from components.report.facts import Facts

COLUMNS = ("label", "name", "pictures", "float", "int8", "difference", "lost", "gained", "precision")


def rows(facts: Facts) -> list[dict[str, Any]]:
    """A row for each class that has pictures, with the keys COLUMNS; those that lost most first.

    `float`, `int8` (recall), `difference` (int8 less float) and `precision` (of int8; None where nothing was predicted)
    are fractions; `lost` and `gained` are pictures that only the float model, only the int8 file gets.
    """
    evaluation = facts.evaluation
    if evaluation is None or not {CANDIDATE, BASELINE} <= set(evaluation.overall.scores):
        return []
    pairs = evaluation.overall.pairs.get(CANDIDATE)
    if pairs is None or not pairs.per_class.size:
        return []
    int8 = pairs.both_right + pairs.only_candidate
    baseline = pairs.both_right + pairs.only_baseline
    precision = evaluation.candidate.precision
    made = [
        {
            "label": int(label),
            "name": facts.name_of(int(label)),
            "pictures": int(count := pairs.per_class[label]),
            "float": _share(baseline[label], count),
            "int8": _share(int8[label], count),
            "difference": _share(int8[label] - baseline[label], count),
            "lost": int(pairs.only_baseline[label]),
            "gained": int(pairs.only_candidate[label]),
            "precision": _or_none(precision, int(label)),
        }
        for label in np.flatnonzero(pairs.per_class)
    ]
    return sorted(made, key=lambda row: (row["difference"], row["int8"], row["label"]))


def _share(count: int, pictures: int) -> float:
    return round(float(count) / float(pictures), 5)


def _or_none(values: np.ndarray, label: int) -> float | None:
    return round(float(values[label]), 5) if label < len(values) and not np.isnan(values[label]) else None
