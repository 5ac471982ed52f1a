"""Files as they lie in real data sets and as an enemy would make them, and what must become of each."""

import io
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

TAKEN, CONVERTED, REFUSED = "taken", "converted", "refused"


class Fault(NamedTuple):
    """One file: what it is called, how it is made, what becomes of it, and the reason that is given (a pattern)."""

    file: str
    make: Callable[[], bytes]
    outcome: str
    reason: str = ""


def photo(mode: str = "RGB", height: int = 48, width: int = 64) -> Image.Image:
    """Noise over a gradient: entropy-coded data with something in it."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 40, (height, width, 3))
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def _ycck() -> bytes:
    data = bytearray(encoded(photo("CMYK")))
    data[data.index(b"Adobe") + 11] = 2  # The transform of Adobe's marker: the four components are YCCK.
    return bytes(data)


def _flipped_bit() -> bytes:
    """A restart marker of the wrong number in the middle of the scan."""
    data = bytearray(encoded(photo(), restart_marker_blocks=1))
    data[data.index(b"\xff\xd3") + 1] = 0xD6
    return bytes(data)


def other_band(data: bytes) -> bytes:
    """Ss = Se = 0 in a sequential scan's header, as some Samsung phones write it."""
    at = data.index(b"\xff\xda")
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[: end - 3] + bytes(3) + data[end:]


def before_end(data: bytes, more: bytes) -> bytes:
    """Bytes between the last code and the end marker, as webcams write them."""
    return data[:-2] + more + data[-2:]


def between(data: bytes, more: bytes) -> bytes:
    """Bytes between two segments, before the first scan."""
    at = data.index(b"\xff\xc4")
    return data[:at] + more + data[at:]


def clear() -> Image.Image:
    """Alpha 0 everywhere, over a picture."""
    image = photo("RGBA")
    image.putalpha(0)
    return image


def _claiming(height: int, width: int) -> bytes:
    data = bytearray(encoded(photo()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def _png(width: int, height: int, bits: int, rows: bytes, *more: tuple[bytes, bytes], colour: int = 0) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, colour, 0, 0, 0])
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big") for name, body in chunks
    )


def noisy_png(bits: int, colour: int = 0, channels: int = 1) -> bytes:
    """A PNG that Pillow does not write: few bits of grey, or 16 of anything."""
    chance, row_bytes = np.random.default_rng(bits + colour), 32 * channels * bits // 8
    rows = b"".join(b"\0" + chance.bytes(row_bytes) for _ in range(24))
    return _png(32, 24, bits, rows, colour=colour)


def _png_bomb() -> bytes:
    """400 megapixels of one bit in 50 KB, honest about it."""
    return _png(20_000, 20_000, 1, bytes(20_000 * 2_501))


def _text_bomb() -> bytes:
    """A small PNG with a text of 100 MB in 100 KB."""
    return _png(8, 8, 8, bytes(8 * 9), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 1)))


def _largest() -> bytes:
    """As large as may be, in 2.5 KB: of all that is taken, what needs the most memory."""
    return encoded(Image.new("RGB", (8000, 8000), (3, 4, 5)), "WEBP", lossless=True)


def many_scans(more: int) -> bytes:
    """The last scan of a progressive JPEG so many times again."""
    data = encoded(photo(), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * more + data[-2:]


def _animated() -> bytes:
    frames = [Image.new("P", (32, 32), colour) for colour in range(4)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _clear_palette() -> bytes:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([10, 20, 30] + [0] * 765)
    return encoded(image, "PNG", transparency=0)


def _sixteen_bits() -> bytes:
    return encoded(Image.fromarray(np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(8, 0)), "PNG")


FAULTS = (
    # As they lie in real data sets. ImageNet has CMYK, a PNG called .JPEG and grey ones.
    Fault("cmyk.JPEG", lambda: encoded(photo("CMYK")), CONVERTED, r"CMYK to RGB"),
    Fault("ycck.JPEG", _ycck, CONVERTED, r"CMYK to RGB"),
    Fault("picture.png", lambda: encoded(photo(), "PNG"), CONVERTED, r"PNG to JPEG"),
    Fault("png.JPEG", lambda: encoded(photo("L"), "PNG"), CONVERTED, r"PNG to JPEG"),
    Fault("animated.gif", _animated, CONVERTED, r"GIF to JPEG"),
    Fault("picture.bmp", lambda: encoded(photo(), "BMP"), CONVERTED, r"BMP to JPEG"),
    Fault("webp.jpg", lambda: encoded(photo(), "WEBP"), CONVERTED, r"WEBP to JPEG"),
    Fault("sixteen_bits.png", _sixteen_bits, CONVERTED, r"PNG to JPEG"),
    Fault("alpha.png", lambda: encoded(photo("RGBA"), "PNG"), CONVERTED, r"PNG to JPEG"),
    Fault("grey_alpha.png", lambda: encoded(photo("LA"), "PNG"), CONVERTED, r"PNG to JPEG"),
    Fault("clear_palette.png", _clear_palette, CONVERTED, r"PNG to JPEG"),
    Fault("grey.JPEG", lambda: encoded(photo("L")), TAKEN),
    Fault("progressive.JPEG", lambda: encoded(photo(), progressive=True), TAKEN),
    Fault("on_its_side.JPEG", lambda: encoded(photo(), exif=exif(6)), TAKEN),
    Fault("broken_exif.JPEG", lambda: encoded(photo(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), TAKEN),
    Fault("motion_photo.JPEG", lambda: encoded(photo(), progressive=True) + b"video\xff\xda" * 194, TAKEN),
    Fault("band.JPEG", lambda: other_band(encoded(photo())), CONVERTED, r"mended without a change of pixels: the band"),
    Fault(
        "before_end.JPEG",
        lambda: before_end(encoded(photo()), b"U" * 10),
        CONVERTED,
        r"mended without a change of pixels: 10 bytes behind a scan",
    ),
    Fault(
        "between.JPEG",
        lambda: between(encoded(photo()), b"\0abc"),
        CONVERTED,
        r"mended without a change of pixels: 4 bytes between segments",
    ),
    Fault("clear.png", lambda: encoded(clear(), "PNG"), CONVERTED, r"PNG to JPEG, alpha 0 everywhere taken as opaque"),
    Fault("comment.gif", lambda: encoded(photo("P"), "GIF", comment=b"x" * 66_000), CONVERTED, r"GIF to JPEG"),
    Fault("garbage_behind.JPEG", lambda: encoded(photo()) + b"<?php ?>" * 500, TAKEN),
    # Damaged.
    Fault("truncated.JPEG", lambda: encoded(photo())[:-300], REFUSED, r"truncated JPEG: Premature end"),
    Fault("corrupt.JPEG", _flipped_bit, REFUSED, r"corrupt JPEG: Corrupt JPEG data"),
    Fault("truncated.png", lambda: encoded(photo(), "PNG")[:-400], REFUSED, r"truncated PNG"),
    Fault("empty.JPEG", lambda: b"", REFUSED, r"empty file"),
    Fault("page.JPEG", lambda: b"<!DOCTYPE html><title>404</title>", REFUSED, r"not a picture: starts with b'<!DOC"),
    Fault("tiff.JPEG", lambda: encoded(photo(), "TIFF"), REFUSED, r"not a picture: starts with b'II\*"),
    # Made to harm.
    Fault("absurd.JPEG", lambda: _claiming(65500, 65500), REFUSED, r"absurd size: 65500 x 65500 pixels"),
    Fault("no_height.JPEG", lambda: _claiming(0, 64), REFUSED, r"absurd size: 64 x 0 pixels"),
    Fault("bomb.png", _png_bomb, REFUSED, r"absurd size: 20000 x 20000 pixels; at most 64,000,000"),
    Fault("text_bomb.png", _text_bomb, REFUSED, r"corrupt PNG: Decompressed data too large"),
    Fault(
        "scans.JPEG",
        lambda: many_scans(92),
        REFUSED,
        r"absurd number of scans: 102; at most 100",
    ),
)
LARGEST = Fault("largest.webp", _largest, CONVERTED, r"WEBP to JPEG")
