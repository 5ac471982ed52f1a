"""A drop between two models of which only the counts are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.unpaired_statistics import drop_lower_bound


@pytest.mark.parametrize(
    ("before", "now", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_the_bounds_are_newcombes_own(before, now, low, high):
    """His table II, method 10, examples (a) to (d): 95 %, both ends."""
    assert drop_lower_bound(before=before, now=now, alpha=0.025) == pytest.approx(low, abs=5e-5)
    assert -drop_lower_bound(before=now, now=before, alpha=0.025) == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(("share", "pictures"), [(0.5, 500), (0.9, 500), (0.7, 10_000)])
def test_independent_samples_without_a_drop_show_one_as_often_as_the_level_says(share, pictures):
    drawn = np.random.default_rng(1).binomial(pictures, share, (20_000, 2))
    shown = [drop_lower_bound(before=(a, pictures), now=(b, pictures), alpha=0.01) > 0 for a, b in drawn.tolist()]
    assert np.mean(shown) == pytest.approx(0.01, abs=0.004)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0, 1), st.floats(0, 1))
def test_the_bound_is_never_above_the_drop_that_was_seen(first, second, one, other):
    before, now = (round(one * first), first), (round(other * second), second)
    seen = before[0] / first - now[0] / second
    assert -1 <= drop_lower_bound(before=before, now=now, alpha=0.001) <= seen + 1e-12


@pytest.mark.parametrize("bad", [(5, 4), (-1, 4), (0, 0)])
def test_counts_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match="wanted some pictures, and at most all right"):
        drop_lower_bound(before=bad, now=(1, 2), alpha=0.001)
