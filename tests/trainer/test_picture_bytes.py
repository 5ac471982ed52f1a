"""The signature that takes files, in TensorFlow's graph, against ingestion: the same pixels, or how many off."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.pictures.faulty_pictures import CONVERTED, FAULTS, TAKEN, encoded, exif, noisy_png, photo
from trainer import eval_image, picture_bytes
from trainer.pictures.record import Preprocessing

SIDE = 32
OTHERWISE = {"cmyk.JPEG": 11.0, "ycck.JPEG": 13.0}  # In levels: TensorFlow converts CMYK by a formula of its own.
NEVER = {"webp.jpg"}
TAKEN_FILES = [fault for fault in FAULTS if fault.outcome in (TAKEN, CONVERTED) and fault.file not in NEVER]


def function(how: Preprocessing) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(
        lambda content: picture_bytes.image(content, resolution=SIDE, how=how),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
    )


@pytest.fixture(scope="module")
def recorded():
    return function(Preprocessing())


@pytest.fixture(scope="module")
def applied():
    return function(Preprocessing(exif_orientation="applied"))


@pytest.mark.parametrize("fault", TAKEN_FILES, ids=lambda fault: fault.file)
def test_a_file_gives_the_pixels_that_ingestion_gives(recorded, fault):
    content = fault.make()
    wanted = eval_image.of_file(content, resolution=SIDE, how=Preprocessing())
    off = np.abs(recorded(tf.constant(content)).numpy() - wanted).max() * 127.5
    assert off <= OTHERWISE.get(fault.file, 0.0)
    assert (off > 1) == (fault.file in OTHERWISE)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_is_as_bright_as_ingestion_has_it(recorded, bits):
    content = noisy_png(bits)
    wanted = eval_image.of_file(content, resolution=SIDE, how=Preprocessing())
    np.testing.assert_array_equal(recorded(tf.constant(content)).numpy(), wanted)
    assert wanted.max() > 0.9


@pytest.mark.parametrize("turned", range(1, 9))
def test_an_applied_orientation_is_ingestions_too(recorded, applied, turned):
    content = encoded(photo(), exif=exif(turned))
    how = Preprocessing(exif_orientation="applied")
    found = applied(tf.constant(content)).numpy()
    np.testing.assert_array_equal(found, eval_image.of_file(content, resolution=SIDE, how=how))
    assert np.array_equal(found, recorded(tf.constant(content)).numpy()) == (turned == 1)


@pytest.mark.parametrize("content", [b"", b"no picture", encoded(photo(), "WEBP")], ids=["empty", "text", "webp"])
def test_what_it_cannot_read_is_an_error_that_says_what_it_takes(recorded, content):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"wanted the bytes of a JPEG, PNG, BMP or GIF file"):
        recorded(tf.constant(content))


@pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", exif(6)[:20], exif(9), exif(0)])
def test_a_broken_exif_block_is_upright(recorded, applied, block):
    content = tf.constant(encoded(photo(), exif=block))
    np.testing.assert_array_equal(applied(content).numpy(), recorded(content).numpy())
