"""Sparse counts give what the dense matrix gives, to the count."""

import tracemalloc

import numpy as np
import pytest

from components.evaluation.scores import PairedCounts, Scores, of_two
from components.evaluation.sparse_counts import SparseCounts, cells
from components.gate import counts as gate_counts
from components.report import confusion as report_confusion
from components.report import report_builder


def _drawn(classes: int, pictures: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions, about half of them right; some cells have several pictures."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, pictures)
    wrong = random.integers(0, classes, pictures)
    return labels, np.where(random.random(pictures) < 0.5, labels, wrong)


def _scores(confusion: np.ndarray | SparseCounts, right: int, pictures: int) -> Scores:
    return Scores(pictures, right, right, 1.0, confusion)


@pytest.fixture(params=[(2, 50), (60, 500), (60, 0), (300, 9000)], ids=["two", "sixty", "none", "three hundred"])
def both(request):
    """The same counts, dense as numpy adds them up and sparse."""
    classes, pictures = request.param
    labels, predicted = _drawn(classes, pictures, seed=classes)
    dense = np.zeros((classes, classes), np.int64)
    np.add.at(dense, (labels, predicted), 1)
    sparse = SparseCounts(labels, predicted, np.ones(pictures, np.int64), classes=classes)
    right = int((labels == predicted).sum())
    return _scores(dense, right, pictures), _scores(sparse, right, pictures)


def test_sums_diagonal_and_cells_are_the_dense_ones(both):
    dense, sparse = (each.confusion for each in both)
    np.testing.assert_array_equal(sparse, dense)
    assert (sparse.shape, sparse.size, len(sparse)) == (dense.shape, dense.size, len(dense))
    assert (sparse.sum(), sparse.trace()) == (dense.sum(), dense.trace())
    for axis in (0, 1):
        np.testing.assert_array_equal(sparse.sum(axis=axis), dense.sum(axis=axis))
    np.testing.assert_array_equal(sparse.diagonal(), dense.diagonal())
    for one, other in zip(cells(sparse), cells(dense), strict=True):
        np.testing.assert_array_equal(one, other)


def test_recall_precision_errors_page_and_backends_matrix_are_the_same(both):
    dense, sparse = both
    np.testing.assert_array_equal(sparse.recall, dense.recall)
    np.testing.assert_array_equal(sparse.precision, dense.precision)
    assert sparse.confused(1000) == dense.confused(1000)
    assert report_confusion.cells(sparse) == report_confusion.cells(dense)
    assert report_builder.confusion_matrix(sparse, []) == report_builder.confusion_matrix(dense, [])


def test_the_gate_holds_sparse_counts_to_the_paired_ones_as_it_does_dense_ones(both):
    none = np.zeros(len(both[0].confusion), np.int64)
    found = []
    for scores in both:
        right = scores.confusion.diagonal()
        pairs = PairedCounts(right, none, none, scores.confusion.sum(axis=1) - right)
        wrong = PairedCounts(right + 1, none, none, none)
        found.append([list(gate_counts.faults(of_two(scores, scores, each))) for each in (pairs, wrong)])
    assert found[0] == found[1]
    assert [len(faults) for faults in found[0]] == [0, 2]


def test_the_errors_are_ordered_by_count_then_by_label_then_by_prediction():
    sparse = SparseCounts(np.array([2, 0, 1, 1]), np.array([0, 2, 0, 1]), np.array([3, 3, 7, 9]), classes=3)
    found = [(each.label, each.predicted, each.pictures) for each in _scores(sparse, 9, 22).confused(9)]
    assert found == [(1, 0, 7), (0, 2, 3), (2, 0, 3)]


def test_21841_classes_take_megabytes_where_the_matrix_takes_gigabytes():
    classes, pictures = 21_841, 100_000
    labels, predicted = _drawn(classes, pictures, seed=1)
    tracemalloc.start()
    scores = _scores(SparseCounts(labels, predicted, np.ones(pictures, np.int64), classes=classes), 0, pictures)
    assert np.nansum(scores.recall) > 0
    assert len(scores.confused(20)) == 20
    assert tracemalloc.get_traced_memory()[1] < 50e6  # 3.8 GB as a matrix.
    tracemalloc.stop()


@pytest.mark.parametrize(("label", "predicted"), [(3, 0), (0, 3), (-1, 0)])
def test_a_class_that_there_is_not_is_refused(label, predicted):
    with pytest.raises(IndexError, match="wanted 0 to 2"):
        SparseCounts(np.array([label]), np.array([predicted]), np.array([1]), classes=3)
