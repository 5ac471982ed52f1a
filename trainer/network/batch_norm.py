"""Batch norm's statistics: over the pictures of all replicas in training, and estimated anew behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.keras import keras

_AXES = [0, 1, 2]


class SyncBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, which it is outside training; inputs [b, H, W, C], as many pictures on every replica.

    Its own `synchronized=True` takes three exchanges where this takes one, subtracts two large numbers (E[x²] - E[x]²)
    where this shifts them first, and leaves out the sample correction n/(n - 1) of the moving variance, which the fused
    kernel of a single device (and the reference) has: 14 % for a batch of 8 and a last feature map of one pixel.
    """

    def call(self, inputs: tf.Tensor, mask: Any = None, training: Any = None) -> tf.Tensor:
        """As in Keras; synchronized where it trains on several replicas."""
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1 or not (training and self.trainable):
            return super().call(inputs, mask=mask, training=training)
        values = tf.cast(inputs, tf.float32)
        mean, variance, count = self._moments(values, replica)
        self._follow(mean, variance * (count / tf.maximum(count - 1.0, 1.0)))
        outputs = tf.nn.batch_normalization(values, mean, variance, self.beta, self.gamma, self.epsilon)
        return tf.cast(outputs, inputs.dtype)

    def _moments(self, values: tf.Tensor, replica: tf.distribute.ReplicaContext) -> tuple[tf.Tensor, ...]:
        """Mean [C], variance [C] and the number of values behind each, over all replicas."""
        count = tf.cast(tf.reduce_prod(tf.shape(values)[:-1]) * replica.num_replicas_in_sync, tf.float32)
        # Equal on all replicas, and near the mean once training is under way: little is lost in the difference below.
        shift = tf.stop_gradient(tf.convert_to_tensor(self.moving_mean))
        shifted = values - shift
        sums = tf.concat([tf.reduce_sum(shifted, _AXES), tf.reduce_sum(tf.square(shifted), _AXES)], axis=0)
        offset, square = tf.split(replica.all_reduce(tf.distribute.ReduceOp.SUM, sums) / count, 2)
        return offset + shift, tf.maximum(square - tf.square(offset), 0.0), count

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign_sub((moving - tf.stop_gradient(batch)) * (1.0 - self.momentum))


def estimate(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Sets every batch norm's mean and variance to those over `batches`, for the weights as they are now.

    The averages that training keeps follow weights that move on, and begin at 0 and 1: after few steps, or with a
    momentum near 1, they are of a network that is gone, and what is right in training is wrong in inference.

    Args:
      batches: pictures, float [b, R, R, 3] in [-1, 1], at least one batch, and of a like size.
    """
    layers = [layer for layer in model.submodules if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [(variable, variable.numpy()) for variable in model.non_trainable_weights]  # Ranges move in training too.
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0  # What was in the batch is all that is remembered.
    run = tf.function(lambda images: model(images, training=True), autograph=False, reduce_retracing=True)
    found = []
    for images in batches:
        run(tf.convert_to_tensor(images, tf.float32))
        found.append([(layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in layers])
    for variable, value in kept:
        variable.assign(value)
    for layer, momentum, of_layer in zip(layers, momenta, zip(*found, strict=True), strict=True):
        means, variances = map(np.stack, zip(*of_layer, strict=True))
        layer.momentum = momentum
        layer.moving_mean.assign(means.mean(axis=0))
        layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))  # Within the batches, and between.
