"""Float model → fake-quantized model, with the float model's weights and with ranges from real pictures.

Ranges first: with tfmot's own start (-6…6 everywhere) a good model scores as chance before its first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

from trainer import quantizers
from trainer.keras import keras
from trainer.network.layer_names import float_name


class QuantizationError(ValueError):
    """A model that cannot be quantized, or pictures that cannot calibrate it."""


def quantize(model: keras.Model, *, calibration: Iterable[np.ndarray] | None, freeze_bn: bool) -> keras.Model:
    """Wraps every layer in tfmot's fake quantization; the float model is left as it was.

    Args:
      model: the functional float model of `mobilenet_v1.build`; its weights are carried over, all of them.
      calibration: batches of pictures, float [b, R, R, 3] in [-1, 1], that set the activations' ranges. None leaves
        [0, 6] behind each ReLU6 and [-6, 6] on the logits: right only where weights are loaded afterwards.
      freeze_bn: batch norm keeps the float model's statistics, gamma and beta in training.

    Returns:
      A model with the same inputs and outputs; its layers bear the float model's names behind `quant_`.
    """
    _check(model)
    # AutoGraph would rewrite every wrapper's code, for ten seconds and to no effect.
    quantized = tf.autograph.experimental.do_not_convert(_wrap)(model, freeze_bn=freeze_bn)
    _carry_over(model, quantized)
    if calibration is not None:
        set_ranges(quantized, activation_ranges(model, calibration, batch_statistics=not freeze_bn))
    return quantized


def copy_float_weights(quantized: keras.Model, model: keras.Model) -> None:
    """Fills a float model of the same network with a fake-quantized model's weights: what it is without rounding."""
    sources = {_key(layer, weight): weight for layer in quantized.layers for weight in layer.weights}
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(sources[_key(layer, weight)])


def activation_ranges(
    model: keras.Model, calibration: Iterable[np.ndarray], *, batch_statistics: bool = False
) -> dict[str, tuple[float, float]]:
    """The float model's layers → the mean over the batches of each one's lowest and highest value.

    That mean is also where the moving averages of training settle; the extremes over all batches did no better.

    Args:
      batch_statistics: widened to what a batch norm that is training lets through. In an untrained network that is
        all there is: its moving statistics let almost nothing through, and such ranges would clip every activation.
    """
    names = [layer.name for layer in model.layers if _has_range(layer)]
    copy = keras.models.clone_model(model)  # Whose moving statistics may move.
    copy.set_weights(model.get_weights())
    probe = keras.Model(copy.inputs, [copy.get_layer(name).output for name in names])

    @tf.function(autograph=False, reduce_retracing=True)
    def batch_ranges(images: tf.Tensor) -> tf.Tensor:
        modes = [probe(images, training=training) for training in ((False, True) if batch_statistics else (False,))]
        return tf.stack([
            [tf.reduce_min(list(map(tf.reduce_min, values))), tf.reduce_max(list(map(tf.reduce_max, values)))]
            for values in zip(*modes, strict=True)
        ])  # fmt: skip

    ranges = [batch_ranges(tf.convert_to_tensor(images, tf.float32)).numpy() for images in calibration]
    if not ranges:
        raise QuantizationError("no pictures to calibrate with: wanted at least one batch of float [b, R, R, 3].")
    mean = np.mean(ranges, axis=0)
    if not np.isfinite(mean).all():
        raise QuantizationError("the float model's activations are not finite on the calibration pictures.")
    return {name: (float(low), float(high)) for name, (low, high) in zip(names, mean, strict=True)}


def set_ranges(quantized: keras.Model, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Sets the activations' ranges by the float model's layer names."""
    for layer in quantized.layers:
        for variable in _range_variables(layer):
            low, high = ranges[float_name(layer.name)]
            # 0 is always in the range (padding is 0), and a scale is above 0.
            variable.assign(min(low, 0.0) if "_min" in variable.name.split("/")[-1] else max(high, 1e-3))


def take_ranges(quantized: keras.Model, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Sets the activations' ranges to those of a quantized checkpoint (`checkpoint.read_ranges`).

    The reference has no range behind its pool: what is averaged lies in the range of the layer before, which is taken.

    Raises:
      QuantizationError: the layers are others than the network's; all are named, and nothing is set.
    """
    layers = {float_name(layer.name): layer for layer in quantized.layers if _range_variables(layer)}
    pool, before = "AvgPool_1a", "Conv2d_13_pointwise_Relu6"
    if pool in layers and before in ranges:
        ranges = {pool: ranges[before], **ranges}
    if missing := sorted(layers.keys() - ranges.keys()):
        raise QuantizationError(
            f"{len(missing)} of {len(layers)} layers have no range in the checkpoint: {', '.join(missing)}. "
            "Calibrate with pictures instead."
        )
    if unknown := sorted(ranges.keys() - layers.keys()):
        raise QuantizationError(f"the checkpoint has ranges of layers that the network lacks: {', '.join(unknown)}.")
    set_ranges(quantized, ranges)


def _range_variables(layer: keras.layers.Layer) -> list[tf.Variable]:
    starts = ("output_", "post_activation_")
    return [weight for weight in layer.non_trainable_weights if weight.name.split("/")[-1].startswith(starts)]


def _has_range(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.ReLU | keras.layers.GlobalAveragePooling2D):
        return True
    return isinstance(layer, keras.layers.Conv2D) and layer.use_bias


def _check(model: keras.Model) -> None:
    if not isinstance(model, keras.Model):
        raise QuantizationError(
            f"got {type(model).__module__}.{type(model).__name__}, wanted a tf_keras model: "
            "build it with trainer.network.mobilenet_v1.build (Keras 3 models cannot be quantized)."
        )
    if not getattr(model, "_is_graph_network", False):
        raise QuantizationError(
            f"{model.name!r} is a {type(model).__name__} that is not functional, wanted keras.Model(inputs, outputs)."
        )
    other = sorted({layer.compute_dtype for layer in model.layers} - {"float32"})
    if other:
        raise QuantizationError(f"{model.name!r} computes in {', '.join(other)}, wanted float32, as fake-quant does.")


def _wrap(model: keras.Model, *, freeze_bn: bool) -> keras.Model:
    keras.backend.reset_uids()  # tfmot lets Keras number its layers within the process: the same model, the same names.
    annotated = tfmot.quantization.keras.quantize_annotate_model(_clone(model, freeze_bn=freeze_bn))
    with keras.utils.custom_object_scope(quantizers.custom_objects()):
        return tfmot.quantization.keras.quantize_apply(annotated, scheme=quantizers.Scheme())


def _clone(model: keras.Model, *, freeze_bn: bool) -> keras.Model:
    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        clone = type(layer).from_config(layer.get_config())
        if freeze_bn and isinstance(layer, keras.layers.BatchNormalization):
            clone.trainable = False
        return clone

    return keras.models.clone_model(model, clone_function=copy)


def _carry_over(model: keras.Model, quantized: keras.Model) -> None:
    """By layer and variable name: tfmot's own copying goes by position."""
    targets = {_key(layer, weight): weight for layer in quantized.layers for weight in layer.weights}
    for layer in model.layers:
        for weight in layer.weights:
            targets[_key(layer, weight)].assign(weight)


def _key(layer: keras.layers.Layer, weight: tf.Variable) -> str:
    return f"{float_name(layer.name)}/{weight.name.split('/')[-1]}"
