"""How a .tflite file wants its pictures: what it says of that itself, and whether its input's scale can hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.pictures import record, scaling
from trainer.pictures.record import Preprocessing, RecordError
from trainer.tflite import metadata, normalization
from trainer.tflite.graph import Graph, Tensor, TFLiteError

_CUT_OFF = 0.25  # Of the width of what arrives: calibration on dull pictures leaves less out, a wrong range half of it.
_LEAST_USED = 0.55  # Of the file's codes. [-1, 1] for a file of [0, 255] would use three of 256; [0, 1] for ours, half.


def said(file: bytes, graph: Graph) -> dict[str, Any]:
    """What the file says, as arguments of Preprocessing; {} of one that says nothing.

    Raises:
      TFLiteError: it says what no preprocessing can do.
    """
    try:
        found = record.fields(metadata.read_preprocessing(file), "the .tflite file")
    except RecordError as error:
        raise TFLiteError(str(error)) from error
    if wanted := normalization.find_normalization(file):
        _check(wanted)
        return {**found, **wanted._asdict()}
    if graph.input.type == "UINT8" and not graph.input.scales:  # It takes the levels themselves.
        return {**found, "mean": (0.0,), "std": (1.0,)}
    return found


def fault(graph: Graph, how: Preprocessing) -> str | None:
    """Why the input cannot hold pictures so prepared, or holds hardly anything else; None where it can."""
    tensor = graph.input
    if not np.issubdtype(np.dtype(tensor.type.lower()), np.integer):
        return None
    low, high = scaling.limits(how)
    least, most = _range(tensor)
    cut = max(0.0, least - low, high - most) / (high - low)
    used = (min(high, most) - max(low, least)) / (most - least)
    if cut <= _CUT_OFF and used >= _LEAST_USED:
        return None
    return (
        f"its {tensor.type.lower()} input stands for numbers from {least:.4g} to {most:.4g}, and pictures would come "
        f"as {low:.4g} to {high:.4g}, which does not fit. Say what it wants: --input-range of mobilenet evaluate, or "
        "metadata in the file."
    )


def _check(wanted: normalization.Normalization) -> None:
    mean, std = wanted
    if not mean or not std or not np.all(np.isfinite([*mean, *std])) or 0 in std:
        raise TFLiteError(f"the file wants the mean {mean} and std {std}: no numbers to divide by.")
    if {len(mean), len(std)} - {1, 3}:
        raise TFLiteError(f"the file has {len(mean)} means and {len(std)} stds, wanted one or three each.")


def _range(tensor: Tensor) -> tuple[float, float]:
    limits = np.iinfo(tensor.type.lower())
    scale, zero = tensor.step
    return (limits.min - zero) * scale, (limits.max - zero) * scale
