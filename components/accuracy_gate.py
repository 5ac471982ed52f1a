"""AccuracyGate: the only blessing. The int8 file against the float model, on the same pictures."""

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, ModelBlessing, ModelEvaluation

from components import evaluation as evaluations
from components import gate_reasons
from components.paired_tests import class_p_values, drop_lower_bound, holm, pictures_needed
from components.scores import PairedCounts
from trainer.imagenet import LABELS_FILE

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
MARGIN = 0.01  # Of the pictures: how far the int8 file may truly be under the float model.
CLASS_MARGIN = 0.05  # Of a class's pictures: losses that are not held against it.
VISIBLE_DROP = 0.05  # There must be pictures enough to see this one.
ALPHA = 0.001  # Of the drop's bound, and family-wise of the classes.

VERDICT_FILE = "verdict.json"
BLESSED_FILE = "BLESSED"  # TFX's Pusher looks for these two names.
NOT_BLESSED_FILE = "NOT_BLESSED"


@component
def AccuracyGate(
    evaluation: InputArtifact[ModelEvaluation],
    examples: InputArtifact[Examples],
    blessing: OutputArtifact[ModelBlessing],
    floor: Parameter[float],
    margin: Parameter[float] = MARGIN,
    class_margin: Parameter[float] = CLASS_MARGIN,
    visible_drop: Parameter[float] = VISIBLE_DROP,
    alpha: Parameter[float] = ALPHA,
    code: Parameter[str] = "",
) -> None:
    """Judges the paired counts of the evaluation; the examples lend the names of the classes."""
    rule = Rule(floor=floor, margin=margin, class_margin=class_margin, visible_drop=visible_drop, alpha=alpha)
    pairs = evaluations.read(evaluation.uri).pairs
    verdict = judge(pairs, rule, labels=read_labels(examples.uri))
    blessing.set_int_custom_property("blessed", int(verdict.blessed))
    blessing.set_string_custom_property("reason", verdict.reason)
    blessing.set_string_custom_property("code", code)
    write(verdict, blessing.uri)


@dataclass(frozen=True)
class Rule:
    """The numbers of the rule, all of them fractions of 1."""

    floor: float  # The least top-1 of the int8 file.
    margin: float = MARGIN
    class_margin: float = CLASS_MARGIN
    visible_drop: float = VISIBLE_DROP
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        wanted = 0 <= self.floor <= 1 and 0 <= self.margin < self.visible_drop <= 1
        if not (wanted and 0 <= self.class_margin <= 1 and 0 < self.alpha < 0.5):
            raise ValueError(f"got {self}: wanted fractions of 1, margin under visible_drop, and alpha under 0.5.")


@dataclass(frozen=True)
class Verdict:
    """Blessed or not, why in plain sentences, and every number that it rests on."""

    blessed: bool
    reason: str
    numbers: dict[str, Any]


def judge(pairs: PairedCounts, rule: Rule, *, labels: Sequence[str] = ()) -> Verdict:
    """The rule itself. Blocks when the pictures are too few, or show a drop, a lost class, or a top-1 under the floor.

    - Drop: its lower bound (Tango's score interval, one-sided at 1 - alpha) exceeds the margin.
    - Class: McNemar's exact test, after forgiving the class margin, falls for it (Holm over the classes, alpha).
    - Too few: a true visible_drop would be seen less than every second time (`pictures_needed`).

    Two models that are right on the same pictures are never blocked by the first two, whatever their number.

    Args:
      labels: the name of class i at i; without them classes go by their index.
    """
    needed = pictures_needed(margin=rule.margin, drop=rule.visible_drop, alpha=rule.alpha)
    if pairs.pictures == 0:
        return Verdict(False, f"There are no pictures to compare on; {needed} are needed.", {"pictures_needed": needed})
    numbers = {
        **_measure(pairs, rule),
        "pictures_needed": needed,
        "lost_classes": _lost_classes(pairs, rule, labels),
        "rule": dataclasses.asdict(rule),
    }
    faults = gate_reasons.faults(numbers)
    return Verdict(not faults, " ".join(faults) or gate_reasons.praise(numbers), numbers)


def read_labels(examples_uri: str) -> list[str]:
    """The names of the classes in the order of the outputs, `background` first."""
    with tf.io.gfile.GFile(os.path.join(examples_uri, LABELS_FILE)) as file:
        return file.read().splitlines()


def write(verdict: Verdict, uri: str) -> None:
    """Writes verdict.json, and then the empty file BLESSED or NOT_BLESSED that TFX's Pusher looks for."""
    tf.io.gfile.makedirs(uri)
    with tf.io.gfile.GFile(os.path.join(uri, VERDICT_FILE), "w") as file:
        file.write(json.dumps(dataclasses.asdict(verdict), indent=2) + "\n")
    marker = BLESSED_FILE if verdict.blessed else NOT_BLESSED_FILE
    with tf.io.gfile.GFile(os.path.join(uri, marker), "w") as file:
        file.write("")


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
