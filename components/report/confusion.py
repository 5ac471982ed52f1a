"""What is taken for what. A thousand classes have a million cells: the page gets those that are not zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.evaluation import sparse_counts
from components.evaluation.scores import CANDIDATE, Scores
from components.report.facts import Facts
from components.report.summary import model_name

MOST_CELLS = 60_000  # Of one model; 50,000 pictures fill no more than 50,000.
PAIRS = 20  # Of classes whose pictures are shown.
DRAWN = 40  # Classes in the matrix at once; all of them where there are no more.


def content(facts: Facts) -> dict[str, Any] | None:
    """For the script: `names`, `drawn`, and for each model `cells`, flat: label, predicted, pictures, label, …"""
    if facts.evaluation is None:
        return None
    models = {
        model_name(name): {"cells": cells(scores), "pictures": scores.pictures}
        for name, scores in facts.evaluation.overall.scores.items()
        if scores.confusion.size
    }
    if not models:
        return None
    outputs = max(len(scores.confusion) for scores in facts.evaluation.overall.scores.values())
    shown = model_name(CANDIDATE)
    return {
        "names": [facts.name_of(label) for label in range(outputs)],
        "models": models,
        "shown": shown if shown in models else next(iter(models)),
        "drawn": DRAWN,
    }


def cells(scores: Scores) -> list[int]:
    """Flat (label, predicted, pictures), the largest first where there are more than MOST_CELLS."""
    found = np.column_stack(sparse_counts.cells(scores.confusion)).astype(np.int64)
    if len(found) > MOST_CELLS:
        found = found[np.sort(np.argsort(-found[:, 2], kind="stable")[:MOST_CELLS])]
    return found.ravel().tolist()


def gallery(facts: Facts) -> list[dict[str, Any]]:
    """The most frequent errors of the int8 file with their pictures; empty where no pictures are known."""
    scores = facts.evaluation.overall.scores.get(CANDIDATE) if facts.evaluation else None
    if scores is None or not facts.thumbnails:
        return []
    return [
        {
            "label": facts.name_of(pair.label),
            "predicted": facts.name_of(pair.predicted),
            "pictures": pair.pictures,
            "shown": [
                {"name": name, "uri": facts.thumbnails[pair.label, name]}
                for name in pair.names
                if (pair.label, name) in facts.thumbnails
            ],
        }
        for pair in scores.confused(PAIRS)
    ]
