"""Moving averages are TF1's, of every variable, and stand in for the weights only where they should."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.keras import keras
from trainer.training.moving_average import MovingAverages


@pytest.mark.parametrize("decay", [0.9, 0.9999])
def test_the_averages_are_those_of_tf1_with_num_updates(decay):
    variable, step = tf.Variable(tf.constant([1.0, -2.0])), tf.Variable(tf.constant(0, tf.int64))
    reference = tf.train.ExponentialMovingAverage(decay, num_updates=step)
    reference.apply([variable])  # Begins as the variable.
    ours = MovingAverages([variable], decay)
    for value in np.random.default_rng(1).normal(size=(100, 2)):
        variable.assign(value)
        reference.apply([variable])
        ours.follow(step)
        step.assign_add(1)
        np.testing.assert_allclose(ours.averages[0].numpy(), reference.average(variable).numpy(), atol=1e-6)
    assert np.abs(ours.averages[0].numpy() - variable.numpy()).max() > 0.1


def test_after_the_first_step_nine_tenths_of_the_average_are_new_whatever_the_decay():
    variable = tf.Variable(1.0)
    averages = MovingAverages([variable], 0.9999)
    variable.assign(11.0)
    averages.follow(tf.constant(0, tf.int64))
    assert float(averages.averages[0]) == pytest.approx(10.0)


def test_batch_norms_statistics_are_averaged_and_whole_numbers_are_not():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    averages = MovingAverages([*layer.weights, tf.Variable(7)], 0.9)
    assert [v.name.split("/")[-1] for v in averages.sources] == [
        "gamma:0",
        "beta:0",
        "moving_mean:0",
        "moving_variance:0",
    ]


def test_evaluation_sees_the_averages_and_leaves_the_weights_as_they_were_even_if_it_fails():
    variable = tf.Variable(tf.constant([0.1, 0.2]))
    averages = MovingAverages([variable], 0.5)
    variable.assign(tf.constant([0.3, 0.7]))
    with pytest.raises(ZeroDivisionError), averages.in_place():
        assert variable.numpy().tolist() == [np.float32(0.1), np.float32(0.2)]
        raise ZeroDivisionError
    assert variable.numpy().tolist() == [np.float32(0.3), np.float32(0.7)]
    averages.hand_over()
    assert variable.numpy().tolist() == [np.float32(0.1), np.float32(0.2)]


def test_without_a_decay_nothing_is_kept():
    averages = MovingAverages([tf.Variable(1.0)], 0.0)
    assert averages.averages == averages.sources == []
