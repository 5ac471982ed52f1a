"""Ties, zeros and nonsense in a model's outputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.outcomes import LEAST_PROBABILITY, OutputError, outcomes


@given(st.lists(st.lists(st.integers(0, 4), min_size=7, max_size=7), min_size=1, max_size=5), st.integers(0, 6))
def test_order_is_that_of_a_stable_argsort(steps, label):
    probabilities = np.array(steps, np.float32) / 256  # Few steps, many ties: as an int8 softmax.
    found = outcomes(probabilities, np.full(len(steps), label))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    np.testing.assert_array_equal(found.predicted, order[:, 0])
    np.testing.assert_array_equal(found.rank, np.argwhere(order == label)[:, 1])


def test_of_equals_the_lowest_index_comes_first():
    found = outcomes(np.full((3, 11), 1 / 11, np.float32), np.array([1, 4, 5]))
    assert found.predicted.tolist() == [0, 0, 0]
    assert found.rank.tolist() == [1, 4, 5]


def test_a_zero_costs_half_an_output_step():
    found = outcomes(np.array([[0.0, 1.0], [0.0, 1.0]], np.float32), np.array([0, 1]))
    assert found.cross_entropy.tolist() == [pytest.approx(np.log(512)), 0.0]
    assert LEAST_PROBABILITY == 1 / 512


def test_what_is_no_number_is_not_counted_as_a_hit():
    with pytest.raises(OutputError, match="gave nan as a probability"):
        outcomes(np.array([[np.nan, np.nan]], np.float32), np.array([0]))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_without_an_output_is_named(label):
    with pytest.raises(OutputError, match=f"the label {label}, but the model has 3 outputs"):
        outcomes(np.full((1, 3), 1 / 3, np.float32), np.array([label]))
