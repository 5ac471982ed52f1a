"""Statistics for two models of which only the counts are known, not which pictures they got right."""

from __future__ import annotations

import math

from components.evaluation.intervals import share_interval


def drop_lower_bound(*, before: tuple[int, int], now: tuple[int, int], alpha: float) -> float:
    """The one-sided lower bound, at confidence 1 - alpha, of how far the share of right pictures has fallen.

    Newcombe's hybrid score interval (Statistics in Medicine 17 (1998) 873-890, method 10), which is for independent
    samples. Two models on the same pictures mostly fail on the same ones, so that the bound is then too low rather
    than too high: a drop that it shows is there, and small drops it does not show.

    Args:
      before, now: (pictures that were right, pictures).
    """
    for right, pictures in (before, now):
        if not 0 <= right <= pictures or pictures < 1:
            raise ValueError(f"got {right} right of {pictures} pictures, wanted some pictures, and at most all right.")
    confidence = 1 - 2 * alpha  # One-sided: an interval's other end is left out.
    share, other = before[0] / before[1], now[0] / now[1]
    below = share - share_interval(*before, confidence=confidence).low
    above = share_interval(*now, confidence=confidence).high - other
    return max(share - other - math.hypot(below, above), -1.0)  # Rounding goes below, by the last digit.
