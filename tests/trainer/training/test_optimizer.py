"""RMSProp is TF1's, with which the published weights were made, and not Keras's."""

import dataclasses

import numpy as np
import tensorflow as tf

from trainer.keras import keras
from trainer.recipes import released
from trainer.training import optimizer

STEPS, PER_EPOCH = 20, 2
RECIPE = dataclasses.replace(released.FLOAT, epochs=10, decay_rate=0.5)  # So that the rate falls on the way.
START = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
GRADIENTS = np.random.default_rng(2).normal(size=(STEPS, 4, 3)).astype(np.float32)


def _tf1() -> np.ndarray:
    """[STEPS, 4, 3]: the weights after each step of tf.compat.v1's optimizer, in a graph."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weight = tf.compat.v1.get_variable("weight", initializer=START, use_resource=True)
        step = tf.compat.v1.train.get_or_create_global_step()
        gradient = tf.compat.v1.placeholder(tf.float32, START.shape)
        decay_steps = int(RECIPE.decay_epochs * PER_EPOCH)
        rate = tf.compat.v1.train.exponential_decay(
            RECIPE.peak_lr, step, decay_steps, RECIPE.decay_rate, staircase=True
        )
        rmsprop = tf.compat.v1.train.RMSPropOptimizer(rate, RECIPE.rmsprop_rho, RECIPE.momentum, RECIPE.epsilon)
        apply = rmsprop.apply_gradients([(gradient, weight)], global_step=step)
        session.run(tf.compat.v1.global_variables_initializer())
        weights = []
        for value in GRADIENTS:
            session.run(apply, {gradient: value})
            weights.append(session.run(weight))
        return np.array(weights)


def _keras(rmsprop: keras.optimizers.Optimizer) -> np.ndarray:
    weight, weights = tf.Variable(START), []
    for value in GRADIENTS:
        rmsprop.apply_gradients([(tf.constant(value), weight)])
        weights.append(weight.numpy())
    return np.array(weights)


def test_twenty_steps_of_rmsprop_are_those_of_tf1s_graph():
    ours, reference = _keras(optimizer.create(RECIPE, PER_EPOCH)), _tf1()
    np.testing.assert_allclose(ours, reference, atol=1e-6)
    assert np.abs(ours[-1] - START).max() > 0.1


def test_kerass_own_rmsprop_is_another_one():
    theirs = keras.optimizers.RMSprop(RECIPE.peak_lr, RECIPE.rmsprop_rho, RECIPE.momentum, RECIPE.epsilon)
    first = np.abs(_keras(theirs)[0] - _tf1()[0]).max()
    assert first > 1e-3
