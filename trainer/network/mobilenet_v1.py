"""MobileNetV1 as TF-Slim's `mobilenet_v1.py` builds it (arXiv:1704.04861), in tf_keras, ready for quantization.

The reference's constants: BN epsilon 0.001, truncated normal weights of stddev 0.09, ReLU6 after every convolution,
no bias but in the logits, depth truncated (not rounded) and at least 8. The logits are a 1x1 convolution and a
Flatten: a Dense head gets per-tensor int8 weights, and a Reshape with a dynamic batch keeps TFLite off XNNPACK.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainer.keras import keras
from trainer.network.batch_norm import SyncBatchNormalization
from trainer.network.conv_defs import OUTPUT_STRIDES, STEM, blocks, depth
from trainer.network.layer_names import HEAD, float_name
from trainer.network.variant import WIDTHS, Variant, VariantError

__all__ = ["Variant", "VariantError", "build", "depth", "end_points"]

BN_EPSILON = 0.001
BN_MOMENTUM = 0.9997
STDDEV = 0.09
POOL = 7  # The side of the last feature map at 224 pixels.
POOL_STRIDE = 2  # slim.avg_pool2d's own.

_RELU6 = "_Relu6"

BatchNorm = Callable[..., keras.layers.BatchNormalization]


def build(
    *,
    width: float,
    resolution: int | None,
    classes: int,
    dropout: float = 0.001,
    bn_momentum: float = BN_MOMENTUM,
    synchronized: bool = False,
    output_stride: int | None = None,
    explicit_padding: bool = False,
    global_pool: bool = True,
    spatial_squeeze: bool = True,
) -> keras.Model:
    """Builds the network: float [N, R, R, 3] in [-1, 1] → logits [N, classes], background included.

    Layers bear the reference's names: `Conv2d_0`, `Conv2d_1_depthwise`, `Conv2d_1_pointwise`, … with `_BatchNorm` and
    `_Relu6` behind each, and `Logits`. Whatever the arguments, the weights are the same, in the same order.

    Args:
      width: of every layer, above 0.
      resolution: R; None takes pictures of any size, [N, H, W, 3].
      classes: 0 leaves out dropout and logits: pooled features [N, 1, 1, 1024 * width].
      synchronized: batch norm over the pictures of all replicas.
      output_stride: 8 or 16 keep larger feature maps, with dilated depthwise kernels; None and 32 are the same.
      explicit_padding: as many zeros on every side, as PyTorch pads, where SAME has more of them right and below. Same
        shapes, other numbers.
      global_pool: the mean of the last feature map. False is the reference's 7x7 window, stride 2, smaller where the
        map is: the same up to 224 pixels, and a map of logits beyond.
      spatial_squeeze: False leaves the logits [N, h, w, classes].

    Raises:
      VariantError: no such network.
    """
    _check(width, classes, output_stride)
    kind = SyncBatchNormalization if synchronized else keras.layers.BatchNormalization
    batch_norm = functools.partial(kind, momentum=bn_momentum, epsilon=BN_EPSILON)
    images = keras.Input((resolution, resolution, 3), name="images")
    (stride, channels), kernels = STEM, {"batch_norm": batch_norm, "explicit_padding": explicit_padding}
    x = _convolution(images, "Conv2d_0", depth(channels, width), kernel=3, stride=stride, **kernels)
    for number, (stride, rate, channels) in enumerate(blocks(output_stride), start=1):
        x = _depthwise(x, f"Conv2d_{number}_depthwise", stride=stride, rate=rate, **kernels)
        x = _convolution(x, f"Conv2d_{number}_pointwise", depth(channels, width), batch_norm=batch_norm)
    x = _pool(x, global_pool=global_pool)
    if classes:
        x = keras.layers.Dropout(dropout, name="Dropout_1b")(x)
        x = keras.layers.Conv2D(classes, 1, kernel_initializer=_initializer(), name=HEAD)(x)
        x = _squeeze(x) if spatial_squeeze else x
    return keras.Model(images, x, name="MobilenetV1")


def end_points(model: keras.Model) -> dict[str, Any]:
    """The reference's end points by name: `Conv2d_0` … `Conv2d_13_pointwise`, `AvgPool_1a`, `Logits`, `Predictions`.

    The convolutions' are what their ReLU6 gives. `keras.Model(model.input, end_points(model))` computes them all, and
    with a few picked out it is a backbone.

    Args:
      model: of `build`, or fake-quantized by trainer.quantization; without classes it has no logits and predictions.
    """
    layers = {float_name(layer.name): layer for layer in model.layers}
    points = {name.removesuffix(_RELU6): layer.output for name, layer in layers.items() if name.endswith(_RELU6)}
    points["AvgPool_1a"] = layers["AvgPool_1a"].output
    if HEAD in layers:
        points[HEAD] = model.output
        points["Predictions"] = keras.layers.Softmax(name="Predictions")(model.output)
    return points


def _check(width: float, classes: int, output_stride: int | None) -> None:
    if not width > 0:  # So that NaN is refused too.
        raise VariantError(f"width is {width}, wanted above 0, such as {', '.join(map(str, WIDTHS))}.")
    if classes < 0:
        raise VariantError(f"classes is {classes}, wanted the number of outputs, or 0 for the pooled features.")
    if output_stride not in OUTPUT_STRIDES:
        raise VariantError(
            f"output_stride is {output_stride}, wanted one of {', '.join(map(str, OUTPUT_STRIDES))} (None is 32)."
        )


def _convolution(
    x: tf.Tensor,
    name: str,
    filters: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    batch_norm: BatchNorm,
    explicit_padding: bool = False,
) -> tf.Tensor:
    x, padding = _padded(x, name, margin=kernel // 2, explicit=explicit_padding)
    convolution = keras.layers.Conv2D(
        filters, kernel, stride, padding=padding, use_bias=False, kernel_initializer=_initializer(), name=name
    )
    return _normalised(convolution(x), name, batch_norm)


def _depthwise(
    x: tf.Tensor, name: str, *, stride: int, rate: int, batch_norm: BatchNorm, explicit_padding: bool
) -> tf.Tensor:
    x, padding = _padded(x, name, margin=rate, explicit=explicit_padding)
    convolution = keras.layers.DepthwiseConv2D(
        3,
        stride,
        padding=padding,
        dilation_rate=rate,
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=name,
    )
    return _normalised(convolution(x), name, batch_norm)


def _padded(x: tf.Tensor, name: str, *, margin: int, explicit: bool) -> tuple[tf.Tensor, str]:
    """The input of a convolution, and how the convolution itself is to pad."""
    if not explicit:
        return x, "same"
    return keras.layers.ZeroPadding2D(margin, name=f"{name}_Pad")(x), "valid"


def _normalised(x: tf.Tensor, name: str, batch_norm: BatchNorm) -> tf.Tensor:
    x = batch_norm(name=f"{name}_BatchNorm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}{_RELU6}")(x)


def _pool(x: tf.Tensor, *, global_pool: bool) -> tf.Tensor:
    sides = x.shape[1:3]
    if global_pool or all(side is not None and side <= POOL for side in sides):
        return keras.layers.GlobalAveragePooling2D(keepdims=True, name="AvgPool_1a")(x)
    return keras.layers.AveragePooling2D(POOL, POOL_STRIDE, name="AvgPool_1a")(x)


def _squeeze(logits: tf.Tensor) -> tf.Tensor:
    sides = tuple(logits.shape[1:3])
    if sides != (1, 1):
        raise VariantError(
            f"without global_pool the logits are a map of {' x '.join(str(side or 'any') for side in sides)}, which "
            "cannot be squeezed: pass spatial_squeeze=False, or global_pool=True."
        )
    return keras.layers.Flatten(name="SpatialSqueeze")(logits)


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=STDDEV)
