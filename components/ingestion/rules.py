"""What an ingestion lets pass, and what it does with what it takes: one value that travels to every worker."""

from typing import NamedTuple, get_args

from components.data_error import DataError
from components.pictures.check import MAX_PIXELS, RECORDED, Orientation

MAX_REFUSED = 0.001  # Of all pictures. See ingestion_counts.allowed_refusals for small sets.
MAX_LEAKED = 0.01  # Of a split that is measured on.


class Rules(NamedTuple):
    """Args:
    max_refused: Share of refused files above which the ingestion fails; 0 allows none.
    max_leaked: Share of eval's pictures that may be train's too, byte for byte; 0 allows none.
    max_pixels: Larger pictures are refused.
    exif_orientation: `recorded`: pictures stay as stored, as the reference left them, and it is noted on the example.
        `applied`: they are turned, and encoded anew.
    decode_check: Whether every JPEG is decoded strictly, which alone sees damage behind the header.
    """

    max_refused: float = MAX_REFUSED
    max_leaked: float = MAX_LEAKED
    max_pixels: int = MAX_PIXELS
    exif_orientation: Orientation = RECORDED
    decode_check: bool = True


def check(rules: Rules) -> None:
    """Before any work.

    Raises:
        DataError: naming the rule that cannot be kept.
    """
    for name in ("max_refused", "max_leaked"):
        if not 0 <= (share := getattr(rules, name)) <= 1:
            raise DataError(f"{name} is {share}; wanted a share from 0 to 1, such as 0.001 for 0.1 %.")
    if rules.exif_orientation not in get_args(Orientation):
        wanted = " or ".join(get_args(Orientation))
        raise DataError(f"exif_orientation is {rules.exif_orientation!r}; wanted {wanted}.")
