"""EXIF's orientation: which of a stored picture's corners a camera meant to be up, and turning it so."""

from typing import Literal

from PIL import Image

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
