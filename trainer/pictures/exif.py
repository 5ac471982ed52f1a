"""EXIF's orientation: which of a stored picture's corners a camera meant to be up, and turning it so."""

from collections.abc import Callable
from typing import Literal

from PIL import Image

Box = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax, as shares of the picture's width and height.

UPRIGHT = 1
_TAG = 0x0112
_MOST_ENTRIES = 1000  # Of a directory; cameras write some tens.
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Where a point (x, y) of the stored picture lies in the upright one, as shares of its width and height.
_MOVES: dict[int, Callable[[float, float], tuple[float, float]]] = {
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}


def orientation(exif: bytes) -> int:
    """1 to 8, of an EXIF block with or without its `Exif\\0\\0`; 1, upright, where it says nothing that can be read."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    directory = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[directory : directory + 2], order)
    for at in range(directory + 2, directory + 2 + 12 * min(count, _MOST_ENTRIES), 12):
        if int.from_bytes(tiff[at : at + 2], order) == _TAG:
            value = int.from_bytes(tiff[at + 8 : at + 10], order)
            return value if value in _TURNS else UPRIGHT
    return UPRIGHT


def upright(image: Image.Image, turned: int) -> Image.Image:
    """The picture as it was meant to be seen, where EXIF says `turned`."""
    return image.transpose(_TURNS[turned]) if turned in _TURNS else image


def upright_box(box: Box, turned: int) -> Box:
    """A box of the stored picture in the picture that `upright` makes of it."""
    if turned not in _MOVES:
        return box
    xs, ys = zip(*(_MOVES[turned](x, y) for x, y in (box[:2], box[2:])), strict=True)
    return min(xs), min(ys), max(xs), max(ys)
