"""From a batch of probabilities to what is kept of each picture: a few numbers, whatever the number of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The least probability that counts in a cross entropy: half an output step of an int8 softmax, whose scale is always
# 1/256. Its zeros stand for anything in [0, 1/512), so a smaller constant would not measure the file but the constant
# (1e-7: 16 nats for each zero). The float model is cut at the same place, so that the two compare; no picture costs
# more than ln 512 = 6.24 nats.
LEAST_PROBABILITY = 1 / 512


class OutputError(ValueError):
    """A model's outputs do not fit the labels, or are not numbers."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What one model made of n pictures."""

    predicted: np.ndarray  # int32 [n]; of equals the lowest index.
    rank: np.ndarray  # int32 [n]: the label's place in a stable argsort of falling probability, 0 for top-1.
    cross_entropy: np.ndarray  # float64 [n], nats.
    confidence: np.ndarray  # float32 [n]: the probability of the predicted class.
    classes: int  # Outputs, the background included.
    sha256: str = ""  # Of the file that ran, hexadecimal.
    runtime: str = ""  # What ran it.

    def of(self, rows: np.ndarray) -> Outcomes:
        """Some of the pictures: indices, or bool [n]."""
        parts = (self.predicted[rows], self.rank[rows], self.cross_entropy[rows], self.confidence[rows])
        return Outcomes(*parts, self.classes, self.sha256, self.runtime)


@dataclass(frozen=True, eq=False)
class Pictures:
    """n pictures and what each model made of them: all of them that crosses to the counting."""

    labels: np.ndarray  # int64 [n].
    outcomes: tuple[Outcomes, ...]  # A model each, in a fixed order.
    names: np.ndarray | None = None  # Object [n] of bytes; None where errors need no names.

    def of(self, rows: np.ndarray) -> Pictures:
        """Some of the pictures, without their names."""
        return Pictures(self.labels[rows], tuple(each.of(rows) for each in self.outcomes))


def outcomes(probabilities: np.ndarray, labels: np.ndarray, *, sha256: str = "", runtime: str = "") -> Outcomes:
    """Ties go to the lowest index, as a stable argsort of falling probability has it.

    Args:
      probabilities: float [n, C].
      labels: int [n], in [0, C).

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
    return Outcomes(
        predicted=predicted.astype(np.int32),
        rank=before.sum(axis=1, dtype=np.int32),
        cross_entropy=-np.log(np.maximum(of_label[:, 0].astype(np.float64), LEAST_PROBABILITY)),
        confidence=probabilities[rows, predicted].astype(np.float32),
        classes=probabilities.shape[1],
        sha256=sha256,
        runtime=runtime,
    )


def with_background(probabilities: np.ndarray) -> np.ndarray:
    """Float [n, C] of a model that knows no background → [n, C + 1] with one that never comes before any class."""
    return np.concatenate([np.full((len(probabilities), 1), -1.0, probabilities.dtype), probabilities], axis=1)


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
