"""Counts over pictures, in one pass for all models and metrics: the combiner under components/evaluation/metrics.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation.outcomes import Outcomes, Pictures
from components.evaluation.scores import BINS

PICTURES = "pictures"  # Where the extractor puts what is counted.
TOP = 5
FIXED = 1 << 40  # Sums of nats and confidences are kept in these parts, as integers: no order of merging shows in them.
NAMES = 3  # Of the pictures of one error, so many are kept: the first by name, whatever the order of merging.


class MixedFilesError(ValueError):
    """Not all pictures were run through the same file."""


@dataclass
class ModelCounts:
    """One model. Sparse: 50,000 pictures of 1001 classes fill at most 50,000 of a million cells."""

    pictures: int = 0
    top1: int = 0
    top5: int = 0
    cross_entropy: int = 0  # Summed, in 1 / FIXED.
    squares: int = 0  # Of the cross entropies, summed, in 1 / FIXED.
    classes: int = 0
    confusion: Counter[tuple[int, int]] = field(default_factory=Counter)  # (label, predicted) → pictures.
    names: dict[tuple[int, int], list[str]] = field(default_factory=dict)  # Of errors: (label, predicted) → pictures.
    bins: np.ndarray = field(default_factory=lambda: np.zeros((3, BINS), np.int64))
    """Pictures, right ones, summed confidence in 1 / FIXED: 8 million pictures fit."""
    files: set[str] = field(default_factory=set)  # SHA-256.
    runtimes: set[str] = field(default_factory=set)

    def add(self, labels: np.ndarray, found: Outcomes, names: np.ndarray | None) -> None:
        right = found.rank == 0
        self.pictures += len(labels)
        self.top1 += int(right.sum())
        self.top5 += int((found.rank < TOP).sum())
        self.cross_entropy += _fixed_sum(found.cross_entropy)
        self.squares += _fixed_sum(np.square(found.cross_entropy))
        self.classes = max(self.classes, found.classes)
        self.confusion.update(_cells(labels, found.predicted))
        self.bins += _bins(found.confidence, right)
        self.files.add(found.sha256)
        self.runtimes.add(found.runtime)
        if names is not None:
            for row in np.flatnonzero(~right):
                self._name((int(labels[row]), int(found.predicted[row])), [names[row].decode("utf-8", "replace")])

    def merge(self, other: ModelCounts) -> None:
        self.pictures += other.pictures
        self.top1 += other.top1
        self.top5 += other.top5
        self.cross_entropy += other.cross_entropy
        self.squares += other.squares
        self.classes = max(self.classes, other.classes)
        self.confusion.update(other.confusion)
        self.bins = self.bins + other.bins
        self.files |= other.files
        self.runtimes |= other.runtimes
        for cell, names in other.names.items():
            self._name(cell, names)

    def _name(self, cell: tuple[int, int], names: Sequence[str]) -> None:
        self.names[cell] = sorted([*self.names.get(cell, ()), *names])[:NAMES]

    def only_file(self) -> str:
        """The SHA-256 of the one file that ran on all pictures."""
        if len(self.files) != 1:
            raise MixedFilesError(
                f"{self.pictures} pictures were run through {len(self.files)} different files "
                f"({', '.join(sorted(self.files))}): the model changed while it was evaluated. Evaluate it again."
            )
        return next(iter(self.files))


@dataclass
class Counts:
    """All models by name, and each against the baseline, where there is one."""

    models: dict[str, ModelCounts]
    pairs: Counter[tuple[str, int, bool, bool]] = field(default_factory=Counter)  # Name, label, right, baseline right.
    agreed: Counter[str] = field(default_factory=Counter)  # Name → pictures with the baseline's prediction.

    def paired(self, name: str) -> np.ndarray:
        """int64 [C, 4] by label: both right, only the baseline, only `name`, both wrong."""
        table = np.zeros((max(model.classes for model in self.models.values()), 4), np.int64)
        for (candidate, label, right, baseline_right), pictures in self.pairs.items():
            if candidate == name:
                table[label, 2 * (not baseline_right) + (not right)] += pictures
        return table


class PicturesPreprocessor(tfma.metrics.Preprocessor):
    """An extract → its Pictures, once for all metrics."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(name=f"pictures({','.join(names)})")

    def process(self, extracts: dict[str, Any]) -> Iterator[Pictures]:
        yield extracts[PICTURES]


class CountPictures(beam.CombineFn):
    """Pictures → Counts. Integers, so the order of merging does not show."""

    def __init__(self, key: Any, names: Sequence[str], baseline: str | None) -> None:
        self._key = key
        self._names = tuple(names)
        self._baseline = names.index(baseline) if baseline is not None else None

    def create_accumulator(self) -> Counts:
        return Counts({name: ModelCounts() for name in self._names})

    def add_input(self, accumulator: Counts, pictures: Pictures) -> Counts:
        for name, found in zip(self._names, pictures.outcomes, strict=True):
            accumulator.models[name].add(pictures.labels, found, pictures.names)
            if self._baseline is not None:
                self._pair(accumulator, name, pictures.labels, found, pictures.outcomes[self._baseline])
        return accumulator

    def _pair(self, counts: Counts, name: str, labels: np.ndarray, found: Outcomes, baseline: Outcomes) -> None:
        sides = 2 * (found.rank == 0) + (baseline.rank == 0)
        for (label, side), pictures in _cells(labels, sides).items():
            counts.pairs[name, label, bool(side & 2), bool(side & 1)] += pictures
        counts.agreed[name] += int((found.predicted == baseline.predicted).sum())

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        result = self.create_accumulator()
        for accumulator in accumulators:
            for name, counts in accumulator.models.items():
                result.models[name].merge(counts)
            result.pairs.update(accumulator.pairs)
            result.agreed.update(accumulator.agreed)
        return result

    def extract_output(self, accumulator: Counts) -> dict[Any, Counts]:
        return {self._key: accumulator}


def _cells(rows: np.ndarray, columns: np.ndarray) -> dict[tuple[int, int], int]:
    """How often each (row, column) is there."""
    width = int(columns.max(initial=0)) + 1
    codes, counts = np.unique(rows.astype(np.int64) * width + columns, return_counts=True)
    return {divmod(int(code), width): int(count) for code, count in zip(codes, counts, strict=True)}


def _fixed(values: np.ndarray) -> np.ndarray:
    return np.rint(values.astype(np.float64) * FIXED).astype(np.int64)


def _fixed_sum(values: np.ndarray) -> int:
    """In Python's integers: a sum over a large data set must not wrap."""
    return sum(_fixed(values).tolist())


def _bins(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """int64 [3, BINS], as ModelCounts keeps them. A confidence on an edge belongs to the lower bin."""
    where = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    result = np.zeros((3, BINS), np.int64)
    for row, values in zip(result, (np.ones_like(where), right.astype(np.int64), _fixed(confidence)), strict=True):
        np.add.at(row, where, values)
    return result
