"""The first kind of evidence: the int8 file against the float model on the same pictures, and against the last release.

The bounds stand here, with what they do.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.evaluation.paired_statistics import class_p_values, drop_lower_bound, evidence, holm, pictures_needed
from components.evaluation.scores import PairedCounts
from components.gate import last_release, reasons
from components.gate.evidence import Evidence

# The bounds. What they do, of 10,000 simulated evaluations each (`python -m proof.gate_power`, the whole table in
# proof/gate_power.md); typically 1 % of the pictures are right with the int8 file only:
#
#   blocked when                        500 pictures   10,000   50,000 (1000 classes)
#   the files are equally good               0.00 %    0.00 %    0.00 %
#   the drop is the margin, 1 point          0.14 %    0.03 %    0.23 %   (the bound's level: 0.1 %)
#   the drop is 2 points                     2.30 %   98.27 %  100.00 %
#   the drop is 3 points                    14.87 %  100.00 %  100.00 %
#   the drop is 5 points                    69.87 %  100.00 %  100.00 %
#   one class of 80 % is dead              100.00 %  100.00 %   99.97 %
#   one class of 45 % is dead               91.26 %  100.00 %   43.72 %   (50 pictures against 1000 hypotheses)
#
# Against the last release, of which only the counts are known, and with 5 % of the pictures right now only:
#   equally good, or the drop is the margin  0.00 %    0.00 %    0.00 %
#   the drop is 2 points                     0.00 %    1.12 %   90.79 %
#   the drop is 3 points                     0.01 %   71.47 %  100.00 %
#   the drop is 5 points                     0.79 %  100.00 %  100.00 %
#   the drop is 10 points                   60.69 %  100.00 %  100.00 %
MARGIN = 0.01  # Of the pictures: how far the int8 file may truly be under the float model.
CLASS_MARGIN = 0.05  # Of a class's pictures: losses that are not held against it.
VISIBLE_DROP = 0.05  # There must be pictures enough to see this one.
MAX_LOST = 0.0  # Of the classes: how many may lose more, or never be found.
MAX_CALIBRATION_ERROR = 0.25  # Expected: how far confidence may lie from the share of right answers.
ALPHA = 0.001  # Of the drop's bound, and family-wise of the classes.

KIND = "paired accuracy"


@dataclass(frozen=True)
class Rule:
    """The numbers of the rule, all of them fractions of 1."""

    floor: float = 0.0  # The least top-1 of the int8 file; 0 leaves it to the data, by what fitness shows.
    margin: float = MARGIN
    class_margin: float = CLASS_MARGIN
    max_lost: float = MAX_LOST
    max_calibration_error: float = MAX_CALIBRATION_ERROR
    visible_drop: float = VISIBLE_DROP
    alpha: float = ALPHA
    accept_small: bool = False  # Too few pictures to see `visible_drop` do not block: the release says so.

    def __post_init__(self) -> None:
        wanted = 0 <= self.floor <= 1 and 0 <= self.margin < self.visible_drop <= 1
        shares = (self.class_margin, self.max_lost, self.max_calibration_error)
        if not (wanted and all(0 <= share <= 1 for share in shares) and 0 < self.alpha < 0.5):
            raise ValueError(f"got {self}: wanted fractions of 1, margin under visible_drop, and alpha under 0.5.")


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
