"""What a classifier gives, as probabilities: checked, and with the softmax that it may have left to its user."""

from __future__ import annotations

import numpy as np

_SUM = 1e-2  # How far the sum of a float softmax may be from 1; logits are further off.


def probabilities(outputs: np.ndarray, *, softmax: bool = False) -> np.ndarray:
    """Float [n, C]: as they are where each row is a distribution, else the softmax of them.

    Args:
      softmax: whether the model ends with one. Of a quantized softmax a row need not add up to 1: of many equal outputs
        each rounds to 0.

    Raises:
      ValueError: an output that is no number, or not one row for each picture.
    """
    if outputs.ndim != 2:
        raise ValueError(f"it gives {list(outputs.shape)}: wanted [n, classes].")
    if not softmax and not _is_distribution(outputs):
        with np.errstate(invalid="ignore"):  # Of infinities; what comes of them is looked at.
            exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True, initial=-np.inf))
            outputs = exponentials / exponentials.sum(axis=1, keepdims=True)
    if broken := int((~np.isfinite(outputs)).any(axis=1).sum()):
        raise ValueError(
            f"it gives no numbers (NaN or infinity) for {broken} of {len(outputs)} pictures, wanted probabilities: its "
            "weights may hold NaN. Train or convert it again."
        )
    return outputs


def _is_distribution(outputs: np.ndarray) -> bool:
    return bool(outputs.min(initial=0) >= 0 and np.abs(outputs.sum(axis=1) - 1).max(initial=0) <= _SUM)
