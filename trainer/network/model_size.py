"""Multiply-adds and parameters of MobileNetV1, by formula and without TensorFlow: as the reference's table counts them.

Five of the table's rows are not what its code builds (reference_table.py); the other 11 are these numbers, rounded.
"""

from __future__ import annotations

from collections.abc import Iterator

from trainer.network.conv_defs import BLOCKS, STEM, depth

_KERNEL = 3 * 3


def macs(*, width: float, resolution: int, classes: int) -> int:
    """Multiply-adds of one picture, the average pool's additions included; `classes` with the background."""
    side = resolution
    total = 0
    for stride, kernel, channels_in, channels_out in _convolutions(width):
        side = -(-side // stride)
        total += side * side * kernel * channels_in * channels_out
    channels = _features(width)
    return total + side * side * channels + channels * classes


def parameters(*, width: float, classes: int) -> int:
    """Trainable parameters: kernels, two numbers per batch-normalised channel, and the logits with their bias."""
    total = 0
    for _, kernel, channels_in, channels_out in _convolutions(width):
        total += kernel * channels_in * channels_out + 2 * channels_out
    return total + (_features(width) + 1) * classes


def reference_parameters(*, width: float, classes: int) -> int:
    """As the reference's table counts them: beta and the two moving statistics of a channel, but not its gamma.

    Its tests build the network without the argument scope that gives batch norm a gamma, and count all variables.
    """
    return parameters(width=width, classes=classes) + sum(channels for *_, channels in _convolutions(width))


def _convolutions(width: float) -> Iterator[tuple[int, int, int, int]]:
    """Stride, kernel size, channels in (1 for a depthwise one) and channels out, in order."""
    stride, channels = STEM
    previous = depth(channels, width)
    yield stride, _KERNEL, 3, previous
    for stride, channels in BLOCKS:
        yield stride, _KERNEL, 1, previous
        following = depth(channels, width)
        yield 1, 1, previous, following
        previous = following


def _features(width: float) -> int:
    return depth(BLOCKS[-1][1], width)
