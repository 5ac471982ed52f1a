"""Run by test_train_step.py in a process of its own, without oneDNN: our loop's step on the reference's batch.

Writes ce, reg, `after/<variable>`, and `flips` [values, units]: what each unit near a ReLU6 boundary adds to the step
when it falls on the other side.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.recipes import imagenet
from trainer.slim import checkpoint
from trainer.training import loop, optimizer
from trainer.training.training_task import Task

ORACLE = Path(__file__).parents[2] / "data" / "oracle"
RECIPE = dataclasses.replace(imagenet.FLOAT, batch_size=8, dropout=0.0)
NEAR = 1.5e-5  # Of a boundary: float32's rounding after 27 layers.


def main(output: str) -> None:
    arrays = np.load(ORACLE / "train_step_0.25_128.npz", allow_pickle=False)
    prefix = ORACLE / "mobilenet_v1_0.25_128.ckpt"
    weights = checkpoint.import_tf1(prefix, width=0.25, resolution=128, classes=1001).get_weights()
    folder = tempfile.mkdtemp()
    run = loop._Run(Task(RECIPE, 128, 1001, [], 8000, [], folder, folder), tf.distribute.get_strategy(), _network())
    run.model.set_weights(weights)
    regularization = float(optimizer.l2_loss(run.kernels, RECIPE.l2))
    run.train_step((tf.constant(arrays["input"]), tf.constant(arrays["labels"])))
    variables = checkpoint.reference_variables(run.model)
    after = {name: variables[name.removeprefix("after/")].numpy() for name in arrays.files if "after/" in name}
    names = [name.removeprefix("after/") for name in after if "/moving_" not in name]
    flips = _steps_with_one_mask_flipped(arrays, weights, names)
    np.savez(output, ce=float(run.loss.result()), reg=regularization, kernels=len(run.kernels), flips=flips, **after)


def _network() -> keras.Model:
    return mobilenet_v1.build(width=0.25, resolution=128, classes=1001, dropout=RECIPE.dropout)


def _steps_with_one_mask_flipped(arrays, weights, names) -> np.ndarray:
    model, flip = _network_with_flips()
    model.set_weights(weights)
    images, labels = tf.constant(arrays["input"]), tf.constant(arrays["labels"])
    inputs = [layer.input for layer in model.layers if layer.name.endswith("_Relu6")]
    units = [
        (layer.removesuffix("_BatchNorm") + "_Relu6", tuple(map(int, index)))
        for layer, values in zip(
            _batch_norms(model), keras.Model(model.input, inputs)(images, training=True), strict=True
        )
        for boundary in (0.0, 6.0)
        for index in np.argwhere(np.abs(values.numpy() - boundary) < NEAR)
    ]
    plain = _step(model, weights, names, images, labels)
    columns = []
    for layer, index in units:
        flip.clear()
        flip[layer] = index
        columns.append(_step(model, weights, names, images, labels) - plain)
    return np.stack(columns, axis=1)


def _step(model, weights, names, images, labels) -> np.ndarray:
    model.set_weights(weights)
    variables = checkpoint.reference_variables(model)
    chosen = [variables[name] for name in names]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(loop.cross_entropy(model(images, training=True), labels))
    return -RECIPE.peak_lr * np.concatenate([g.numpy().ravel() for g in tape.gradient(loss, chosen)])


def _batch_norms(model) -> list[str]:
    return [layer.name for layer in model.layers if layer.name.endswith("_BatchNorm")]


def _network_with_flips() -> tuple[keras.Model, dict[str, tuple[int, ...]]]:
    """The network, with one unit's ReLU6 mask inverted in the gradient: {layer: index}, filled by the caller."""
    flip: dict[str, tuple[int, ...]] = {}

    class Relu6(keras.layers.Layer):
        def call(self, inputs):
            @tf.custom_gradient
            def relu6(values):
                mask = (values > 0) & (values < 6)
                if self.name in flip:
                    mask = tf.math.logical_xor(mask, tf.scatter_nd([flip[self.name]], [True], values.shape))
                return tf.nn.relu6(values), lambda upstream: tf.where(mask, upstream, 0.0)

            return relu6(inputs)

    def clone(layer):
        relu = layer.name.endswith("_Relu6")
        return Relu6(name=layer.name) if relu else layer.__class__.from_config(layer.get_config())

    return keras.models.clone_model(_network(), clone_function=clone), flip


if __name__ == "__main__":
    main(sys.argv[1])
