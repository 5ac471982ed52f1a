"""Intervals against published ones, and against their definitions."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import optimize, stats

from components.evaluation.intervals import drop_interval, mean_interval, share_interval


@pytest.mark.parametrize(
    ("count", "pictures", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_shares_interval_is_wilsons_as_newcombe_tabulated_it(count, pictures, low, high):
    """Statistics in Medicine 17 (1998) 857-872, table I, method 3."""
    assert share_interval(count, pictures) == pytest.approx((low, high), abs=5e-5)
    assert share_interval(pictures - count, pictures) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_at_another_confidence_its_ends_are_rejected_at_that_level_and_stay_within_0_and_1():
    low, high = share_interval(30, 100, confidence=0.8)
    for end in (low, high):
        assert abs(0.3 - end) / np.sqrt(end * (1 - end) / 100) == pytest.approx(NormalDist().inv_cdf(0.9))
    assert share_interval(0, 1)[0] == 0.0 and share_interval(1, 1)[1] == 1.0


def rejected_drop(lost: int, gained: int, pictures: int, *, score: float, within: tuple[float, float]) -> float:
    """The drop whose score statistic is `score`, with the likeliest share of gains found by search."""

    def statistic(drop: float) -> float:
        def unlikelihood(gain: float) -> float:
            shares = np.array([gain + drop, gain, 1 - 2 * gain - drop])
            return -float(stats.multinomial.logpmf([lost, gained, pictures - lost - gained], pictures, shares))

        limits = (max(0.0, -drop) + 1e-12, (1 - drop) / 2 - 1e-12)
        gain = optimize.minimize_scalar(unlikelihood, bounds=limits, method="bounded", options={"xatol": 1e-10}).x
        return (lost - gained - pictures * drop) / np.sqrt(pictures * (2 * gain + drop - drop**2))

    return float(optimize.brentq(lambda drop: statistic(drop) - score, *within))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("lost", "gained"), [(30, 5), (4, 9)])
def test_both_ends_of_a_drops_interval_are_just_rejected_at_a_fortieth(lost, gained):
    seen, quantile = (lost - gained) / 500, NormalDist().inv_cdf(0.975)
    low, high = drop_interval(only_baseline=lost, only_candidate=gained, pictures=500)
    assert low == pytest.approx(rejected_drop(lost, gained, 500, score=quantile, within=(-0.2, seen)), abs=1e-5)
    assert high == pytest.approx(rejected_drop(lost, gained, 500, score=-quantile, within=(seen, 0.3)), abs=1e-5)


def test_a_means_interval_is_1_96_standard_errors_wide_on_either_side():
    assert mean_interval(0.5, 0.01) == pytest.approx((0.5 - 0.01959964, 0.5 + 0.01959964), abs=1e-8)
