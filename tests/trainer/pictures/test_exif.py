"""EXIF's orientation: read without a decoder, recorded or applied. Pillow's own reading and turning is the peer."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.trainer.pictures.faulty_pictures import encoded, exif, photo
from trainer.pictures.check import APPLIED, RECORDED, normalise
from trainer.pictures.exif import orientation, upright_box


@pytest.fixture(scope="module")
def smooth() -> Image.Image:
    """A picture whose corners all differ, and that a JPEG keeps well."""
    ramp = np.stack([*np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 48)), np.full((48, 64), 90)], axis=-1)
    return Image.fromarray(ramp.astype(np.uint8))


@pytest.mark.parametrize("turned", range(1, 9))
def test_an_applied_orientation_turns_the_picture_as_pillow_does(smooth, turned):
    data = encoded(smooth, exif=exif(turned), quality=100)
    picture = normalise(data, exif_orientation=APPLIED)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).astype(int)
    got = np.asarray(Image.open(io.BytesIO(picture.jpeg)))
    assert (picture.height, picture.width) == got.shape[:2] == expected.shape[:2]
    assert np.abs(got - expected).mean() < 1
    assert picture.converted == (None if turned == 1 else f"EXIF orientation applied: {turned}")
    assert picture.orientation == 1
    assert Image.open(io.BytesIO(picture.jpeg)).getexif().get(0x0112, 1) == 1  # No reader turns it a second time.


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_recorded_orientation_leaves_the_bytes_as_they_are(smooth, turned):
    data = encoded(smooth, exif=exif(turned))
    picture = normalise(data, exif_orientation=RECORDED)
    assert (picture.jpeg, picture.converted, picture.orientation) == (data, None, turned)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_bounding_box_stays_around_what_it_was_around(turned):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[6:12, 40:56] = 255
    picture = normalise(encoded(Image.fromarray(pixels), exif=exif(turned), quality=100), exif_orientation=APPLIED)
    lit = np.asarray(Image.open(io.BytesIO(picture.jpeg)).convert("L")) > 128
    (top, bottom), (left, right) = (np.flatnonzero(lit.any(axis=axis))[[0, -1]] for axis in (1, 0))
    shares = (left / picture.width, top / picture.height, (right + 1) / picture.width, (bottom + 1) / picture.height)
    box = upright_box((40 / 64, 6 / 48, 56 / 64, 12 / 48), picture.turned)
    assert box == pytest.approx(shares)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_are_turned_as_they_are_converted(smooth, kind):
    data = encoded(smooth, kind, exif=exif(6))
    recorded, applied = normalise(data), normalise(data, exif_orientation=APPLIED)
    assert (recorded.width, recorded.converted, recorded.orientation) == (64, f"{kind} to JPEG", 6)
    assert (applied.width, applied.orientation) == (48, 1)
    assert applied.converted == f"{kind} to JPEG, EXIF orientation applied: 6"


def test_big_endian_blocks_are_read_too():
    block = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0"
    assert orientation(block) == 8
    assert Image.open(io.BytesIO(encoded(photo(), exif=block))).getexif()[0x0112] == 8


@pytest.mark.parametrize(
    "block",
    [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0XX*\0" + bytes(40), exif(6)[:20], exif(9), exif(0)],
    ids=["nothing", "no-tiff", "directory-outside", "no-byte-order", "cut-off", "nine", "zero"],
)
def test_what_says_nothing_sensible_is_upright(block):
    assert orientation(block) == 1
