"""Batch norm's statistics estimated anew: after few steps they are those of the pictures, whatever averages hold."""

import numpy as np
import pytest
import tensorflow as tf

from trainer import quantization
from trainer.keras import keras
from trainer.network import batch_norm, mobilenet_v1

LABELS = np.arange(64) % 2


def tinted(rng: np.random.Generator) -> np.ndarray:
    """Noise in two tints, a batch of [-1, 1]."""
    images = rng.uniform(-0.6, 0.2, (64, 32, 32, 3)).astype(np.float32)
    images[LABELS == 0, ..., 0] += 0.5
    images[LABELS == 1, ..., 1] += 0.5
    return images


@pytest.fixture(scope="module")
def after() -> dict[int, keras.Model]:
    """The same training, after 10, 30 and 180 steps at a momentum of 0.9."""
    keras.utils.set_random_seed(1)
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=3, dropout=0.0, bn_momentum=0.9)
    optimizer = keras.optimizers.Adam(4e-3)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False)
    def train(images: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    rng, found = np.random.default_rng(1), {}
    for step in range(1, 181):
        train(tf.constant(tinted(rng)))
        if step in (10, 30, 180):
            found[step] = keras.models.clone_model(model)
            found[step].set_weights(model.get_weights())
    return found


def top1(model: keras.Model, *, training: bool = False) -> float:
    images = tf.constant(tinted(np.random.default_rng(2)))
    return float((model(images, training=training).numpy().argmax(axis=1) == LABELS).mean())


@pytest.mark.parametrize("steps", [10, 30, 180])
def test_what_is_right_in_training_mode_is_right_in_inference_after_10_30_and_180_steps(after, steps):
    model, rng = after[steps], np.random.default_rng(3)
    kept = [(layer.momentum, layer.get_weights()[:2]) for layer in norms(model)]
    lagging, trained = top1(model), top1(model, training=True)
    batch_norm.estimate(model, [tinted(rng) for _ in range(4)])
    assert top1(model) >= trained - 0.07  # Four of the 64 pictures: processors differ by two.
    assert trained >= (0.95 if steps >= 30 else 0.8)
    assert lagging <= 0.6 or steps == 180  # What would have shipped.
    for (momentum, (gamma, beta)), layer in zip(kept, norms(model), strict=True):
        assert layer.momentum == momentum
        np.testing.assert_array_equal(layer.get_weights()[:2], [gamma, beta])


def test_the_statistics_are_those_of_all_pictures_together(after):
    model, rng = after[30], np.random.default_rng(4)
    batches = [tinted(rng) for _ in range(3)]
    batch_norm.estimate(model, batches)
    stem = keras.Model(model.input, model.get_layer("Conv2d_0").output)
    values = np.concatenate([stem(batch).numpy() for batch in batches])
    first = norms(model)[0]
    np.testing.assert_allclose(first.moving_mean, values.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(first.moving_variance, values.var(axis=(0, 1, 2)), rtol=1e-3)


def test_a_fake_quantized_networks_ranges_stay(after):
    quantized = quantization.quantize(after[180], calibration=[tinted(np.random.default_rng(5))], freeze_bn=False)
    before = {v.name: v.numpy() for v in quantized.non_trainable_weights if "moving_" not in v.name}
    batch_norm.estimate(quantized, [tinted(np.random.default_rng(6))])
    for variable in quantized.non_trainable_weights:
        if variable.name in before:
            np.testing.assert_array_equal(variable, before[variable.name])


def norms(model: keras.Model) -> list:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
