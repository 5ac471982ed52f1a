"""What an evaluation says: exact counts of one model alone, and of two models on the same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """One model on all pictures. C is its number of outputs, the background included."""

    pictures: int
    top1_count: int
    top5_count: int
    cross_entropy: float  # Mean, nats; components/outcomes.py says how zeros count.
    confusion: np.ndarray  # int64 [C, C]: rows are labels, columns predictions.

    @property
    def top1(self) -> float:
        return self.top1_count / self.pictures

    @property
    def top5(self) -> float:
        return self.top5_count / self.pictures


@dataclass(frozen=True)
class PairedCounts:
    """How often, for each class, the top-1 predictions of two models were right. All int64 [C], by label."""

    both_right: np.ndarray
    only_baseline: np.ndarray
    only_candidate: np.ndarray
    both_wrong: np.ndarray

    @property
    def per_class(self) -> np.ndarray:
        """Pictures of each class, int64 [C]."""
        return self.both_right + self.only_baseline + self.only_candidate + self.both_wrong

    @property
    def pictures(self) -> int:
        return int(self.per_class.sum())

    @property
    def candidate_top1(self) -> float:
        return int((self.both_right + self.only_candidate).sum()) / self.pictures

    @property
    def baseline_top1(self) -> float:
        return int((self.both_right + self.only_baseline).sum()) / self.pictures


@dataclass(frozen=True)
class Evaluation:
    """What the Evaluator measured: the int8 file against the float model, on the same pictures."""

    candidate: Scores
    baseline: Scores
    pairs: PairedCounts
    sha256: str  # Of the candidate's file, hexadecimal.
