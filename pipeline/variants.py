"""Which members of the family `--variants` means: names, patterns, all."""

from __future__ import annotations

from collections.abc import Iterator

from trainer.network.variant import RESOLUTIONS, WIDTHS, Variant, VariantError

ALL = "all"
FAMILY = tuple(Variant(width, resolution) for width in WIDTHS for resolution in RESOLUTIONS)  # The reference's.


def parse(text: str) -> list[Variant]:
    """`0.25_32,0.5_*`, `*_128` or `all` → the variants, each once, in the order in which they were named.

    A star stands for the reference's four widths or four resolutions; a name may be any variant that builds.

    Raises:
      VariantError: a part that is neither, or nothing at all.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise VariantError(
            f"--variants is {text!r}, wanted names with commas between, such as 0.25_64,0.5_128, or 0.25_*, or {ALL}."
        )
    return list(dict.fromkeys(variant for part in parts for variant in _meant(part)))


def _meant(part: str) -> Iterator[Variant]:
    if part == ALL:
        yield from FAMILY
        return
    if "*" not in part:
        yield Variant.parse(part)
        return
    width, _, resolution = part.partition("_")
    if "*" not in (width, resolution) or not (width and resolution):
        raise VariantError(f"{part!r} is no pattern: wanted *_RESOLUTION or WIDTH_*, such as *_128 or 0.25_*.")
    widths = [str(each) for each in WIDTHS] if width == "*" else [width]
    resolutions = [str(each) for each in RESOLUTIONS] if resolution == "*" else [resolution]
    yield from (Variant.parse(f"{one}_{other}") for one in widths for other in resolutions)
