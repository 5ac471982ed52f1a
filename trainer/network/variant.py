"""The family: width multiplier and resolution. Without TensorFlow, so that the command line checks them at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

WIDTHS = (1.0, 0.75, 0.5, 0.25)  # The reference's family; any other within the bounds builds too.
RESOLUTIONS = (224, 192, 160, 128)
MIN_WIDTH, MAX_WIDTH = 0.01, 4.0  # Layers of 8 to 10 channels; a float file of 260 MB.
MIN_RESOLUTION = 32  # Pixels: five halvings, and the last feature map is 1x1.
MAX_RESOLUTION = 4096  # Of a .tflite file that tflite_graph reads.


class VariantError(ValueError):
    """A width or a resolution that no MobileNetV1 has."""


@dataclass(frozen=True)
class Variant:
    """One member of the family: the width multiplier and the side of the square input in pixels."""

    width: float
    resolution: int

    def __post_init__(self) -> None:
        if not MIN_WIDTH <= self.width <= MAX_WIDTH:  # So that NaN is refused too.
            raise VariantError(f"width is {self.width}, wanted {MIN_WIDTH} to {MAX_WIDTH}, such as {_listed(WIDTHS)}.")
        if not MIN_RESOLUTION <= self.resolution <= MAX_RESOLUTION:
            raise VariantError(
                f"resolution is {self.resolution}, wanted at least {MIN_RESOLUTION} pixels and at most "
                f"{MAX_RESOLUTION}, such as {_listed(RESOLUTIONS)}."
            )

    @classmethod
    def parse(cls, text: str) -> Variant:
        """`0.25_128` → width 0.25 at 128x128 pixels."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)_(\d{1,5})", text)
        if not match:
            raise VariantError(
                f"{text!r} is not a variant: wanted WIDTH_RESOLUTION, such as 0.25_128. "
                f"The reference has widths {_listed(WIDTHS)} and resolutions {_listed(RESOLUTIONS)}."
            )
        return cls(width=float(match[1]), resolution=int(match[2]))

    @property
    def name(self) -> str:
        """As the reference's table writes it: `0.25_128`, `1.0_224`."""
        text = f"{self.width:.2f}" if round(self.width, 2) == self.width else repr(self.width)
        return f"{text if self.width != int(self.width) else f'{self.width:.1f}'}_{self.resolution}"

    @property
    def id(self) -> str:
        """For node ids, which take letters, digits and hyphens only: `w025-r128`. Up to MAX_WIDTH no two are alike."""
        digits = self.name.rsplit("_", 1)[0].replace(".", "")
        return f"w{digits.ljust(3, '0')}-r{self.resolution}"


def _listed(values: tuple) -> str:
    return ", ".join(map(str, values))
