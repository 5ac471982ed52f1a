"""The fourth kind of evidence: whether the int8 file is any good, whatever the float model is.

Paired accuracy compares: a file is as good as a float model that learned nothing. Here nothing is compared but the
file with what needs no learning, and with its own network as it was trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from components.evaluation.paired_statistics import drop_lower_bound
from components.evaluation.scores import PairedCounts, Scores
from components.evaluation.unpaired_statistics import drop_lower_bound as unpaired_lower_bound
from components.gate import class_spread, fitness_reasons
from components.gate.evidence import Evidence
from components.gate.rule import Rule

# What these rules do, of 10,000 simulated evaluations each, stands in proof/gate_power.md.
OVERFIT = 0.1  # How far eval may be shown to lie under training before it is told; it does not block.

KIND = "fitness"


def judge(file: Scores, sample: PairedCounts | None, rule: Rule, *, labels: Sequence[str] = ()) -> Evidence:
    """The rule itself. Blocks when the file is not shown to know more than the largest class, and what else it lists.

    - Chance: the lower bound of its gain over always answering the largest class is not above 0 (Tango's interval for
      paired counts, one-sided at 1 - alpha).
    - Classes: more than `max_lost` of them are never found or never predicted, where a model whose classes differ as
      the other classes of this one do would come to that with a probability under alpha (over all classes together).
    - Batch norm: on training pictures, the lower bound of its drop from the same network with the batch's statistics
      exceeds the margin.
    - Calibration: its expected calibration error exceeds `max_calibration_error`.

    Told, without blocking: that top-1 on the sample of training pictures is far above the one on the others.

    Args:
      file: what was measured of the int8 file on the eval pictures.
      sample: what `training_sample.measure` gives; None where it cannot be measured, which others say.
      labels: the name of class i at i; without them classes go by their index.
    """
    if not file.pictures:
        return Evidence(KIND, ("There are no pictures to measure on.",))
    numbers = {
        "pictures": file.pictures,
        "top1": file.top1,
        "alpha": rule.alpha,
        "largest_class": _largest_class(file, rule, labels),
        "unfound": {**_unfound(file, rule, labels), "allowed": rule.max_lost},
        "training": _training(file, sample, rule),
        "calibration": _calibration(file, rule),
    }
    faults, notes = fitness_reasons.faults(numbers), fitness_reasons.notes(numbers)
    return Evidence(KIND, tuple(faults), fitness_reasons.praise(numbers), numbers, notes=tuple(notes))


def _largest_class(file: Scores, rule: Rule, labels: Sequence[str]) -> dict[str, Any]:
    """What always answering it would give, and the bound of what the file gives more."""
    pictures, right = file.confusion.sum(axis=1), file.confusion.diagonal()
    index = int(pictures.argmax())
    gained = file.top1_count - int(right[index])
    bound = drop_lower_bound(
        only_baseline=gained,
        only_candidate=int(pictures[index] - right[index]),
        pictures=file.pictures,
        alpha=rule.alpha,
    )
    share = int(pictures[index]) / file.pictures
    return {"index": index, "name": _name(labels, index), "share": share, "gain_lower_bound": bound}


def _unfound(file: Scores, rule: Rule, labels: Sequence[str]) -> dict[str, Any]:
    """The classes that are not found on any of their pictures, beyond chance; those never predicted among them."""
    pictures, right = file.confusion.sum(axis=1), file.confusion.diagonal()
    predicted = file.confusion.sum(axis=0)
    present = np.flatnonzero(pictures)
    level = math.log(rule.alpha / len(present))
    unlikely = class_spread.never_found(right[present], pictures[present]) < level
    unlikely |= class_spread.never_predicted(predicted[present], pictures[present]) < level
    classes = [
        {
            "index": int(index),
            "name": _name(labels, index),
            "pictures": int(pictures[index]),
            "predicted": int(predicted[index]),
        }
        for index in present[unlikely]
    ]
    return {"classes": classes, "of": len(present)}


def _training(file: Scores, sample: PairedCounts | None, rule: Rule) -> dict[str, Any] | None:
    if sample is None:
        return None
    lost, gained = int(sample.only_baseline.sum()), int(sample.only_candidate.sum())
    right = int((sample.both_right + sample.only_candidate).sum())
    eval_counts = (file.top1_count, file.pictures)
    return {
        "pictures": sample.pictures,
        "file_top1": sample.candidate_top1,
        "batch_statistics_top1": sample.baseline_top1,
        "drop_lower_bound": drop_lower_bound(
            only_baseline=lost, only_candidate=gained, pictures=sample.pictures, alpha=rule.alpha
        ),
        "margin": rule.margin,
        "overfit_told": OVERFIT,
        "overfit_lower_bound": unpaired_lower_bound(before=(right, sample.pictures), now=eval_counts, alpha=rule.alpha),
    }


def _calibration(file: Scores, rule: Rule) -> dict[str, Any] | None:
    if file.calibration is None:
        return None
    mean = float(file.calibration.confidence.sum() / file.pictures)
    return {"error": file.calibration.error, "confidence": mean, "allowed": rule.max_calibration_error}


def _name(labels: Sequence[str], index: int) -> str:
    return labels[index] if index < len(labels) else str(index)
