"""What an evaluation says: exact counts of one model alone, and of two models on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.evaluation.intervals import Interval, share_interval
from components.evaluation.sparse_counts import cells

CANDIDATE = "candidate"  # What the pipeline calls its two models.
BASELINE = "baseline"

BINS = 15  # Of confidence, equally wide: what calibration is usually measured with (Guo et al., arXiv:1706.04599).


@dataclass(frozen=True)
class Calibration:
    """How sure a model is, and how often it is right then. All [BINS], by the confidence of the first class."""

    pictures: np.ndarray  # int64.
    right: np.ndarray  # int64: whose first class is the label.
    confidence: np.ndarray  # float64, summed over the bin's pictures.

    @property
    def error(self) -> float:
        """The expected calibration error (ECE): the mean over pictures of |accuracy - confidence| of their bin."""
        return float(np.abs(self.right - self.confidence).sum() / self.pictures.sum())


@dataclass(frozen=True)
class Confusion:
    """A label that was taken for another class."""

    label: int
    predicted: int
    pictures: int
    names: tuple[str, ...]  # Of a few of the pictures, as `image/filename` has them.


@dataclass(frozen=True)
class Scores:
    """One model on some pictures. C is its number of outputs, the background included."""

    pictures: int
    top1_count: int
    top5_count: int
    cross_entropy: float  # Mean, nats; components/evaluation/outcomes.py says how zeros count.
    confusion: Any  # int64 [C, C], an array or SparseCounts: rows are labels, columns predictions.
    calibration: Calibration | None = None
    sha256: str = ""  # Of the file that ran, hexadecimal.
    runtime: str = ""  # What ran it: the interpreter and its kernels, or TensorFlow.
    cross_entropy_error: float = 0.0  # Standard error of the mean.
    names: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)  # (label, predicted) → pictures.

    @property
    def top1(self) -> float:
        return self.top1_count / self.pictures

    @property
    def top5(self) -> float:
        return self.top5_count / self.pictures

    @property
    def top1_interval(self) -> Interval:
        """95 %."""
        return share_interval(self.top1_count, self.pictures)

    @property
    def top5_interval(self) -> Interval:
        """95 %."""
        return share_interval(self.top5_count, self.pictures)

    @property
    def recall(self) -> np.ndarray:
        """Float64 [C]: the share of a class's pictures that get it; NaN for a class without pictures."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """Float64 [C]: the share of a class's predictions that are right; NaN for a class never predicted."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    def confused(self, limit: int) -> list[Confusion]:
        """The most frequent errors first; of equals the lowest label, then the lowest prediction."""
        labels, predicted, pictures = cells(self.confusion)
        wrong = np.flatnonzero(labels != predicted)
        order = wrong[np.argsort(-pictures[wrong], kind="stable")[:limit]]
        found = zip(labels[order].tolist(), predicted[order].tolist(), pictures[order].tolist(), strict=True)
        return [Confusion(label, taken, count, self.names.get((label, taken), ())) for label, taken, count in found]


@dataclass(frozen=True)
class PairedCounts:
    """How often, for each class, the top-1 predictions of two models were right. All int64 [C], by label."""

    both_right: np.ndarray
    only_baseline: np.ndarray
    only_candidate: np.ndarray
    both_wrong: np.ndarray
    agreed: int = field(default=0, kw_only=True)  # Pictures on which both predict the same class, right or wrong.

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

    @property
    def agreement(self) -> float:
        """The share of pictures on which both predict the same class."""
        return self.agreed / self.pictures


@dataclass(frozen=True)
class Slice:
    """All models on the pictures that have one value of one feature; on all pictures where the feature is empty."""

    scores: Mapping[str, Scores]  # By model, in the order in which they were given.
    pairs: Mapping[str, PairedCounts] = field(default_factory=dict)  # Each other model against the baseline.
    feature: str = ""
    value: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the same pictures for all models; the pipeline has two, CANDIDATE and BASELINE."""

    overall: Slice
    slices: tuple[Slice, ...] = ()
    baseline_name: str | None = BASELINE

    @property
    def candidate(self) -> Scores:
        """The int8 file."""
        return self.overall.scores[CANDIDATE]

    @property
    def baseline(self) -> Scores:
        """The float model."""
        return self.overall.scores[BASELINE]

    @property
    def pairs(self) -> PairedCounts:
        """The int8 file against the float model."""
        return self.overall.pairs[CANDIDATE]

    @property
    def sha256(self) -> str:
        """Of the candidate's file, hexadecimal."""
        return self.candidate.sha256


def of_two(candidate: Scores, baseline: Scores, pairs: PairedCounts) -> Evaluation:
    """The pipeline's two models, without slices."""
    return Evaluation(Slice({CANDIDATE: candidate, BASELINE: baseline}, {CANDIDATE: pairs}))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    result = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)
