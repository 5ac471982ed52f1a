"""The numpy preprocessing against TensorFlow's, which is the reference's bit for bit."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from trainer import eval_image, imagenet, preprocessing


def jpeg(height: int, width: int, *, grey: bool = False, **options) -> bytes:
    """Noise on a gradient: every decoder's upsampling and rounding is exercised."""
    rng = np.random.default_rng(height * 1000 + width)
    slope = np.linspace(0, 160, height * width * 3).reshape(height, width, 3)
    pixels = (slope + rng.integers(0, 96, slope.shape)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(("height", "width"), [(28, 28), (375, 500), (161, 203), (97, 64), (1, 1), (3, 700)])
@pytest.mark.parametrize(("resolution", "fraction"), [(128, 0.875), (224, 0.875), (32, 1.0), (96, 0.5)])
def test_it_equals_the_references_preprocessing(height, width, resolution, fraction):
    encoded = jpeg(height, width, quality=90)
    ours = eval_image.eval_image(encoded, resolution=resolution, central_fraction=fraction)
    theirs = preprocessing.eval_image(tf.constant(encoded), resolution=resolution, central_fraction=fraction).numpy()
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1e-6


@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True}, {"quality": 5}, {"grey": True}],
    ids=str,
)
def test_it_decodes_every_kind_of_jpeg_as_tensorflow_does(options):
    encoded = jpeg(75, 101, **options)
    ours = eval_image.eval_image(encoded, resolution=64)
    assert np.abs(ours - preprocessing.eval_image(tf.constant(encoded), resolution=64).numpy()).max() <= 1e-6


@pytest.mark.parametrize("picture", ["0_128", "0_224", "1_128", "1_224", "2_128", "3_128"])
def test_crop_and_resize_equal_the_oracle(oracle, picture):
    arrays = oracle("preprocess_eval")
    number, resolution = picture.split("_")
    image = arrays[f"img{number}"].astype(np.float32) * np.float32(1 / 255)
    ours = eval_image.resize(eval_image.central_crop(image, 0.875), int(resolution)) * np.float32(2) - np.float32(1)
    assert np.abs(ours - arrays[f"eval{picture}"]).max() <= 1e-6


def test_the_default_fraction_is_the_references():
    assert imagenet.CENTRAL_FRACTION == 0.875
