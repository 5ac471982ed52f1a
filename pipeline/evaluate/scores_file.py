"""scores.json: an evaluation as JSON, for programs; without the confusion matrix, which TFMA's own files hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.evaluation.intervals import drop_interval, mean_interval
from components.evaluation.scores import Evaluation, PairedCounts, Scores, Slice
from trainer.file_format import FileFormat

NAME = "scores.json"
FORMAT = FileFormat(NAME)
CONFUSED = 100  # Pairs of classes that are named.


def write(evaluation: Evaluation, labels: Sequence[str], path: Path) -> None:
    """Indented JSON of `as_dict`."""
    path.write_text(json.dumps(as_dict(evaluation, labels), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def as_dict(evaluation: Evaluation, labels: Sequence[str]) -> dict[str, Any]:
    """Shares are fractions of 1; intervals are of 95 %, [low, high]; classes go by name where there is one."""
    models = evaluation.overall.scores
    content = {
        "baseline": evaluation.baseline_name,
        "models": {name: {**_scores(scores), **_classes(scores, labels)} for name, scores in models.items()},
        "against_baseline": _all_pairs(evaluation.overall),
        "slices": [
            {
                "feature": each.feature,
                "value": each.value,
                "models": {name: _scores(scores) for name, scores in each.scores.items()},
                "against_baseline": _all_pairs(each),
            }
            for each in evaluation.slices
        ],
    }
    return FORMAT.stamped(content)


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "pictures": scores.pictures,
        "top1_count": scores.top1_count,
        "top1": scores.top1,
        "top1_interval": scores.top1_interval,
        "top5_count": scores.top5_count,
        "top5": scores.top5,
        "top5_interval": scores.top5_interval,
        "cross_entropy": scores.cross_entropy,
        "cross_entropy_interval": mean_interval(scores.cross_entropy, scores.cross_entropy_error),
        "ece": scores.calibration.error if scores.calibration else None,
        "sha256": scores.sha256,
        "runtime": scores.runtime,
    }


def _classes(scores: Scores, labels: Sequence[str]) -> dict[str, Any]:
    def name(label: int) -> str:
        return labels[label] if label < len(labels) else str(label)

    recall, precision = scores.recall, scores.precision
    pictures = scores.confusion.sum(axis=1)
    return {
        "classes": {
            name(label): {
                "pictures": int(count),
                "recall": float(recall[label]),
                "precision": float(precision[label]) if precision[label] == precision[label] else None,
            }
            for label, count in enumerate(pictures)
            if count
        },
        "most_confused": [
            {
                "label": name(each.label),
                "predicted": name(each.predicted),
                "pictures": each.pictures,
                "names": each.names,
            }
            for each in scores.confused(CONFUSED)
        ],
    }


def _all_pairs(of_slice: Slice) -> dict[str, Any]:
    return {name: _pairs(pairs) for name, pairs in of_slice.pairs.items()}


def _pairs(pairs: PairedCounts) -> dict[str, Any]:
    lost, gained = int(pairs.only_baseline.sum()), int(pairs.only_candidate.sum())
    return {
        "both_right": int(pairs.both_right.sum()),
        "only_baseline": lost,
        "only_this": gained,
        "both_wrong": int(pairs.both_wrong.sum()),
        "drop": (lost - gained) / pairs.pictures,
        "drop_interval": drop_interval(only_baseline=lost, only_candidate=gained, pictures=pairs.pictures),
        "agreement": pairs.agreement,
    }
