"""Pure image functions: one JPEG → one float picture in [-1, 1], as the reference's inception_preprocessing.py does it.

Random functions take a `seed` (int64 [2]) and are stateless: the same seed gives the same picture, eagerly and in
tf.data, whatever the number of threads. The bilinear kernel is TF1's (no half-pixel centres, no antialias): TF2's
differs by up to 2.0 on a textured picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import tensorflow as tf

from trainer.imagenet import CENTRAL_FRACTION
from trainer.pictures.record import DEFAULT, Aspect, Kernel
from trainer.recipe import Color

Step = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # (picture, seed) → picture.

BRIGHTNESS = 32 / 255
SATURATION = (0.5, 1.5)
HUE = 0.2
CONTRAST = (0.5, 1.5)
RESIZE_METHODS = ("bilinear", "nearest", "bicubic", "area")  # Of slow mode; as TF1's ResizeMethod numbers them.
MIN_OBJECT_COVERED = 0.1
ASPECT_RATIO = (0.75, 1.33)
AREA = (0.05, 1.0)
SHIFT = 1 / 14  # Of the side: 2 pixels of 28.


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """JPEG bytes → float [H, W, 3] in [0, 1]; grey pictures get three equal channels."""
    return tf.image.convert_image_dtype(tf.image.decode_jpeg(encoded, channels=3), tf.float32)


def eval_image(
    encoded: tf.Tensor,
    *,
    resolution: int,
    central_fraction: float = CENTRAL_FRACTION,
    kernel: Kernel = DEFAULT.kernel,
    aspect: Aspect = DEFAULT.aspect,
) -> tf.Tensor:
    """JPEG bytes → float [R, R, 3] in [-1, 1]: the central part, resized without keeping the aspect ratio.

    To the bit `eval_preprocess(decode(encoded))`, but what is cropped away is never made float: an eighth less work.

    Args:
      kernel, aspect: of models that are not ours: see trainer.pictures.record.
    """
    pixels = tf.image.decode_jpeg(encoded, channels=3)
    return of_pixels(pixels, resolution=resolution, central_fraction=central_fraction, kernel=kernel, aspect=aspect)


def of_pixels(
    image: tf.Tensor,
    *,
    resolution: int,
    central_fraction: float,
    kernel: Kernel = DEFAULT.kernel,
    aspect: Aspect = DEFAULT.aspect,
) -> tf.Tensor:
    """Uint8 [H, W, 3] → float [R, R, 3] in [-1, 1]; see `eval_image`."""
    image = _central(_middle_square(image) if aspect == "crop" else image, central_fraction)
    image = tf.image.convert_image_dtype(image, tf.float32)
    if (kernel, aspect) in ((DEFAULT.kernel, "stretch"), (DEFAULT.kernel, "crop")):
        return scale(resize(image, resolution))
    return scale(_resize_as_others(image, resolution, kernel, aspect))


def eval_preprocess(image: tf.Tensor, *, resolution: int, central_fraction: float = CENTRAL_FRACTION) -> tf.Tensor:
    """Float [H, W, 3] in [0, 1] → float [R, R, 3] in [-1, 1] (`preprocess_for_eval` of the reference)."""
    return scale(resize(_central(image, central_fraction), resolution))


def inception_train_image(
    encoded: tf.Tensor,
    seed: tf.Tensor,
    *,
    resolution: int,
    color: Color = "brightness_first",
    boxes: tf.Tensor | None = None,
) -> tf.Tensor:
    """JPEG bytes → float [R, R, 3] in [-1, 1]: a sampled box, mirrored half the time, colours distorted.

    Args:
      seed: int64 [2].
      color: which of the colour steps in which order; see `distort_color`. `slow` also draws the way of resizing.
      boxes: float [n, 4] (ymin, xmin, ymax, xmax) in [0, 1]: the sampled box covers at least 10 % of one of them.
        With None or n = 0 the whole picture is the box, as in the packaged trainer.
    """
    box_seed, flip_seed, color_seed, resize_seed = (tf.random.experimental.stateless_fold_in(seed, i) for i in range(4))
    image = sampled_box(decode(encoded), box_seed, boxes=boxes)
    image = _resize_in_any_way(image, resolution, resize_seed) if color == "slow" else resize(image, resolution)
    image = tf.image.stateless_random_flip_left_right(image, flip_seed)
    return scale(distort_color(image, color_seed, color=color))


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


def sampled_box(image: tf.Tensor, seed: tf.Tensor, *, boxes: tf.Tensor | None = None) -> tf.Tensor:
    """Crops a box of 5-100 % of the area and an aspect ratio of 3/4-4/3, which covers 10 % of one of the `boxes`.

    So without boxes, where the whole picture is the one, it has 10-100 % of the area. Where a hundred tries find none,
    the picture stays whole. Boxes as for `inception_train_image`.
    """
    whole = tf.constant([[0.0, 0.0, 1.0, 1.0]])
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        bounding_boxes=(whole if boxes is None else boxes)[tf.newaxis],
        seed=seed,
        min_object_covered=MIN_OBJECT_COVERED,
        aspect_ratio_range=ASPECT_RATIO,
        area_range=AREA,
        max_attempts=100,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.ensure_shape(tf.slice(image, begin, size), (None, None, 3))


def distort_color(image: tf.Tensor, seed: tf.Tensor, *, color: Color = "brightness_first") -> tf.Tensor:
    """Float [R, R, 3] in [0, 1] → the same, its colours distorted and clipped.

    Brightness by up to 32/255, saturation of 0.5-1.5; in slow mode hue by up to 0.2 and contrast of 0.5-1.5 as well.

    Args:
      color: `brightness_first` is the only order of the reference's later fast mode. `fast` is its earlier one: of four
        numbers drawn, the first gives that order and the others saturation first. `slow` draws one of its four orders.

    Raises:
      ValueError: no such mode.
    """
    orders = color_orders(color)
    order = _drawn(seed, len(orders), stream=4)
    image = _switch(order, [lambda steps=steps: _in_turn(image, seed, steps) for steps in orders])
    return tf.clip_by_value(image, 0.0, 1.0)


def color_orders(color: Color) -> tuple[tuple[Step, ...], ...]:
    """The equally likely orders of a mode's steps, by the reference's numbers."""
    orders: dict[str, tuple[tuple[Step, ...], ...]] = {
        "brightness_first": ((brightness, saturation),),
        "fast": ((brightness, saturation), *3 * ((saturation, brightness),)),
        "slow": (
            (brightness, saturation, hue, contrast),
            (saturation, brightness, contrast, hue),
            (contrast, hue, brightness, saturation),
            (hue, saturation, contrast, brightness),
        ),
    }
    if color not in orders:
        raise ValueError(f"color is {color!r}, wanted one of {', '.join(get_args(Color))}.")
    return orders[color]


def brightness(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Adds up to 32/255, or takes it away. Each step draws from a stream of its own, wherever in the order it is."""
    return tf.image.stateless_random_brightness(image, BRIGHTNESS, seed)


def saturation(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Times 0.5-1.5, in HSV."""
    return tf.image.stateless_random_saturation(image, *SATURATION, _stream(seed, 1))


def hue(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turned by up to a fifth of the circle either way."""
    return tf.image.stateless_random_hue(image, HUE, _stream(seed, 2))


def contrast(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Times 0.5-1.5, about each channel's mean."""
    return tf.image.stateless_random_contrast(image, *CONTRAST, _stream(seed, 3))


def _middle_square(image: tf.Tensor) -> tf.Tensor:
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    return tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)


def _resize_as_others(image: tf.Tensor, resolution: int, kernel: Kernel, aspect: Aspect) -> tf.Tensor:
    """With TF2's kernels, whose pixels have their centres at halves; what is padded is black."""
    size = (resolution, resolution)
    if aspect != "pad":
        return _with_kernel(image, size, kernel)
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    share = resolution / tf.maximum(height, width)
    inner = tf.maximum(1, tf.cast(tf.round(tf.stack([height, width]) * share), tf.int32))
    above, left = tf.unstack((resolution - inner) // 2)
    return tf.image.pad_to_bounding_box(_with_kernel(image, inner, kernel), above, left, *size)


def _with_kernel(image: tf.Tensor, size: Any, kernel: Kernel) -> tf.Tensor:
    if kernel == DEFAULT.kernel:
        return tf.compat.v1.image.resize_bilinear(image[tf.newaxis], size)[0]
    method = "bilinear" if kernel == "antialias" else kernel
    resized = tf.image.resize(image, size, method, antialias=kernel == "antialias")
    return tf.clip_by_value(resized, 0.0, 1.0)  # Bicubic leaves it by a little.


def _central(image: tf.Tensor, fraction: float) -> tf.Tensor:
    return tf.image.central_crop(image, fraction) if fraction < 1.0 else image


def _in_turn(image: tf.Tensor, seed: tf.Tensor, steps: tuple[Step, ...]) -> tf.Tensor:
    for step in steps:
        image = step(image, seed)
    return image


def _resize_in_any_way(image: tf.Tensor, resolution: int, seed: tf.Tensor) -> tf.Tensor:
    """One of TF1's four ways; bicubic may leave [0, 1] by a little, until the colours are clipped."""
    size = (resolution, resolution)
    ways = [lambda method=method: tf.compat.v1.image.resize(image, size, method=method) for method in RESIZE_METHODS]
    return tf.ensure_shape(_switch(_drawn(seed, len(ways), stream=0), ways), (resolution, resolution, 3))


def _drawn(seed: tf.Tensor, count: int, *, stream: int) -> tf.Tensor:
    return tf.random.stateless_uniform([], _stream(seed, stream), maxval=count, dtype=tf.int32)


def _switch(index: tf.Tensor, branches: list[Callable[[], tf.Tensor]]) -> tf.Tensor:
    return branches[0]() if len(branches) == 1 else tf.switch_case(index, branches)


def _stream(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)
