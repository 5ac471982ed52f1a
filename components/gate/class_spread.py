"""How unlikely it is that a class is never found or never predicted, by how much a model's other classes differ.

The classes of a sound model differ, and the more of them there are, the worse is the worst. On ImageNet a small network
finds some class on none of its 50 pictures. So it is the other classes that say what is to be expected: not found is
beta-binomial, not predicted negative binomial, both fitted by their moments to the classes that are not at 0.
"""

from __future__ import annotations

import numpy as np
from scipy import special

_LEAST = 1e-12  # Of a share, so that logarithms exist.


def never_found(right: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """For each class the log of the probability that none of its pictures is right; 0 where some are.

    Args:
      right, pictures: int64 [C], every class with some pictures.
    """
    found = right > 0
    if not found.any():
        return np.zeros(len(right))
    share = np.clip(right.sum() / pictures.sum(), _LEAST, 1 - _LEAST)
    alike = pictures * np.log1p(-share)
    variance = _variance(right[found] / pictures[found])
    mean = np.clip(right[found].sum() / pictures[found].sum(), _LEAST, 1 - _LEAST)
    chance = float(np.mean(mean * (1 - mean) / pictures[found]))
    if variance <= chance:  # They differ no more than chance has it.
        return np.where(found, 0.0, alike)
    spread = min((variance - chance) / (mean * (1 - mean)), 1 - _LEAST)
    a, b = mean * (1 - spread) / spread, (1 - mean) * (1 - spread) / spread
    return np.where(found, 0.0, special.betaln(a, b + pictures) - special.betaln(a, b))


def never_predicted(predicted: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """For each class the log of the probability that it is the answer to no picture; 0 where it is.

    Args:
      predicted: int64 [C], how often each is the answer.
      pictures: int64 [C], how many each has, none of them 0; a class is expected in proportion.
    """
    there = predicted > 0
    if not there.any():
        return np.zeros(len(predicted))
    rates = predicted[there] / pictures[there]
    mean = float(rates.mean())
    expected, beyond = mean * pictures, _variance(rates) - float(np.mean(mean / pictures[there]))
    if beyond <= 0:
        return np.where(there, 0.0, -expected)
    size = mean**2 / beyond
    return np.where(there, 0.0, size * np.log(size / (size + expected)))


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
