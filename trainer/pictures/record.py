"""What is done to a picture before the network sees it: one record, which travels with a model and which is compared.

Ingestion decides the orientation, alpha and depth; a recipe the crop; the network the rest. What says nothing was made
before there was a record, and is as DEFAULT.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trainer.imagenet import CENTRAL_FRACTION
from trainer.pictures.limits import RECORDED, Orientation

ChannelOrder = Literal["RGB", "BGR"]
Kernel = Literal["tf1-bilinear", "bilinear", "antialias", "bicubic", "nearest", "area"]
Aspect = Literal["stretch", "crop", "pad"]

ALPHA = "on white, opaque where it is 0 everywhere"
DEPTH = "8 bits, the upper ones of 16"
MIDDLE = 127.5  # As mean and deviation: levels of 0…255 → [-1, 1], what the network takes.
_KERNELS: Mapping[str, str] = {
    "tf1-bilinear": "bilinear, align_corners false, half_pixel_centers false",
    "bilinear": "bilinear, half_pixel_centers true",
    "antialias": "bilinear, half_pixel_centers true, antialiased",
    "bicubic": "bicubic, half_pixel_centers true",
    "nearest": "nearest, half_pixel_centers true",
    "area": "area",
}
_ASPECTS: Mapping[str, str] = {
    "stretch": "aspect ratio not kept",
    "crop": "the middle square alone",
    "pad": "aspect ratio kept, padded with black",
}


class RecordError(ValueError):
    """Words or numbers that are no preprocessing."""


@dataclass(frozen=True)
class Preprocessing:
    """From a file's bytes to what the network takes; the resolution is the network's own.

    Attributes:
        central_fraction: Of each side of a picture, what is looked at.
        exif_orientation: Whether the picture is turned as EXIF says, or left as it is stored.
        alpha, depth: What becomes of transparency and of 16 bits: there is one way.
        color: The order of the channels.
        kernel, aspect: How the part that is looked at becomes a square.
        mean, std: (level - mean) / std for levels of 0…255; one number, or one for each channel in its order.
    """

    central_fraction: float = CENTRAL_FRACTION
    exif_orientation: Orientation = RECORDED
    alpha: str = ALPHA
    depth: str = DEPTH
    color: ChannelOrder = "RGB"
    kernel: Kernel = "tf1-bilinear"
    aspect: Aspect = "stretch"
    mean: tuple[float, ...] = (MIDDLE,)
    std: tuple[float, ...] = (MIDDLE,)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it: what `fields` reads."""
        said = {name: value for name, value in dataclasses.asdict(self).items() if name not in ("kernel", "aspect")}
        numbers = {name: said[name][0] if len(said[name]) == 1 else list(said[name]) for name in ("mean", "std")}
        return {**said, **numbers, "resize": f"{_KERNELS[self.kernel]}, {_ASPECTS[self.aspect]}"}


DEFAULT = Preprocessing()


def fields(said: Mapping[str, Any], where: object) -> dict[str, Any]:
    """What of a record somebody's JSON says, as arguments of Preprocessing; keys that are not of it are passed over.

    Raises:
      RecordError: a value that no record has.
    """
    found = {name: _read(name, said[name], where) for name in _READERS if name in said}
    kernel, aspect = found.pop("resize", (None, None))
    return found | ({"kernel": kernel, "aspect": aspect} if kernel else {})


def of(said: Mapping[str, Any], where: object) -> Preprocessing:
    """The whole record; what is not said is as in DEFAULT."""
    return Preprocessing(**fields(said, where))


def differences(one: Preprocessing, other: Preprocessing) -> list[tuple[str, Any, Any]]:
    """(field, value in the one, value in the other) of each that differs, as JSON has them."""
    first, second = one.as_dict(), other.as_dict()
    return [(name, first[name], second[name]) for name in first if first[name] != second[name]]


def _read(name: str, value: Any, where: object) -> Any:
    wanted, read = _READERS[name]
    try:
        return read(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        shown = json.dumps(value, default=str)[:100]
        raise RecordError(f"{where}: {name} is {shown}, wanted {wanted}. Write it again with this version.") from error


def _share(value: Any) -> float:
    share = float(value)
    if isinstance(value, (bool, str)) or not 0 < share <= 1:
        raise ValueError
    return share


def _one_of(*choices: str) -> Any:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return value

    return f"one of {'; '.join(choices)}", read


def _numbers(value: Any) -> tuple[float, ...]:
    numbers = tuple(float(each) for each in (value if isinstance(value, (list, tuple)) else [value]))
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers


def _positive(value: Any) -> tuple[float, ...]:
    numbers = _numbers(value)
    if 0 in numbers:
        raise ValueError
    return numbers


_RESIZES = {f"{_KERNELS[k]}, {_ASPECTS[a]}": (k, a) for k, a in itertools.product(_KERNELS, _ASPECTS)}
_READERS: Mapping[str, tuple[str, Any]] = {
    "central_fraction": ("more than 0 and at most 1", _share),
    "exif_orientation": _one_of(*get_args(Orientation)),
    "alpha": _one_of(ALPHA),
    "depth": _one_of(DEPTH),
    "color": _one_of(*get_args(ChannelOrder)),
    "resize": ("a kernel that this version knows", lambda value: _RESIZES[value]),
    "mean": ("one finite number, or three", _numbers),
    "std": ("one finite number other than 0, or three", _positive),
}
