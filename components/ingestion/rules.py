"""What an ingestion lets pass, and what it does with what it takes: one value that travels to every worker.

The fields are options of `run` and `ingest`, settings and parameters of ImageNetExampleGen; a new one is declared here.
"""

import dataclasses

from components.options import option
from trainer.pictures.limits import MAX_PIXELS, RECORDED, Orientation


@dataclasses.dataclass(frozen=True)
class Rules:
    """Of a small set a few files are always let pass: see counts.allowed_refusals."""

    max_refused: float = option(
        0.001,
        "the maximum fraction of files that are no usable pictures; a few are always let pass, none with 0",
        metavar="SHARE",
        strict=True,
        ge=0,
        le=1,
    )
    max_leaked: float = option(
        0.01,
        "the maximum fraction of eval's pictures that are in train too, byte for byte",
        metavar="SHARE",
        strict=True,
        ge=0,
        le=1,
    )
    max_pixels: int = option(
        MAX_PIXELS, "the maximum size of a picture, in pixels; larger ones are refused", strict=True, ge=1
    )
    exif_orientation: Orientation = option(
        RECORDED, "whether EXIF's orientation is recorded, as the reference left pictures, or applied to them"
    )
    decode_check: bool = option(
        True, "whether every JPEG is decoded strictly, which alone finds damage behind the header", strict=True
    )


DEFAULT = Rules()
