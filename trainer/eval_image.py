"""The evaluation's preprocessing in numpy: what trainer/preprocessing.py does, for clients without TensorFlow."""

from __future__ import annotations

import numpy as np
import simplejpeg

from trainer.imagenet import CENTRAL_FRACTION
from trainer.pictures import check
from trainer.pictures.limits import MAX_PIXELS
from trainer.pictures.record import DEFAULT, Preprocessing


def of_file(content: bytes, *, resolution: int, how: Preprocessing, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A picture file's bytes → float32 [R, R, 3] in [-1, 1]: checked and converted as ingestion does it.

    Raises:
      check.Refused: what ingestion would refuse.
    """
    whole = pixels(content, how, max_pixels=max_pixels)
    return of_pixels(whole, resolution=resolution, central_fraction=how.central_fraction)


def pixels(content: bytes, how: Preprocessing = DEFAULT, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A picture file's bytes → uint8 [H, W, 3], all of it: as ingestion would store it.

    Raises:
      check.Refused: what ingestion would refuse.
    """
    return decode(check.normalise(content, max_pixels=max_pixels, exif_orientation=how.exif_orientation).jpeg)


def eval_image(jpeg: bytes, *, resolution: int, central_fraction: float = CENTRAL_FRACTION) -> np.ndarray:
    """JPEG bytes → float32 [R, R, 3] in [-1, 1]: the central part, resized without keeping the aspect ratio.

    Raises:
      ValueError: not a JPEG that simplejpeg decodes.
    """
    return of_pixels(decode(jpeg), resolution=resolution, central_fraction=central_fraction)


def decode(jpeg: bytes) -> np.ndarray:
    """JPEG bytes → uint8 [H, W, 3]; ValueError where simplejpeg does not decode them."""
    # The fast DCT is TensorFlow's default: the accurate one differs by up to 3 levels on half of the pixels.
    return simplejpeg.decode_jpeg(jpeg, "RGB", fastdct=True)


def of_pixels(pixels: np.ndarray, *, resolution: int, central_fraction: float = CENTRAL_FRACTION) -> np.ndarray:
    """Uint8 [H, W, 3] → float32 [R, R, 3] in [-1, 1]."""
    image = central_crop(pixels, central_fraction).astype(np.float32) * np.float32(1 / 255)
    return (resize(image, resolution) - np.float32(0.5)) * np.float32(2)


def central_crop(image: np.ndarray, fraction: float) -> np.ndarray:
    """[H, W, C] → its middle, `fraction` of each side; the margins are rounded down, as tf.image.central_crop does."""
    height, width = image.shape[:2]
    top, left = (int((side - side * fraction) / 2) for side in (height, width))
    return image[top : height - top, left : width - left]


def resize(image: np.ndarray, resolution: int) -> np.ndarray:
    """Float32 [H, W, C] → [R, R, C] with TF1's bilinear kernel: no half-pixel centres, no antialias."""
    above, below, down = _neighbours(image.shape[0], resolution)
    left, right, across = _neighbours(image.shape[1], resolution)
    down, across = down[:, np.newaxis, np.newaxis], across[:, np.newaxis]
    upper, lower = image[above], image[below]
    upper = upper[:, left] + (upper[:, right] - upper[:, left]) * across
    lower = lower[:, left] + (lower[:, right] - lower[:, left]) * across
    return upper + (lower - upper) * down


def _neighbours(size: int, resolution: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each output row or column: the two input ones it lies between, and how far it is from the first."""
    position = np.arange(resolution, dtype=np.float32) * (np.float32(size) / np.float32(resolution))
    first = np.floor(position).astype(np.int64)
    return first, np.minimum(first + 1, size - 1), position - first.astype(np.float32)
