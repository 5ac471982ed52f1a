import io
import random
import time

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image

from components.pictures.check import Refused, normalise


def photo(height: int = 48, width: int = 64) -> Image.Image:
    """Noise over a gradient: entropy-coded data with something in it."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 40, (height, width, 3))
    return Image.fromarray(ramp.astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(jpeg: bytes) -> np.ndarray:
    return tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE").numpy()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"subsampling": "4:4:4"},
        {"restart_marker_blocks": 2},
        {"exif": b"Exif\0\0" + b"x" * 99},
    ],
    ids=["baseline", "progressive", "444", "restart-markers", "exif"],
)
def test_a_jpeg_passes_byte_for_byte(options):
    data = encoded(photo(), **options)
    picture = normalise(data)
    assert (picture.jpeg, picture.height, picture.width, picture.grey, picture.converted) == (data, 48, 64, False, None)


def test_a_grey_jpeg_passes_byte_for_byte_and_is_counted_as_grey():
    data = encoded(photo().convert("L"))
    picture = normalise(data)
    assert (picture.jpeg, picture.grey, picture.converted) == (data, True, None)
    assert decoded(picture.jpeg).shape == (48, 64, 3)


def test_one_pixel_is_a_picture():
    picture = normalise(encoded(photo(1, 1)))
    assert (picture.height, picture.width, picture.converted) == (1, 1, None)


def test_a_cmyk_jpeg_becomes_rgb_with_the_colours_pillow_shows():
    cmyk = photo().convert("CMYK")
    data = encoded(cmyk, quality=100)
    picture = normalise(data)
    assert picture.converted == "CMYK to RGB"
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(decoded(picture.jpeg) - expected).mean() < 1.5


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "WEBP"])
def test_other_formats_are_converted_whatever_the_file_is_called(kind):
    image = photo()
    data = encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {}))
    picture = normalise(data)
    assert picture.converted == f"{kind} to JPEG"
    assert (picture.height, picture.width) == (48, 64)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(decoded(picture.jpeg) - expected).mean() < 1.5


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"lossless": True, "exif": b"Exif\0\0x"}], ids=["VP8", "VP8L", "VP8X"]
)
def test_the_size_of_every_kind_of_webp_is_read_from_its_header(options):
    with pytest.raises(Refused, match=r"absurd size: 64 x 48 pixels; at most 3,071"):
        normalise(encoded(photo(), "WEBP", **options), max_pixels=3071)


def test_alpha_lies_on_white():
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert decoded(normalise(encoded(clear, "PNG")).jpeg).min() >= 254


def test_a_palette_with_a_transparent_colour_lies_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30] + [0] * 765)
    assert decoded(normalise(encoded(image, "PNG", transparency=0)).jpeg).min() >= 254


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = Image.fromarray(np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(8, 0))
    values = decoded(normalise(encoded(ramp, "PNG")).jpeg)[4, :, 0].astype(int)
    assert np.abs(values - np.arange(256)).max() <= 2


def jpeg_claiming(height: int, width: int) -> bytes:
    data = bytearray(encoded(photo()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def png_claiming(height: int, width: int) -> bytes:
    data = bytearray(encoded(photo(), "PNG"))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(data)


FAULTS = {
    "empty": (b"", r"^empty file$"),
    "text": (b"This is not a picture.", r"not a picture: starts with b'This is not '; wanted a JPEG"),
    "tiff": (encoded(photo(), "TIFF"), r"not a picture: starts with"),
    "truncated": (encoded(photo())[:-300], r"truncated JPEG: Premature end"),
    "without-end-marker": (encoded(photo())[:-2], r"truncated JPEG"),
    "only-magic": (b"\xff\xd8\xff\xe0", r"truncated JPEG: it ends before its frame header"),
    "scan-first": (b"\xff\xd8\xff\xda\x00\x08" + bytes(40), r"corrupt JPEG: no frame header before the first scan"),
    "arithmetic": (encoded(photo()).replace(b"\xff\xc0", b"\xff\xc9", 1), r"unsupported JPEG: frame type SOF9"),
    "lying-jpeg": (jpeg_claiming(65500, 65500), r"absurd size: 65500 x 65500 pixels; at most 64,000,000"),
    "no-height": (jpeg_claiming(0, 64), r"absurd size: 64 x 0"),
    "lying-png": (png_claiming(60000, 60000), r"absurd size: 60000 x 60000"),
    "too-long-png": (encoded(Image.new("L", (65501, 1)), "PNG"), r"absurd size: 65501 x 1 pixels"),
    "truncated-png": (encoded(photo(), "PNG")[:-400], r"truncated PNG"),
    "png-header-only": (encoded(photo(), "PNG")[:20], r"truncated PNG: 20 bytes"),
    "truncated-gif": (encoded(photo(), "GIF")[:900], r"truncated GIF"),
    "many-scans": (encoded(photo(), progressive=True) + b"\xff\xda" * 92, r"absurd number of scans: 102"),
    "truncated-cmyk": (encoded(photo().convert("CMYK"))[:-300], r"truncated JPEG"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_is_refused_with_its_reason_in_under_a_second(name):
    data, reason = FAULTS[name]
    start = time.perf_counter()
    with pytest.raises(Refused, match=reason):
        normalise(data)
    assert time.perf_counter() - start < 1


def test_the_quick_check_gives_the_verdict_of_a_full_strict_decode_on_damaged_files():
    data, rng, refused = encoded(photo(96, 128)), random.Random(0), 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data) - 4000, len(data))] ^= 1 << rng.randrange(8)
        verdicts = (
            accepts(normalise, bytes(damaged)),
            accepts(lambda d: simplejpeg.decode_jpeg(d, "RGB"), bytes(damaged)),
        )
        assert verdicts[0] == verdicts[1]
        refused += not verdicts[0]
    assert refused > 30  # The damage was not all harmless.


def accepts(check, data: bytes) -> bool:
    try:
        check(data)
    except ValueError:
        return False
    return True


def test_chroma_subsampling_that_simplejpeg_does_not_know_is_converted_not_refused(monkeypatch):
    def unknown(*_, **__):
        raise ValueError("tjDecompressHeader3(): Could not determine subsampling level of JPEG image")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", unknown)
    picture = normalise(encoded(photo()))
    assert picture.converted == "unusual chroma subsampling"
    assert decoded(picture.jpeg).shape == (48, 64, 3)
