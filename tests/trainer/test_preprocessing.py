"""Preprocessing equals the reference's bit for bit, and where it is random it is a function of the seed."""

import numpy as np
import pytest
import tensorflow as tf

from trainer import preprocessing


@pytest.mark.parametrize("case", ["0_128", "0_224", "1_128", "1_224", "2_128", "3_128"])
def test_eval_preprocessing_equals_the_references_bit_for_bit(oracle, case):
    arrays = oracle("preprocess_eval")
    number, resolution = case.split("_")
    image = tf.image.convert_image_dtype(arrays[f"img{number}"], tf.float32)
    ours = preprocessing.eval_preprocess(image, resolution=int(resolution)).numpy()
    np.testing.assert_array_equal(ours, arrays[f"eval{case}"])


def test_the_same_seed_gives_the_same_picture_eagerly_and_in_tf_data():
    encoded = _jpeg()
    for train_image in _train_images():
        eager = train_image(encoded, tf.constant([1, 2], tf.int64)).numpy()
        seeds = tf.data.Dataset.from_tensors(tf.constant([1, 2], tf.int64))
        [piped] = seeds.map(lambda seed, train_image=train_image: train_image(encoded, seed)).as_numpy_iterator()
        np.testing.assert_allclose(eager, piped, atol=1e-6)


def test_another_seed_gives_another_picture_in_range():
    for train_image in _train_images():
        pictures = [train_image(_jpeg(), tf.constant([1, i], tf.int64)).numpy() for i in range(20)]
        assert len({picture.tobytes() for picture in pictures}) > 15
        assert all(p.shape == (64, 64, 3) and p.min() >= -1 and p.max() <= 1 for p in pictures)


def test_half_of_the_training_pictures_are_mirrored():
    ramp = tf.tile(tf.linspace(0.0, 255.0, 64)[tf.newaxis, :, tf.newaxis], (64, 1, 3))
    encoded = tf.io.encode_jpeg(tf.cast(ramp, tf.uint8), quality=100)
    for train_image in _train_images():
        seeds = [tf.constant([7, i], tf.int64) for i in range(200)]
        rising = sum(bool(p[32, -9, 1] > p[32, 8, 1]) for p in (train_image(encoded, s).numpy() for s in seeds))
        assert 70 < rising < 130  # Binomial(200, 1/2): four standard deviations.


def test_a_grey_jpeg_gets_three_equal_channels():
    grey = tf.io.encode_jpeg(tf.cast(tf.random.stateless_uniform((28, 28, 1), (1, 2)) * 255, tf.uint8))
    image = preprocessing.eval_image(grey, resolution=32).numpy()
    assert image.shape == (32, 32, 3)
    assert (image == image[..., :1]).all()


def _jpeg() -> tf.Tensor:
    noise = tf.random.stateless_uniform((12, 16, 3), (3, 4)) * 255
    return tf.io.encode_jpeg(tf.cast(tf.image.resize(noise, (90, 120)), tf.uint8), quality=95)


def _train_images():
    def inception(encoded, seed):
        return preprocessing.inception_train_image(encoded, seed, resolution=64)

    def shifted(encoded, seed):
        return preprocessing.shifted_train_image(encoded, seed, resolution=64, central_fraction=1.0)

    return inception, shifted
