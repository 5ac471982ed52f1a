"""From a batch of probabilities to what is kept of each picture: a few numbers, whatever the number of classes."""

from __future__ import annotations

import numpy as np

PREDICTED = "predicted"
RANK = "rank"
CROSS_ENTROPY = "cross_entropy"
CLASSES = "classes"

# The least probability that counts in a cross entropy: half an output step of an int8 softmax, whose scale is always
# 1/256. Its zeros stand for anything in [0, 1/512), so a smaller constant would not measure the file but the constant
# (1e-7: 16 nats for each zero). The float model is cut at the same place, so that the two compare; no picture costs
# more than ln 512 = 6.24 nats.
LEAST_PROBABILITY = 1 / 512


class OutputError(ValueError):
    """A model's outputs do not fit the labels, or are not numbers."""


def outcomes(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """One row for each picture; ties go to the lowest index, as a stable argsort of falling probability has it.

    Args:
      probabilities: float [n, C].
      labels: int [n], in [0, C).

    Returns:
      predicted int32 [n]; rank int32 [n], the label's place in that order, 0 for top-1; cross_entropy float64 [n],
      nats; classes int32 [n], always C.

    Raises:
      OutputError: a probability is not a number, or a label has no output. Either would otherwise count as a hit or
        as another class's miss.
    """
    _check(probabilities, labels)
    rows = np.arange(len(labels))
    of_label = probabilities[rows, labels][:, np.newaxis]
    earlier = np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
    before = (probabilities > of_label) | ((probabilities == of_label) & earlier)
    predicted = probabilities.argmax(axis=1)  # The first of equals.
    return {
        PREDICTED: predicted.astype(np.int32),
        RANK: before.sum(axis=1).astype(np.int32),
        CROSS_ENTROPY: -np.log(np.maximum(of_label[:, 0].astype(np.float64), LEAST_PROBABILITY)),
        CLASSES: np.full(len(labels), probabilities.shape[1], np.int32),
    }


def _check(probabilities: np.ndarray, labels: np.ndarray) -> None:
    classes = probabilities.shape[1]
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.size:
        raise OutputError(
            f"got the label {outside[0]}, but the model has {classes} outputs, the background included: "
            "it was trained on other classes than these examples have."
        )
    if not np.isfinite(probabilities).all():
        raise OutputError(f"the model gave {probabilities[~np.isfinite(probabilities)][0]} as a probability.")
