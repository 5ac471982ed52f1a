"""Moving averages of a model's weights, as TF-Slim keeps them: of every variable, batch norm's statistics included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf


class MovingAverages:
    """The averages of some variables, in variables of their own, which belong into the checkpoint.

    Args:
      variables: those of floating point are averaged: kernels, batch norm, and fake quantization's ranges. Build it
        where the model was built, in the scope of its strategy; the averages begin as what the variables hold.
      decay: in [0, 1). 0 averages nothing, and costs nothing.
    """

    def __init__(self, variables: Sequence[tf.Variable], decay: float) -> None:
        self.decay = decay
        self.sources = [variable for variable in variables if decay and variable.dtype.is_floating]
        self.averages = [tf.Variable(tf.convert_to_tensor(source), trainable=False) for source in self.sources]

    def follow(self, step: tf.Tensor | tf.Variable) -> None:
        """Once a step, in each replica, whose variables are equal on all of them.

        Args:
          step: the number of steps before this one. The decay is min(decay, (1 + step) / (10 + step)), so that what
            the weights were at first is soon forgotten: `num_updates` of TF1's ExponentialMovingAverage.
        """
        done = tf.cast(step, tf.float32)
        share = 1.0 - tf.minimum(self.decay, (1.0 + done) / (10.0 + done))
        for average, source in zip(self.averages, self.sources, strict=True):
            average.assign_sub((average - source) * share)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, the variables hold their averages: for evaluation. Behind it they are as before, to the bit."""
        kept = [source.numpy() for source in self.sources]
        self.hand_over()
        try:
            yield
        finally:
            _assign(self.sources, kept)

    def hand_over(self) -> None:
        """The variables become their averages: at the end of training."""
        _assign(self.sources, [average.numpy() for average in self.averages])


def _assign(variables: Sequence[tf.Variable], values: Sequence) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
