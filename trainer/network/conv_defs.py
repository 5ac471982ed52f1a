"""The reference's conv defs: strides and depths of the network's convolutions. Without TensorFlow, as variant.py."""

from __future__ import annotations

from collections.abc import Iterator

MIN_DEPTH = 8

STEM = (2, 32)  # stride, depth
BLOCKS = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
OUTPUT_STRIDES = (None, 8, 16, 32)


def depth(channels: int, width: float) -> int:
    """The reference's rule: truncated, and never under 8."""
    return max(int(channels * width), MIN_DEPTH)


def blocks(output_stride: int | None) -> Iterator[tuple[int, int, int]]:
    """Stride, dilation rate and depth of each depthwise-separable block.

    Once the input has been reduced by `output_stride`, strides become 1 and the rates of the blocks behind grow by
    them, so that every kernel sees what it saw before. None reduces it by 32, as in classification.
    """
    reduced, rate = STEM[0], 1
    for stride, channels in BLOCKS:
        if reduced == output_stride:
            yield 1, rate, channels
            rate *= stride
        else:
            yield stride, 1, channels
            reduced *= stride
