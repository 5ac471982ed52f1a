"""Width multiplier and class count, read off the shapes in a TF-Slim checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from trainer.network import conv_defs
from trainer.network.variant import WIDTHS
from trainer.slim.checkpoint_names import LOGITS, SCOPE, CheckpointError

Shapes = Mapping[str, tuple[int, ...]]

_RANK = 4  # Of a kernel: height, width, inputs, outputs.
_DIGITS = 6


def find_width(shapes: Shapes) -> float:
    """The width multiplier that gives the depths of all layers; of several, the family's or the shortest.

    The stem alone does not tell: it has 8 channels at 0.25 and at all below, and depths are truncated.

    Raises:
      CheckpointError: no layer of the network is there, or no width gives all the depths; they are listed.
    """
    depths = _depths(shapes)
    for width in _candidates(*max(depths.values())):
        if all(conv_defs.depth(channels, width) == found for channels, found in depths.values()):
            return width
    listed = "\n  ".join(f"{name}: {found} channels, {_widths(c, found)}" for name, (c, found) in depths.items())
    raise CheckpointError(f"no width multiplier gives these depths:\n  {listed}")


def find_classes(shapes: Shapes) -> int:
    """The number of outputs, the background included.

    Raises:
      CheckpointError: there are no logits, or no layer of the network is there.
    """
    for name in (f"{LOGITS}/weights", f"{LOGITS}/biases"):
        if shapes.get(name):
            return shapes[name][-1]
    _depths(shapes)
    raise CheckpointError(f"no class count: neither {LOGITS}/weights nor …/biases is there. Give the classes.")


def _depths(shapes: Shapes) -> dict[str, tuple[int, int]]:
    """The network's convolutions that are there: depth at width 1, and depth."""
    depths = {name: (channels, shapes[name][-1]) for name, channels in _layers() if len(shapes.get(name, ())) == _RANK}
    if not depths:
        found = sorted(shapes)
        raise CheckpointError(
            f"not a MobileNetV1 of TF-Slim: none of its convolutions, such as {SCOPE}Conv2d_0/weights, is among the "
            f"{len(found)} variables, such as {', '.join(found[:3])}."
        )
    return depths


def _layers() -> Iterator[tuple[str, int]]:
    """Variables whose last dimension is a depth, and that depth at width 1."""
    yield f"{SCOPE}Conv2d_0/weights", conv_defs.STEM[1]
    for number, (_, channels) in enumerate(conv_defs.BLOCKS, start=1):
        yield f"{SCOPE}Conv2d_{number}_pointwise/weights", channels


def _candidates(channels: int, found: int) -> Iterator[float]:
    """The family's widths, and from the deepest layer, which tells most: found/channels, cut after each digit."""
    yield from WIDTHS
    for digits in range(1, _DIGITS + 1):
        yield math.ceil(found / channels * 10**digits) / 10**digits


def _widths(channels: int, found: int) -> str:
    upper = f"below {(found + 1) / channels:.4g}"
    if found == conv_defs.MIN_DEPTH:
        return f"a width {upper}"
    return f"a width from {found / channels:.4g} and {upper}"
