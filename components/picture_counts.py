"""Counts over pictures, in one pass for all models and metrics: the combiner under components/metrics.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.outcomes import CLASSES, CROSS_ENTROPY, PREDICTED, RANK
from components.predict_extractor import SHA256

TOP = 5

_LABELS = "labels"  # TFMA's names for the parts of its extracts.
_PREDICTIONS = "predictions"


class MixedFilesError(ValueError):
    """Not all pictures were run through the same file."""


class Outcome(NamedTuple):
    """What one model made of one picture."""

    predicted: int
    rank: int
    cross_entropy: float
    classes: int
    sha256: str


class Picture(NamedTuple):
    """One picture, and the outcome of each model in a fixed order: all that crosses to the combiner."""

    label: int
    outcomes: tuple[Outcome, ...]


@dataclass
class ModelCounts:
    """One model. Sparse: 50,000 pictures of 1001 classes fill at most 50,000 of a million cells."""

    pictures: int = 0
    top1: int = 0
    top5: int = 0
    cross_entropy: float = 0.0  # Summed.
    classes: int = 0
    confusion: Counter[tuple[int, int]] = field(default_factory=Counter)  # (label, predicted) → pictures.
    files: set[str] = field(default_factory=set)  # SHA-256.

    def add(self, label: int, outcome: Outcome) -> None:
        self.pictures += 1
        self.top1 += outcome.rank == 0
        self.top5 += outcome.rank < TOP
        self.cross_entropy += outcome.cross_entropy
        self.classes = max(self.classes, outcome.classes)
        self.confusion[label, outcome.predicted] += 1
        self.files.add(outcome.sha256)

    def merge(self, other: ModelCounts) -> None:
        self.pictures += other.pictures
        self.top1 += other.top1
        self.top5 += other.top5
        self.cross_entropy += other.cross_entropy
        self.classes = max(self.classes, other.classes)
        self.confusion.update(other.confusion)
        self.files |= other.files

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
    """All models by name, and the pairs: (name, label, right, baseline right) → pictures."""

    models: dict[str, ModelCounts]
    pairs: Counter[tuple[str, int, bool, bool]] = field(default_factory=Counter)

    def paired(self, name: str) -> np.ndarray:
        """int64 [C, 4] by label: both right, only the baseline, only `name`, both wrong."""
        table = np.zeros((max(model.classes for model in self.models.values()), 4), np.int64)
        for (candidate, label, right, baseline_right), pictures in self.pairs.items():
            if candidate == name:
                table[label, 2 * (not baseline_right) + (not right)] += pictures
        return table


class PicturePreprocessor(tfma.metrics.Preprocessor):
    """An extract → Picture. Runs before the slices fan out, once for all metrics."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(name=f"picture({','.join(names)})")
        self._names = tuple(names)

    def process(self, extracts: dict[str, Any]) -> Iterator[Picture]:
        labels, predictions = extracts[_LABELS], extracts[_PREDICTIONS]
        if self._names == ("",):  # TFMA nests by model only where there are several.
            yield Picture(_scalar(labels), (_outcome(predictions),))
        else:
            found = tuple(_outcome(predictions[name]) for name in self._names)
            yield Picture(_scalar(labels[self._names[0]]), found)


class CountPictures(beam.CombineFn):
    """Pictures → Counts. Integers, so the order of merging shows only in the last bits of the cross entropy."""

    def __init__(self, key: Any, names: Sequence[str], baseline: str | None) -> None:
        self._key = key
        self._names = tuple(names)
        self._baseline = names.index(baseline) if baseline is not None else None

    def create_accumulator(self) -> Counts:
        return Counts({name: ModelCounts() for name in self._names})

    def add_input(self, accumulator: Counts, picture: Picture) -> Counts:
        for name, outcome in zip(self._names, picture.outcomes, strict=True):
            accumulator.models[name].add(picture.label, outcome)
        if self._baseline is not None:
            right = [outcome.rank == 0 for outcome in picture.outcomes]
            for name, candidate_right in zip(self._names, right, strict=True):
                accumulator.pairs[name, picture.label, candidate_right, right[self._baseline]] += 1
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        result = self.create_accumulator()
        for accumulator in accumulators:
            for name, counts in accumulator.models.items():
                result.models[name].merge(counts)
            result.pairs.update(accumulator.pairs)
        return result

    def extract_output(self, accumulator: Counts) -> dict[Any, Counts]:
        return {self._key: accumulator}


def _outcome(predictions: dict[str, Any]) -> Outcome:
    return Outcome(
        predicted=int(_scalar(predictions[PREDICTED])),
        rank=int(_scalar(predictions[RANK])),
        cross_entropy=float(_scalar(predictions[CROSS_ENTROPY])),
        classes=int(_scalar(predictions[CLASSES])),
        sha256=str(_scalar(predictions[SHA256])),
    )


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value
