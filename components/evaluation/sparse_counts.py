"""Counts of (label, predicted) for many classes: a dense matrix of 10,000 takes 800 MB, and pictures fill few cells."""

from __future__ import annotations

from typing import Any

import numpy as np

DENSE_CLASSES = 2000  # Up to here an evaluation is read as a dense matrix, 32 MB.
Cells = tuple[np.ndarray, np.ndarray, np.ndarray]  # Labels, predictions, counts: int64, by label, then by prediction.


class SparseCounts:
    """What of an int64 matrix [C, C] is used here, for the cells that are not zero."""

    def __init__(self, labels: np.ndarray, predicted: np.ndarray, counts: np.ndarray, *, classes: int) -> None:
        for indices in (labels, predicted):
            if len(indices) and not (indices.min() >= 0 and indices.max() < classes):
                raise IndexError(f"got the class {indices.min()} or {indices.max()}, wanted 0 to {classes - 1}.")
        codes, where = np.unique(labels.astype(np.int64) * classes + predicted, return_inverse=True)
        summed = np.zeros(len(codes), np.int64)
        np.add.at(summed, where, counts)
        kept = summed != 0
        self.shape = (classes, classes)
        self.size = classes * classes
        self.cells: Cells = (codes[kept] // classes, codes[kept] % classes, summed[kept])

    def __len__(self) -> int:
        return self.shape[0]

    def sum(self, axis: int | None = None) -> Any:
        """As numpy's: of each prediction for axis 0, of each label for axis 1, of all for none."""
        *places, counts = self.cells
        return counts.sum() if axis is None else self._by_class(places[1 - axis], counts)

    def diagonal(self) -> np.ndarray:
        labels, predicted, counts = self.cells
        right = labels == predicted
        return self._by_class(labels[right], counts[right])

    def trace(self) -> Any:
        return self.diagonal().sum()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Dense: of many classes it takes gigabytes."""
        labels, predicted, counts = self.cells
        matrix = np.zeros(self.shape, dtype or np.int64)
        matrix[labels, predicted] = counts
        return matrix

    def _by_class(self, places: np.ndarray, counts: np.ndarray) -> np.ndarray:
        result = np.zeros(len(self), np.int64)
        np.add.at(result, places, counts)
        return result


def cells(confusion: np.ndarray | SparseCounts) -> Cells:
    """The cells that are not zero."""
    if isinstance(confusion, SparseCounts):
        return confusion.cells
    labels, predicted = np.nonzero(confusion)
    return labels, predicted, confusion[labels, predicted]
