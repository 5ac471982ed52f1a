"""From our pictures in [-1, 1] to the numbers and the order of channels that a model takes."""

from __future__ import annotations

import numpy as np

from trainer.pictures.record import MIDDLE, Preprocessing


def scaled(images: np.ndarray, how: Preprocessing) -> np.ndarray:
    """Float32 [n, R, R, 3], RGB in [-1, 1] → as the model wants it; the same array where that is the same."""
    if how.color == "BGR":
        images = images[..., ::-1]
    if {*how.mean, *how.std} == {MIDDLE}:
        return images
    levels = (images + np.float32(1)) * np.float32(MIDDLE)
    return (levels - np.asarray(how.mean, np.float32)) / np.asarray(how.std, np.float32)


def limits(how: Preprocessing) -> tuple[float, float]:
    """The least and the largest number that any channel can have."""
    ends = (np.array([[0.0], [255.0]]) - np.asarray(how.mean)) / np.asarray(how.std)
    return float(ends.min()), float(ends.max())
