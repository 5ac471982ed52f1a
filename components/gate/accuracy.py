"""The first kind of evidence: the int8 file against the float model on the same pictures, and the last release."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.paired_statistics import class_p_values, drop_lower_bound, evidence, holm, pictures_needed
from components.evaluation.scores import PairedCounts
from components.gate import last_release, reasons
from components.gate.evidence import Evidence
from components.gate.rule import Rule

KIND = "paired accuracy"


def judge(
    pairs: PairedCounts, rule: Rule, *, labels: Sequence[str] = (), release: Mapping[str, Any] = last_release.NOT_THERE
) -> Evidence:
    """The rule itself. Blocks when the pictures are too few, or show a drop, a lost class, or a top-1 under the floor.

    - Drop: its lower bound (Tango's score interval, one-sided at 1 - alpha) exceeds the margin.
    - Class: McNemar's exact test, after forgiving the class margin, falls for it (Holm over the classes, alpha), and
      for more classes than max_lost of them.
    - Too few: a true visible_drop would be seen less than every second time (`pictures_needed`). With `accept_small`
      that is told and does not block.
    - Release: the lower bound of the drop since the last release, at the same level, exceeds the margin.

    Two models that are right on the same pictures are never blocked by the first two, whatever their number.

    Args:
      labels: the name of class i at i; without them classes go by their index.
      release: what `last_release.compare` gives.
    """
    needed = pictures_needed(margin=rule.margin, drop=rule.visible_drop, alpha=rule.alpha)
    if pairs.pictures == 0:
        nothing = f"There are no pictures to compare on; {needed} are needed."
        return Evidence(KIND, (nothing,), facts={"pictures_needed": needed})
    numbers = {
        **_measure(pairs, rule),
        "pictures_needed": needed,
        "evidence": evidence(pairs.pictures, needed),
        "lost_classes": _lost_classes(pairs, rule, labels),
        "classes": int(np.count_nonzero(pairs.per_class)),
        "release": dict(release),
        "rule": dataclasses.asdict(rule),
    }
    return Evidence(KIND, tuple(reasons.faults(numbers)), reasons.praise(numbers), numbers)


def _measure(pairs: PairedCounts, rule: Rule) -> dict[str, Any]:
    lost, gained = int(pairs.only_baseline.sum()), int(pairs.only_candidate.sum())
    bound = drop_lower_bound(only_baseline=lost, only_candidate=gained, pictures=pairs.pictures, alpha=rule.alpha)
    return {
        "pictures": pairs.pictures,
        "baseline_top1": pairs.baseline_top1,
        "candidate_top1": pairs.candidate_top1,
        "only_baseline": lost,
        "only_candidate": gained,
        "drop": (lost - gained) / pairs.pictures,
        "drop_lower_bound": bound,
    }


def _lost_classes(pairs: PairedCounts, rule: Rule, labels: Sequence[str]) -> list[dict[str, Any]]:
    """The classes that fail, the surest first."""
    present = np.flatnonzero(pairs.per_class)
    forgiven = np.floor(np.round(rule.class_margin * pairs.per_class, 9)).astype(np.int64)
    p_values = class_p_values(
        only_baseline=pairs.only_baseline[present],
        only_candidate=pairs.only_candidate[present],
        forgiven=forgiven[present],
    )
    rejected = holm(p_values, alpha=rule.alpha)
    order = np.argsort(p_values[rejected], kind="stable")
    return [
        {
            "index": int(index),
            "name": labels[index] if index < len(labels) else str(index),
            "pictures": int(pairs.per_class[index]),
            "baseline_right": int(pairs.both_right[index] + pairs.only_baseline[index]),
            "candidate_right": int(pairs.both_right[index] + pairs.only_candidate[index]),
            "p_value": float(p),
        }
        for index, p in zip(present[rejected][order], p_values[rejected][order], strict=True)
    ]
