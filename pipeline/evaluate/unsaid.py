"""What a model that says nothing of itself is taken to want: the options of `evaluate` as a part of the record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_NUMBER = r"[-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LEVELS = 255.0


def preprocessing(
    *,
    input_range: str | None = None,
    mean: str | None = None,
    std: str | None = None,
    channel_order: str | None = None,
    resize_kernel: str | None = None,
    aspect: str | None = None,
    exif_orientation: str | None = None,
) -> dict[str, Any]:
    """The options that were given, as arguments of trainer.pictures.record.Preprocessing.

    Args:
      input_range: LOW,HIGH: what black and white become. None: with a mean or std 0,255, else not said.
      mean, std: taken away from that and divided by, one number or one for each channel, in the order of the channels.

    Raises:
      ValueError: what was got and what was wanted.
    """
    words = {
        "color": channel_order, "kernel": resize_kernel, "aspect": aspect, "exif_orientation": exif_orientation,
    }  # fmt: skip
    found: dict[str, Any] = {name: value for name, value in words.items() if value is not None}
    if input_range is None and mean is None and std is None:
        return found
    low, high = _range(input_range) if input_range is not None else (0.0, _LEVELS)
    means, deviations = _numbers("--mean", mean, 0.0), _numbers("--std", std, 1.0)
    if any(deviation <= 0 for deviation in deviations):
        raise ValueError(f"--std is {std}, wanted numbers above 0.")
    step = (high - low) / _LEVELS  # A level of 0…255, in the numbers of that range.
    found["mean"] = tuple((number - low) / step for number in means)
    found["std"] = tuple(number / step for number in deviations)
    return found


def _range(text: str) -> tuple[float, float]:
    """Two numbers, and between them whatever people write there."""
    match = re.fullmatch(rf"\s*[\[(]?\s*({_NUMBER})\s*(?:,|:|;|\.\.+|…|\s)\s*({_NUMBER})\s*[\])]?\s*", text)
    low, high = (float(number.replace("−", "-")) for number in match.groups()) if match else (0.0, 0.0)
    if not low < high:
        raise ValueError(
            f"--input-range is {text!r}, wanted LOW,HIGH: what black and white become, such as 0,1 or -1,1."
        )
    return low, high


def _numbers(option: str, text: str | None, default: float) -> Sequence[float]:
    if text is None:
        return (default,)
    parts = re.split(r"[,;\s]+", text.strip().strip("[]()").strip())
    if len(parts) not in (1, 3) or not all(re.fullmatch(_NUMBER, part) for part in parts):
        raise ValueError(f"{option} is {text!r}, wanted one number, or three with commas between them.")
    return [float(part.replace("−", "-")) for part in parts]
