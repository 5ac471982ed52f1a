"""Statistics for two models on the same pictures: only the pictures that they disagree on carry evidence.

`b` pictures are right with the baseline only, `c` with the candidate only; the drop is (b - c) / pictures.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

import numpy as np
from scipy import stats

# Float and int8 disagree even when neither is better. Of 100 pictures, this share is typically right with the
# candidate only; a drop comes on top of it. Taken for how many pictures are needed, and for nothing else.
TYPICAL_GAINS = 0.01

SUFFICIENT, INSUFFICIENT = "sufficient", "insufficient"  # What so many pictures are as evidence.
_HALVINGS = 60  # Of [-1, 1]: to the last bit of a double.


def evidence(pictures: int, needed: int) -> str:
    """Whether so many pictures can show a file to be as good as its float model."""
    return SUFFICIENT if pictures >= needed else INSUFFICIENT


def drop_lower_bound(*, only_baseline: float, only_candidate: float, pictures: float, alpha: float) -> float:
    """The one-sided lower bound, at confidence 1 - alpha, of the drop: a fraction in [-1, 1].

    Inverts the score test for the difference of paired proportions (Tango, Statistics in Medicine 17 (1998)
    891-908), which keeps its level for small and for zero counts, where Wald's interval has width 0.
    """
    if pictures <= 0:
        raise ValueError(f"got {pictures} pictures, wanted at least one to compare the models on.")
    quantile = NormalDist().inv_cdf(1 - alpha)
    low, high = -1.0, (only_baseline - only_candidate) / pictures
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _score(only_baseline, only_candidate, pictures, drop=middle) > quantile:
            low = middle
        else:
            high = middle
    return high


def class_p_values(*, only_baseline: np.ndarray, only_candidate: np.ndarray, forgiven: np.ndarray) -> np.ndarray:
    """For each class, the exact p value of: "at most `forgiven` pictures are lost for good".

    The rest of the disagreements is then as often a gain as a loss, so, given their number, the losses among them
    are binomial with 1/2: McNemar's exact test, with `forgiven` losses taken off first. A class without
    disagreements has p = 1. All arguments int64 [C]; the result float64 [C].
    """
    losses = np.maximum(only_baseline - forgiven, 0)
    return stats.binom.sf(losses - 1, losses + only_candidate, 0.5)


def holm(p_values: np.ndarray, *, alpha: float) -> np.ndarray:
    """Which hypotheses fall at a family-wise error of `alpha` (Holm 1979): bool, as the p values."""
    order = np.argsort(p_values, kind="stable")
    holds = p_values[order] > alpha / (len(p_values) - np.arange(len(p_values)))
    rejected = np.zeros(len(p_values), bool)
    rejected[order] = ~np.maximum.accumulate(holds) if len(p_values) else rejected
    return rejected


@functools.cache
def pictures_needed(*, margin: float, drop: float, alpha: float) -> int:
    """How many pictures it takes for a true `drop` to push the lower bound over `margin` every second time.

    That is: in its median case, `drop` + TYPICAL_GAINS of the pictures lost and TYPICAL_GAINS gained.
    """
    if drop <= margin:
        raise ValueError(f"got a drop of {drop} to be seen above a margin of {margin}: it must exceed the margin.")

    def seen(pictures: int) -> bool:
        lost, gained = (drop + TYPICAL_GAINS) * pictures, TYPICAL_GAINS * pictures
        return drop_lower_bound(only_baseline=lost, only_candidate=gained, pictures=pictures, alpha=alpha) > margin

    enough = 1
    while not seen(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if seen(middle) else (enough, middle)
    return enough


def _score(lost: float, gained: float, pictures: float, *, drop: float) -> float:
    """Tango's statistic for the hypothesis of this `drop`; it falls as `drop` grows. Large is evidence for more."""
    linear = (2 * pictures - lost + gained) * drop - lost - gained
    root = math.sqrt(max(linear * linear + 8 * pictures * gained * drop * (1 - drop), 0.0))
    gain = (root - linear) / (4 * pictures)  # The likeliest share of gains, given the drop.
    variance = pictures * (2 * gain + drop * (1 - drop))
    difference = lost - gained - pictures * drop
    if variance <= 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(variance)
