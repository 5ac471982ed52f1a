"""Preprocessing equals the reference's bit for bit, and where it is random it is a function of the seed."""

import numpy as np
import pytest
import tensorflow as tf

from trainer import preprocessing

SEED = np.array([1, 2])
PATCH = np.array([[[0.3, 0.5, 0.4], [0.5, 0.3, 0.4]]], np.float32)  # No step brings it out of [0, 1].
_Y, _X = np.mgrid[:200, :300]
PLACES = np.stack([_Y / 200, _X / 300, np.zeros((200, 300))], -1).astype(np.float32)  # A pixel's values are its place.


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
        np.testing.assert_array_equal(eager, piped)


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


def test_the_colour_steps_equal_the_references_bit_for_bit(oracle, monkeypatch):
    arrays = oracle("color")
    monkeypatch.setattr(tf.image, "stateless_random_brightness", lambda x, *_: tf.image.adjust_brightness(x, 20 / 255))
    monkeypatch.setattr(tf.image, "stateless_random_saturation", lambda x, *_: tf.image.adjust_saturation(x, 1.3))
    image = tf.constant(arrays["x"])
    np.testing.assert_array_equal(preprocessing.brightness(image, SEED), arrays["bright"])
    np.testing.assert_array_equal(preprocessing.saturation(image, SEED), arrays["sat"])
    np.testing.assert_array_equal(preprocessing.distort_color(image, SEED), arrays["fast0"])


@pytest.mark.parametrize(
    ("step", "low", "high"),
    [("brightness", -32 / 255, 32 / 255), ("saturation", 0.5, 1.5), ("hue", -0.2, 0.2), ("contrast", 0.5, 1.5)],
)
def test_each_colour_step_is_drawn_evenly_from_the_references_range(step, low, high):
    drawn = np.sort([MEASURES[step](getattr(preprocessing, step)(PATCH, seed)) for seed in _seeds(400)])
    assert low - 1e-4 <= drawn[0] and drawn[-1] <= high + 1e-4
    # Kolmogorov's distance from the uniform distribution; 1.95 / sqrt(n) is exceeded once in a thousand.
    assert np.abs((drawn - low) / (high - low) - np.linspace(0, 1, 400)).max() < 1.95 / 20


@pytest.mark.parametrize(
    ("color", "shares"),
    [
        ("brightness_first", {("brightness", "saturation"): 1}),
        ("fast", {("brightness", "saturation"): 1 / 4, ("saturation", "brightness"): 3 / 4}),
        (
            "slow",
            {
                ("brightness", "saturation", "hue", "contrast"): 1 / 4,
                ("saturation", "brightness", "contrast", "hue"): 1 / 4,
                ("contrast", "hue", "brightness", "saturation"): 1 / 4,
                ("hue", "saturation", "contrast", "brightness"): 1 / 4,
            },
        ),
    ],
)
def test_a_mode_draws_the_references_orders_as_often_as_the_reference(color, shares):
    drawn = dict.fromkeys(shares, 0)
    picture = tf.random.stateless_uniform((8, 8, 3), (5, 6))
    for seed in _seeds(300):
        got = preprocessing.distort_color(picture, seed, color=color).numpy().tobytes()
        fits = [order for order in shares if _in_turn(picture, seed, order).tobytes() == got]
        if len(fits) == 1:  # Rarely two orders give the same picture.
            drawn[fits[0]] += 1
    count = sum(drawn.values())
    assert count > 290
    for order, share in shares.items():
        assert abs(drawn[order] - count * share) <= 4 * (count * share * (1 - share)) ** 0.5, order


def test_slow_mode_resizes_in_each_of_the_four_ways_a_quarter_of_the_time():
    count = 200
    image, side = preprocessing.decode(_jpeg()), 16
    ways = {method: tf.compat.v1.image.resize(image, (side, side), method) for method in preprocessing.RESIZE_METHODS}
    drawn = dict.fromkeys(ways, 0)
    for seed in _seeds(count):
        got = preprocessing._resize_in_any_way(image, side, seed)
        drawn[next(method for method, wanted in ways.items() if np.array_equal(got, wanted))] += 1
    assert all(abs(times - count / 4) <= 4 * (count * 3 / 16) ** 0.5 for times in drawn.values())


@pytest.mark.parametrize(("boxes", "least"), [(None, 0.1), (np.array([[0.4, 0.4, 0.6, 0.6]], np.float32), 0.05)])
def test_sampled_boxes_keep_to_the_references_areas_and_aspect_ratios(boxes, least):
    areas = []
    for seed in _seeds(300):
        height, width, _ = preprocessing.sampled_box(PLACES, seed, boxes=boxes).shape
        areas.append(height * width / (200 * 300))
        assert 0.75 - 0.02 <= width / height <= 1.33 + 0.02  # Whole pixels.
    assert least - 0.002 <= min(areas) < least + 0.03
    assert 0.7 < max(areas) <= 1.0


def test_sampled_boxes_cover_a_tenth_of_the_object_and_without_boxes_the_whole_picture_is_the_object():
    corner = tf.constant([[0.0, 0.0, 0.2, 0.2]])  # 40 x 60 pixels.
    elsewhere = 0
    for seed in _seeds(150):
        crop = preprocessing.sampled_box(PLACES, seed, boxes=corner).numpy()
        inside = (crop[..., 0] < 0.2) & (crop[..., 1] < 0.2)
        assert inside.sum() >= 0.1 * 40 * 60 - 60  # Whole pixels.
        free = preprocessing.sampled_box(PLACES, seed).numpy()
        elsewhere += not ((free[..., 0] < 0.2) & (free[..., 1] < 0.2)).any()
        none = preprocessing.sampled_box(PLACES, seed, boxes=tf.zeros([0, 4])).numpy()
        np.testing.assert_array_equal(none, free)
    assert elsewhere > 10


def test_an_unknown_colour_mode_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="color is 'vivid', wanted one of brightness_first, fast, slow"):
        preprocessing.inception_train_image(_jpeg(), SEED, resolution=32, color="vivid")  # pyright: ignore[reportArgumentType]


def _hsv(image) -> np.ndarray:
    return tf.image.rgb_to_hsv(image)[0, 0].numpy()


MEASURES = {
    "brightness": lambda image: float(image[0, 0, 0] - PATCH[0, 0, 0]),
    "saturation": lambda image: _hsv(image)[1] / _hsv(PATCH)[1],
    "hue": lambda image: _hsv(image)[0] - _hsv(PATCH)[0],
    "contrast": lambda image: float((image[0, 1, 0] - image[0, 0, 0]) / (PATCH[0, 1, 0] - PATCH[0, 0, 0])),
}


def _seeds(count: int) -> list[tf.Tensor]:
    return [tf.constant([11, i], tf.int64) for i in range(count)]


def _in_turn(image: tf.Tensor, seed: tf.Tensor, order: tuple[str, ...]) -> np.ndarray:
    for step in order:
        image = getattr(preprocessing, step)(image, seed)
    return tf.clip_by_value(image, 0.0, 1.0).numpy()


def _jpeg() -> tf.Tensor:
    noise = tf.random.stateless_uniform((12, 16, 3), (3, 4)) * 255
    return tf.io.encode_jpeg(tf.cast(tf.image.resize(noise, (90, 120)), tf.uint8), quality=95)


def _train_images():
    def inception(color):
        box = tf.constant([[0.2, 0.3, 0.7, 0.8]])
        return lambda encoded, seed: preprocessing.inception_train_image(
            encoded, seed, resolution=64, color=color, boxes=None if color == "fast" else box
        )

    def shifted(encoded, seed):
        return preprocessing.shifted_train_image(encoded, seed, resolution=64, central_fraction=1.0)

    return *map(inception, ("brightness_first", "fast", "slow")), shifted
