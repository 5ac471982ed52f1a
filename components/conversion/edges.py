"""The int8 file with uint8 edges must be the same model: the same codes, shifted by 128, on every picture."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trainer.tflite.runner import Runner, dequantize, quantize

BATCH = 64  # Pictures.
_SHIFT = 128


class EdgeError(ValueError):
    """A uint8 file that does not give the int8 file's answers."""


def compare(batches: Iterable[np.ndarray], *, int8: bytes, uint8: bytes) -> int:
    """Runs both files on the same quantized pictures; gives how many there were.

    Args:
        batches: float32 [n, R, R, 3] in [-1, 1].

    Raises:
        EdgeError: the files' quantization or any picture's output codes differ by more than the shift.
    """
    signed, unsigned = Runner(int8), Runner(uint8)
    _check_quantization(signed, unsigned)
    seen, faults, misses = 0, [], 0
    for images in batches:
        # On the grid of the file's own codes, so that no rounding of a tie can differ between the two.
        grid = dequantize(quantize(images, signed.graph.input), signed.graph.input)
        wanted, got = signed.quantized(grid).astype(np.int16), unsigned.quantized(grid).astype(np.int16) - _SHIFT
        faults += [seen + int(row) for row in np.flatnonzero((wanted != got).any(axis=1))]
        misses += int((wanted.argmax(axis=1) != got.argmax(axis=1)).sum())
        seen += len(images)
    if faults:
        raise EdgeError(
            f"the uint8 file's output differs from the int8 file's on {len(faults)} of {seen} pictures (top-1 on "
            f"{misses}), first on picture {faults[0]}; wanted the same codes, shifted by {_SHIFT}. Convert again."
        )
    return seen


def _check_quantization(signed: Runner, unsigned: Runner) -> None:
    for edge in ("input", "output"):
        ours, theirs = getattr(signed.graph, edge), getattr(unsigned.graph, edge)
        wanted = ("INT8", "UINT8", ours.scales, tuple(point + _SHIFT for point in ours.zero_points))
        got = (ours.type, theirs.type, theirs.scales, theirs.zero_points)
        if got != wanted or ours.shape != theirs.shape:
            raise EdgeError(
                f"the {edge}s of the two files are {ours.type} {list(ours.shape)} {ours.scales} {ours.zero_points} and "
                f"{theirs.type} {list(theirs.shape)} {theirs.scales} {theirs.zero_points}; wanted INT8 and UINT8 of "
                f"one shape and scale, the zero points {_SHIFT} apart. Convert again."
            )
