"""Intervals of what an evaluation counts: of 95 % where nothing else is said."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from components.evaluation.paired_statistics import drop_lower_bound

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Both ends belong to it."""

    low: float
    high: float


def share_interval(count: int, pictures: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Of a share of pictures (Wilson, JASA 22 (1927) 209-212), which keeps its level near 0 and 1."""
    z = _quantile(confidence)
    share, squared = count / pictures, z * z / pictures
    middle = (share + squared / 2) / (1 + squared)
    half = z / (1 + squared) * math.sqrt(share * (1 - share) / pictures + squared / (4 * pictures))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def drop_interval(*, only_baseline: int, only_candidate: int, pictures: int) -> Interval:
    """Of the baseline's top-1 less the candidate's, on the same pictures (Tango's score interval)."""
    alpha = (1 - CONFIDENCE) / 2
    low = drop_lower_bound(only_baseline=only_baseline, only_candidate=only_candidate, pictures=pictures, alpha=alpha)
    high = -drop_lower_bound(only_baseline=only_candidate, only_candidate=only_baseline, pictures=pictures, alpha=alpha)
    return Interval(low, high)


def mean_interval(mean: float, error: float) -> Interval:
    """Of a mean, from its standard error."""
    half = _quantile() * error
    return Interval(mean - half, mean + half)


def _quantile(confidence: float = CONFIDENCE) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
