"""Pure image functions: one JPEG → one float picture in [-1, 1], as the reference's inception_preprocessing.py does it.

Random functions take a `seed` (int64 [2]) and are stateless: the same seed gives the same picture, eagerly and in
tf.data, whatever the number of threads. The bilinear kernel is TF1's (no half-pixel centres, no antialias): TF2's
differs by up to 2.0 on a textured picture.
"""

from __future__ import annotations

import tensorflow as tf

CENTRAL_FRACTION = 0.875  # Of each side: 76.6 % of the area.
BRIGHTNESS = 32 / 255
SATURATION = (0.5, 1.5)
MIN_OBJECT_COVERED = 0.1
ASPECT_RATIO = (0.75, 1.33)
AREA = (0.05, 1.0)
SHIFT = 1 / 14  # Of the side: 2 pixels of 28.


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """JPEG bytes → float [H, W, 3] in [0, 1]; grey pictures get three equal channels."""
    return tf.image.convert_image_dtype(tf.image.decode_jpeg(encoded, channels=3), tf.float32)


def eval_image(encoded: tf.Tensor, *, resolution: int, central_fraction: float = CENTRAL_FRACTION) -> tf.Tensor:
    """JPEG bytes → float [R, R, 3] in [-1, 1]: the central part, resized without keeping the aspect ratio."""
    return eval_preprocess(decode(encoded), resolution=resolution, central_fraction=central_fraction)


def eval_preprocess(image: tf.Tensor, *, resolution: int, central_fraction: float = CENTRAL_FRACTION) -> tf.Tensor:
    """Float [H, W, 3] in [0, 1] → float [R, R, 3] in [-1, 1] (`preprocess_for_eval` of the reference)."""
    if central_fraction < 1.0:
        image = tf.image.central_crop(image, central_fraction)
    return scale(resize(image, resolution))


def inception_train_image(encoded: tf.Tensor, seed: tf.Tensor, *, resolution: int) -> tf.Tensor:
    """JPEG bytes → float [R, R, 3]: a sampled box, mirrored half the time, colours distorted (fast mode)."""
    box_seed, flip_seed, color_seed = (tf.random.experimental.stateless_fold_in(seed, i) for i in range(3))
    image = sampled_box(decode(encoded), box_seed)
    image = tf.image.stateless_random_flip_left_right(resize(image, resolution), flip_seed)
    return scale(distort_color(image, color_seed))


def shifted_train_image(encoded: tf.Tensor, seed: tf.Tensor, *, resolution: int, central_fraction: float) -> tf.Tensor:
    """JPEG bytes → float [R, R, 3]: the evaluation's picture, shifted by up to 1/14 and mirrored half the time.

    For small centred pictures, where a sampled box of 5 % of the area holds nothing to learn from.
    """
    shift_seed, flip_seed = (tf.random.experimental.stateless_fold_in(seed, i) for i in range(2))
    image = eval_image(encoded, resolution=resolution, central_fraction=central_fraction)
    margin = max(1, round(resolution * SHIFT))
    padded = tf.pad(image, [[margin, margin], [margin, margin], [0, 0]], mode="SYMMETRIC")
    image = tf.image.stateless_random_crop(padded, (resolution, resolution, 3), shift_seed)
    return tf.image.stateless_random_flip_left_right(image, flip_seed)


def resize(image: tf.Tensor, resolution: int) -> tf.Tensor:
    """Float [H, W, C] → [R, R, C] with TF1's bilinear kernel (align_corners=False, half_pixel_centers=False)."""
    return tf.compat.v1.image.resize_bilinear(image[tf.newaxis], (resolution, resolution))[0]


def scale(image: tf.Tensor) -> tf.Tensor:
    """[0, 1] → [-1, 1], in the reference's two steps so that every bit is the same."""
    return (image - 0.5) * 2.0


def sampled_box(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Crops a box of 5-100 % of the area and an aspect ratio of 3/4-4/3; the whole picture counts as the object."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=seed,
        min_object_covered=MIN_OBJECT_COVERED,
        aspect_ratio_range=ASPECT_RATIO,
        area_range=AREA,
        max_attempts=100,
    )
    return tf.ensure_shape(tf.slice(image, begin, size), (None, None, 3))


def distort_color(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Brightness by up to 32/255, then saturation of 0.5-1.5, clipped to [0, 1] (the reference's fast mode)."""
    image = tf.image.stateless_random_brightness(image, BRIGHTNESS, seed)
    image = tf.image.stateless_random_saturation(image, *SATURATION, tf.random.experimental.stateless_fold_in(seed, 1))
    return tf.clip_by_value(image, 0.0, 1.0)
