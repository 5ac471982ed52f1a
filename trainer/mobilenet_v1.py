"""MobileNetV1 as TF-Slim's `mobilenet_v1.py` builds it (arXiv:1704.04861), in tf_keras, ready for quantization.

The reference's constants: BN epsilon 0.001, truncated normal weights of stddev 0.09, ReLU6 after every convolution,
no bias but in the logits, depth truncated (not rounded) and at least 8. The logits are a 1x1 convolution and a
Flatten: a Dense head gets per-tensor int8 weights, and a Reshape with a dynamic batch keeps TFLite off XNNPACK.
"""

from __future__ import annotations

import tensorflow as tf

from trainer.keras import keras
from trainer.variant import Variant, VariantError

__all__ = ["Variant", "VariantError", "build", "depth"]

MIN_DEPTH = 8

STEM = (2, 32)  # stride, depth
BLOCKS = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
BN_EPSILON = 0.001
BN_MOMENTUM = 0.9997
STDDEV = 0.09


def depth(channels: int, width: float) -> int:
    """The reference's rule: truncated, and never under 8."""
    return max(int(channels * width), MIN_DEPTH)


def build(
    *,
    width: float,
    resolution: int | None,
    classes: int,
    dropout: float = 0.001,
    bn_momentum: float = BN_MOMENTUM,
) -> keras.Model:
    """Builds the network: float [N, R, R, 3] in [-1, 1] → logits [N, classes], background included.

    `resolution=None` takes any input size (the pool is global). Layers bear the reference's names:
    `Conv2d_0`, `Conv2d_1_depthwise`, `Conv2d_1_pointwise`, … with `_BatchNorm` and `_Relu6` behind each, and `Logits`.
    """
    images = keras.Input((resolution, resolution, 3), name="images")
    stride, channels = STEM
    x = _convolution(images, "Conv2d_0", depth(channels, width), kernel=3, stride=stride, bn_momentum=bn_momentum)
    for number, (stride, channels) in enumerate(BLOCKS, start=1):
        x = _depthwise(x, f"Conv2d_{number}_depthwise", stride=stride, bn_momentum=bn_momentum)
        x = _convolution(x, f"Conv2d_{number}_pointwise", depth(channels, width), bn_momentum=bn_momentum)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="AvgPool_1a")(x)
    x = keras.layers.Dropout(dropout, name="Dropout_1b")(x)
    x = keras.layers.Conv2D(classes, 1, kernel_initializer=_initializer(), name="Logits")(x)
    return keras.Model(images, keras.layers.Flatten(name="SpatialSqueeze")(x), name="MobilenetV1")


def _convolution(
    x: tf.Tensor, name: str, filters: int, *, kernel: int = 1, stride: int = 1, bn_momentum: float
) -> tf.Tensor:
    convolution = keras.layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, kernel_initializer=_initializer(), name=name
    )
    return _normalised(convolution(x), name, bn_momentum)


def _depthwise(x: tf.Tensor, name: str, *, stride: int, bn_momentum: float) -> tf.Tensor:
    convolution = keras.layers.DepthwiseConv2D(
        3, stride, padding="same", use_bias=False, depthwise_initializer=_initializer(), name=name
    )
    return _normalised(convolution(x), name, bn_momentum)


def _normalised(x: tf.Tensor, name: str, momentum: float) -> tf.Tensor:
    x = keras.layers.BatchNormalization(momentum=momentum, epsilon=BN_EPSILON, name=f"{name}_BatchNorm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_Relu6")(x)


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=STDDEV)
