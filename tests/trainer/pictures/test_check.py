import io
import random
import struct
import time

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image, PngImagePlugin

from tests.trainer.pictures.faulty_pictures import before_end, between, many_scans, other_band
from trainer import eval_image
from trainer.pictures.check import Refused, normalise


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
    half = Image.new("RGBA", (16, 8), (200, 0, 0, 0))
    half.paste((200, 0, 0, 255), (8, 0, 16, 8))
    picture = normalise(encoded(half, "PNG"))
    assert picture.converted == "PNG to JPEG"
    assert decoded(picture.jpeg)[:, :8].min() >= 254
    assert np.abs(decoded(picture.jpeg)[:, 8:].astype(int) - (200, 0, 0)).max() <= 2


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_alpha_that_is_0_everywhere_is_taken_as_opaque_and_named(mode, kind):
    image = photo().convert("L" if mode == "LA" else "RGB")
    clear = image.convert(mode)
    clear.putalpha(0)
    data = bmp_with_alpha(clear.convert("RGBA")) if kind == "BMP" else encoded(clear, kind, **EXACT.get(kind, {}))
    picture = normalise(data)
    assert picture.converted == f"{kind} to JPEG, alpha 0 everywhere taken as opaque"
    assert np.abs(decoded(picture.jpeg).astype(int) - np.asarray(image.convert("RGB"))).mean() < 1.5


EXACT = {"WEBP": {"lossless": True, "exact": True}}


def bmp_with_alpha(image: Image.Image) -> bytes:
    """32 bits with a mask for alpha, as Windows' clipboard gives them."""
    body = np.asarray(image)[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    size = (image.width, image.height)
    head = struct.pack("<IiiHHIIiiII", 108, *size, 1, 32, 3, len(body), 0, 0, 0, 0) + masks + b"sRGB" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(body), 0, 0, 14 + len(head)) + head + body


ODDITIES = {
    "band": other_band,
    "ten-before-end": lambda data: before_end(data, b"U" * 10),
    "zeros-before-end": lambda data: before_end(data, bytes(30)),
    "1483-before-end": lambda data: before_end(data, random.Random(0).randbytes(1483).replace(b"\xff", b"\0")),
    "between-segments": lambda data: between(data, b"\0abc"),
    "all-of-them": lambda data: other_band(between(before_end(data, b"U" * 10), b"\0abc")),
}
SOUND = {
    "default": {},
    "444": {"subsampling": 0},
    "422": {"subsampling": 1},
    "restarts": {"restart_marker_blocks": 3},
    "best": {"quality": 100},
}


@pytest.mark.parametrize("options", SOUND.values(), ids=SOUND)
@pytest.mark.parametrize("grey", [False, True], ids=["colour", "grey"])
@pytest.mark.parametrize("oddity", ODDITIES.values(), ids=ODDITIES)
def test_what_libjpeg_warns_of_and_costs_no_pixel_is_taken_and_noted(oddity, grey, options):
    sound = encoded(photo().convert("L" if grey else "RGB"), **options)
    picture = normalise(oddity(sound))
    assert (picture.converted or "").startswith("mended without a change of pixels: ")
    np.testing.assert_array_equal(decoded(picture.jpeg), decoded(sound))
    np.testing.assert_array_equal(decoded(picture.jpeg), decoded(oddity(sound)))  # Nor do others see another picture.
    np.testing.assert_array_equal(eval_image.decode(picture.jpeg), eval_image.decode(sound))


def test_a_lost_scan_of_a_progressive_jpeg_is_damage_though_the_rest_decodes():
    data = bytearray(encoded(photo(), progressive=True))
    data[data.rindex(b"\xff\xda")] = 0
    with pytest.raises(Refused, match="corrupt JPEG"):
        normalise(bytes(data))


def test_a_video_behind_a_progressive_jpeg_is_no_scan():
    data = encoded(photo(), progressive=True)
    assert normalise(data + b"ftypmp42\xff\xda" * 194).converted is None


@pytest.mark.parametrize("options", [{"icc_profile": random.Random(0).randbytes(3_000_000)}, {"pnginfo": "xmp"}])
def test_a_png_may_have_megabytes_of_profile_or_of_xmp(options):
    if "pnginfo" in options:
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", "<x>" + " history" * 400_000, zip=True)
        options = {"pnginfo": text}
    assert normalise(encoded(photo(), "PNG", **options)).converted == "PNG to JPEG"


@pytest.mark.parametrize(("kind", "more"), [("GIF", {"comment": b"x" * 66_000}), ("PNG", {})])
def test_a_comment_longer_than_a_jpegs_may_be_stops_no_conversion(kind, more):
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("comment", "x" * 70_000, zip=True)
        more = {"pnginfo": text}
    image = photo().convert("P") if kind == "GIF" else photo()
    assert normalise(encoded(image, kind, **more)).converted == f"{kind} to JPEG"


def test_the_message_of_a_picture_that_is_too_large_names_the_option():
    with pytest.raises(Refused, match=r"64 x 48 pixels; at most 3,071, or as many as --max-pixels allows"):
        normalise(encoded(photo()), max_pixels=3071)


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
    "many-scans": (many_scans(92), r"absurd number of scans: 102"),
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
