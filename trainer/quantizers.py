"""How each layer's tensors are fake-quantized: what tfmot's default 8-bit scheme gets wrong for this network, mended.

* Depthwise weights get one scale per channel, as in the .tflite file (tfmot trains them with one for all).
* A weight's range is always its current one: no variable to lag a step behind, nothing to synchronise across replicas.
* What follows a ReLU starts at 0 and has one variable; the moving averages are kept per replica and read as their mean.
* Input pictures are in [-1, 1] by construction: their range is a constant, scale 1/128 and zero point 0 as in the
  reference's files, in which no 8-bit pixel falls on the tie between two steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot

from trainer.keras import keras

INPUT_RANGE = (-1.0, 127 / 128)
EMA_DECAY = 0.99  # Of a batch's range. The reference's 0.999 needs thousands of steps, which short runs do not have.
RELU6_MAX = 6.0
# The largest weight must stay inside its range after rounding, or the straight-through gradient stops for it.
_WIDER = 1.0 + 1e-6
_SMALLEST_BOUND = 1e-7  # An all-zero channel still needs a scale above 0.

_quantization = tfmot.quantization.keras
# Seen by every thread, as MirroredStrategy traces each replica in one of its own. tfmot rebuilds quantizers from their
# configs, so there is no object that all of a model's quantizers share.
_delays = []


@contextlib.contextmanager
def delay() -> Iterator[None]:
    """A training step that is traced within observes the activations' ranges and rounds nothing."""
    _delays.append(True)
    try:
        yield
    finally:
        _delays.pop()


def _rounds(training: bool) -> bool:
    return not (training and _delays)


class WeightQuantizer(_quantization.quantizers.Quantizer):
    """int8, narrow range [-127, 127], symmetric, one scale for each slice of the last axis."""

    def build(self, tensor_shape: Any, name: str, layer: keras.layers.Layer) -> dict[str, tf.Variable]:
        """No variables: the range is read off the weights."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        weight = tf.convert_to_tensor(inputs)
        if not _rounds(training):
            return weight
        axes = list(range(len(weight.shape) - 1))
        bound = tf.reduce_max(tf.abs(tf.stop_gradient(weight)), axes) * _WIDER
        bound = tf.maximum(bound, _SMALLEST_BOUND)
        return tf.quantization.fake_quant_with_min_max_vars_per_channel(weight, -bound, bound, 8, narrow_range=True)

    def get_config(self) -> dict[str, Any]:
        return {}


class DepthwiseWeightQuantizer(WeightQuantizer):
    """As WeightQuantizer, for kernels [h, w, C, 1], whose channels lie in the last axis but one."""

    def __call__(self, inputs: Any, training: bool, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        kernel = tf.convert_to_tensor(inputs)
        height, width, channels, multiplier = kernel.shape
        # [h, w, 1, C] is the one form that the converter takes back into the file's depthwise weights.
        flat = super().__call__(tf.reshape(kernel, [height, width, 1, channels * multiplier]), training, weights)
        return tf.reshape(flat, kernel.shape)


class ActivationQuantizer(_quantization.quantizers.Quantizer):
    """int8, one scale, over a moving average of the batches' ranges, which always holds 0.

    Args:
      rectified: nothing is below 0 (behind a ReLU6): the range starts at 0, and at [0, 6] before any batch.
    """

    def __init__(self, rectified: bool) -> None:
        self.rectified = rectified

    def build(self, tensor_shape: Any, name: str, layer: keras.layers.Layer) -> dict[str, tf.Variable]:
        variables = {"max_var": _range_variable(layer, f"{name}_max", RELU6_MAX)}
        if not self.rectified:
            variables["min_var"] = _range_variable(layer, f"{name}_min", -RELU6_MAX)
        return variables

    def __call__(self, inputs: Any, training: bool, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        high, low = weights["max_var"], weights.get("min_var")
        if training:
            values = tf.stop_gradient(inputs)
            _follow(high, tf.maximum(tf.reduce_max(values), 0.0))
            if low is not None:
                _follow(low, tf.minimum(tf.reduce_min(values), 0.0))
        if not _rounds(training):
            return inputs
        return tf.quantization.fake_quant_with_min_max_vars(inputs, 0.0 if low is None else low, high, num_bits=8)

    def get_config(self) -> dict[str, Any]:
        return {"rectified": self.rectified}


class InputQuantizer(_quantization.quantizers.Quantizer):
    """int8 over INPUT_RANGE."""

    def build(self, tensor_shape: Any, name: str, layer: keras.layers.Layer) -> dict[str, tf.Variable]:
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        if not _rounds(training):
            return inputs
        low, high = INPUT_RANGE
        return tf.quantization.fake_quant_with_min_max_args(inputs, min=low, max=high)

    def get_config(self) -> dict[str, Any]:
        return {}


class LayerConfig(_quantization.QuantizeConfig):
    """Which of a layer's tensors are quantized: its weight, its activation, its output.

    Args:
      weight: the attribute that holds it, `kernel` or `depthwise_kernel`.
      activation: quantize what leaves the layer's own activation (where BN follows, tfmot puts a no-op there).
      rectified_output: quantize the output, which is never below 0.
    """

    def __init__(self, weight: str | None = None, activation: bool = False, rectified_output: bool = False) -> None:
        self.weight = weight
        self.activation = activation
        self.rectified_output = rectified_output

    def get_weights_and_quantizers(self, layer: keras.layers.Layer) -> list:
        if not self.weight:
            return []
        quantizer = DepthwiseWeightQuantizer() if self.weight == "depthwise_kernel" else WeightQuantizer()
        return [(getattr(layer, self.weight), quantizer)]

    def get_activations_and_quantizers(self, layer: keras.layers.Layer) -> list:
        return [(layer.activation, ActivationQuantizer(rectified=False))] if self.activation else []

    def set_quantize_weights(self, layer: keras.layers.Layer, quantize_weights: list) -> None:
        if self.weight:
            setattr(layer, self.weight, quantize_weights[0])

    def set_quantize_activations(self, layer: keras.layers.Layer, quantize_activations: list) -> None:
        if self.activation:
            layer.activation = quantize_activations[0]

    def get_output_quantizers(self, layer: keras.layers.Layer) -> list:
        return [ActivationQuantizer(rectified=True)] if self.rectified_output else []

    def get_config(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "activation": self.activation,
            "rectified_output": self.rectified_output,
        }


class Registry(_quantization.default_8bit.Default8BitQuantizeRegistry):
    """tfmot's registry, but for the layers with weights, ReLUs, and the pool behind them.

    Given by a registry and not layer by layer: a layer's own config would switch the Conv-BN-ReLU folding off.
    """

    def get_quantize_config(self, layer: keras.layers.Layer) -> _quantization.QuantizeConfig:
        if type(layer) is keras.layers.Conv2D:
            return LayerConfig(weight="kernel", activation=True)
        if type(layer) is keras.layers.DepthwiseConv2D:
            return LayerConfig(weight="depthwise_kernel", activation=True)
        if type(layer) in (keras.layers.ReLU, keras.layers.GlobalAveragePooling2D):
            return LayerConfig(rectified_output=True)
        return super().get_quantize_config(layer)


class LayoutTransform(_quantization.default_8bit.Default8BitQuantizeLayoutTransform):
    """tfmot's patterns (Conv-BN-ReLU as one), and our own quantizer behind the input."""

    def apply(self, model: keras.Model, layer_quantize_map: dict) -> tuple[keras.Model, dict]:
        transformed, configs = super().apply(model, layer_quantize_map)
        quantizer = {"class_name": InputQuantizer.__name__, "config": {}}
        for layer in transformed.layers:
            if type(layer).__name__ == "QuantizeLayer":
                configs[layer.name] = {"quantizer": quantizer}
        return transformed, configs


class Scheme(_quantization.QuantizeScheme):
    """For tfmot's quantize_apply."""

    def get_layout_transformer(self) -> LayoutTransform:
        return LayoutTransform()

    def get_quantize_registry(self) -> Registry:
        return Registry()


def custom_objects() -> dict[str, type]:
    """What tfmot looks up by name while it wraps a model."""
    kinds = (WeightQuantizer, DepthwiseWeightQuantizer, ActivationQuantizer, InputQuantizer, LayerConfig)
    return {kind.__name__: kind for kind in kinds}


def _range_variable(layer: keras.layers.Layer, name: str, start: float) -> tf.Variable:
    return layer.add_weight(
        name,
        shape=(),
        initializer=keras.initializers.Constant(start),
        trainable=False,
        # As batch norm's moving statistics: each replica follows its own batches, outside they are averaged.
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.MEAN,
    )


def _follow(variable: tf.Variable, batch_value: tf.Tensor) -> None:
    variable.assign_sub((variable - batch_value) * (1.0 - EMA_DECAY))
