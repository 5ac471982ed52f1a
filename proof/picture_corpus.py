"""Odd pictures as cameras, phones, programs and enemies write them, by name: the sound and the others.

A JPEG is sound where Pillow and TensorFlow show all its pixels, and the same with each of its oddities as without.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PIL import Image, PngImagePlugin

from tests.trainer.pictures import faulty_pictures as faulty
from tests.trainer.pictures.faulty_pictures import before_end, between, encoded, exif, noisy_png, other_band
from tests.trainer.pictures.test_check import bmp_with_alpha

Make = Callable[[], bytes]


def photo(height: int = 80, width: int = 96) -> Image.Image:
    """Shapes, a gradient and some noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    waves = 128 + 100 * np.sin(x / 9 + y / 15)
    pixels = np.stack([x * 255 / max(1, width), y * 255 / max(1, height), waves], -1) + rng.integers(
        0, 30, (1, width, 3)
    )
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _alpha(kind: str = "soft", mode: str = "RGBA") -> Image.Image:
    image = photo().convert(mode)
    image.putalpha(0 if kind == "clear" else Image.linear_gradient("L").resize(image.size))
    return image


def _text(key: str, text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, text, zip=True)
    return info


def _ycck() -> bytes:
    data = bytearray(encoded(photo().convert("CMYK")))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def _frames(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 30), (60 * place, 90, 200)) for place in range(4)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def _sound() -> dict[str, Make]:
    jpeg: dict[str, Make] = {
        f"quality {quality}, subsampling {subsampling}": partial(
            encoded, photo(), quality=quality, subsampling=subsampling
        )
        for quality in (20, 75, 95)
        for subsampling in (0, 1, 2)
    }
    jpeg |= {f"EXIF {turned}": partial(encoded, photo(), exif=exif(turned)) for turned in range(1, 9)}
    jpeg |= {f"EXIF {turned}, progressive": partial(encoded, photo(), exif=exif(turned), progressive=True)
             for turned in (3, 6, 8)}  # fmt: skip
    kinds = {"grey": photo().convert("L"), "colour": photo()}
    for name, image in kinds.items():
        plain = partial(encoded, image)
        jpeg |= {
            f"{name}, progressive": partial(encoded, image, progressive=True),
            f"{name}, restart markers": partial(encoded, image, restart_marker_blocks=3),
            f"{name}, optimized": partial(encoded, image, optimize=True),
            f"{name}, Ss = Se = 0": lambda plain=plain: other_band(plain()),
            f"{name}, 10 bytes before the end": lambda plain=plain: before_end(plain(), b"U" * 10),
            f"{name}, 1483 bytes before the end": lambda plain=plain: before_end(
                plain(), b"\x5a\xa5\x11" * 494 + b"\1"
            ),
            f"{name}, 40 zeros before the end": lambda plain=plain: before_end(plain(), bytes(40)),
            f"{name}, bytes between segments": lambda plain=plain: between(plain(), b"\0abc"),
            f"{name}, garbage behind": lambda plain=plain: plain() + b"<?php ?>" * 500,
            f"{name}, two end markers": lambda plain=plain: plain() + b"\xff\xd9",
        }
    jpeg |= {
        "motion photo": lambda: encoded(photo(), progressive=True) + b"ftypmp42\xff\xda" * 194,
        "CMYK": lambda: encoded(photo().convert("CMYK")),
        "YCCK": _ycck,
        "RGB without YCC": lambda: encoded(photo(), keep_rgb=True),
        "3 MB of ICC": lambda: encoded(photo(), icc_profile=bytes(3_000_000)),
        **{f"{w} x {h}": partial(encoded, photo(h, w)) for w, h in ((1, 1), (1, 90), (90, 1), (7, 9), (640, 37))},
    }
    modes = ("1", "L", "P", "RGB", "LA", "RGBA")
    png: dict[str, Make] = {f"mode {mode}": partial(encoded, photo().convert(mode), "PNG") for mode in modes}
    png |= {
        **{f"{bits} bits of grey": partial(noisy_png, bits) for bits in (2, 4, 16)},
        "16 bits of RGB": partial(noisy_png, 16, 2, 3),
        "16 bits of grey and alpha": partial(noisy_png, 16, 4, 2),
        "16 bits of RGBA": partial(noisy_png, 16, 6, 4),
        "soft alpha": lambda: encoded(_alpha(), "PNG"),
        "grey, soft alpha": lambda: encoded(_alpha(mode="LA"), "PNG"),
        "alpha 0 everywhere": lambda: encoded(_alpha("clear"), "PNG"),
        "grey, alpha 0 everywhere": lambda: encoded(_alpha("clear", "LA"), "PNG"),
        "one transparent colour": lambda: encoded(photo().convert("P"), "PNG", transparency=0),
        "3 MB of XMP": lambda: encoded(photo(), "PNG", pnginfo=_text("XML:com.adobe.xmp", " history" * 400_000)),
        "a long comment": lambda: encoded(photo(), "PNG", pnginfo=_text("comment", "x" * 70_000)),
        "EXIF 6": lambda: encoded(photo(), "PNG", exif=exif(6)),
    }
    bmp: dict[str, Make] = {
        f"mode {mode}": partial(encoded, photo().convert(mode), "BMP") for mode in ("1", "L", "RGB")
    }
    bmp |= {
        "alpha 0 everywhere": lambda: bmp_with_alpha(_alpha("clear")),
        "soft alpha": lambda: bmp_with_alpha(_alpha()),
    }
    gif: dict[str, Make] = {
        "plain": lambda: encoded(photo(), "GIF"),
        "animated": lambda: _frames("GIF"),
        "a comment of 66 KB": lambda: encoded(photo(), "GIF", comment=b"x" * 66_000),
    }
    webp: dict[str, Make] = {
        "lossy": lambda: encoded(photo(), "WEBP"),
        "lossless": lambda: encoded(photo(), "WEBP", lossless=True),
        "soft alpha": lambda: encoded(_alpha(), "WEBP", lossless=True),
        "animated": lambda: _frames("WEBP"),
    }
    kinds_of_files = {"JPEG": jpeg, "PNG": png, "BMP": bmp, "GIF": gif, "WebP": webp}
    return {f"{kind}: {name}": make for kind, made in kinds_of_files.items() for name, make in made.items()}


def _flipped(place: float) -> bytes:
    """A bad Huffman code: all ones, which no table of Pillow's has, in the middle of a scan."""
    data = bytearray(encoded(photo()))
    start = data.index(b"\xff\xda") + 14
    at = start + int((len(data) - start) * place)
    data[at : at + 6] = b"\xff\x00\xff\x00\xff\x00"
    return bytes(data)


def _damaged() -> dict[str, Make]:
    cut: dict[str, Make] = {
        f"JPEG cut at {share:.0%}": lambda share=share: (data := encoded(photo()))[: int(len(data) * share)]
        for share in (0.3, 0.6, 0.9)
    }
    return {
        **cut,
        "JPEG without an end marker": lambda: encoded(photo())[:-2],
        **{f"JPEG, bad Huffman codes at {place:.0%}": partial(_flipped, place) for place in (0.2, 0.5, 0.8)},
        **{fault.file: fault.make for fault in faulty.FAULTS if fault.outcome == faulty.REFUSED},
    }


SOUND: Mapping[str, Make] = _sound()
DAMAGED: Mapping[str, Make] = _damaged()
