"""From a picture file's bytes to the network's picture within TensorFlow's graph: what ingestion does, by TF's own ops.

For the SavedModel's signature that takes files, where no Python of ours runs. JPEG is decoded as ever; PNG, BMP and GIF
go through a JPEG of quality 100, as in ingestion. WebP is refused: the oldest TensorFlow that must load the model has
no op for it. Damage is what TensorFlow calls damage, CMYK its conversion, and of a PNG no EXIF is read:
proof/pictures.md has the differences.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from trainer import preprocessing
from trainer.pictures import exif_graph
from trainer.pictures.limits import APPLIED
from trainer.pictures.record import Preprocessing

_TAKEN = "wanted the bytes of a JPEG, PNG, BMP or GIF file. Convert WebP first: not every TensorFlow decodes it."


def image(content: tf.Tensor, *, resolution: int, how: Preprocessing) -> tf.Tensor:
    """A file's bytes, a scalar string → float [R, R, 3] in [-1, 1]; an error of the graph for any other bytes."""
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8")
    found = tf.stack([tf.equal(tf.strings.substr(content, 0, len(start)), start) for start in starts])
    checked = tf.debugging.Assert(tf.reduce_any(found), [_TAKEN])
    with tf.control_dependencies([checked]):
        kind = tf.argmax(tf.cast(found, tf.int32), output_type=tf.int32)
    decoders: list[Callable[[], tf.Tensor]] = [
        lambda: _upright(content) if how.exif_orientation == APPLIED else tf.io.decode_jpeg(content, channels=3),
        lambda: _as_jpeg(_png(content)),
        lambda: _as_jpeg(_bmp(content)),
        lambda: _as_jpeg(tf.io.decode_gif(content)[0]),
    ]
    pixels = tf.ensure_shape(tf.switch_case(kind, decoders), (None, None, 3))
    return preprocessing.of_pixels(pixels, resolution=resolution, central_fraction=how.central_fraction)


def _upright(content: tf.Tensor) -> tf.Tensor:
    """A JPEG as EXIF wants it turned: then decoded with the accurate DCT, as Pillow does it, and encoded anew."""
    turned = exif_graph.orientation(content)
    return tf.cond(
        turned == 1,
        lambda: tf.io.decode_jpeg(content, channels=3),
        lambda: _as_jpeg(exif_graph.turn(tf.io.decode_jpeg(content, 3, dct_method="INTEGER_ACCURATE"), turned)),
    )


def _png(content: tf.Tensor) -> tf.Tensor:
    """An alpha channel, types 4 and 6, may mean nothing; a palette's transparent colours do mean something."""
    header = tf.strings.join([content, b" " * 26])  # Not zeros: of a constant, NumPy cuts them off.
    depth, kind = tf.unstack(tf.ensure_shape(tf.io.decode_raw(tf.strings.substr(header, 24, 2), tf.uint8), [2]))
    pixels = _opaque_grey(tf.io.decode_png(content, channels=4), depth, is_grey=kind == 0)
    return _on_white(pixels, may_be_clear=(kind == 4) | (kind == 6))


def _opaque_grey(pixels: tf.Tensor, depth: tf.Tensor, *, is_grey: tf.Tensor) -> tf.Tensor:
    """The alpha that TensorFlow adds to grey of 1, 2 and 4 bits is not 255 but 1, 3 and 15."""
    added = tf.bitwise.left_shift(tf.constant(1, tf.uint8), depth) - 1
    alpha = tf.where(is_grey & (depth < 8) & (pixels[..., 3:] == added), tf.constant(255, tf.uint8), pixels[..., 3:])
    return tf.concat([pixels[..., :3], alpha], axis=-1)


def _as_jpeg(pixels: tf.Tensor) -> tf.Tensor:
    encoded = tf.io.encode_jpeg(pixels, quality=100, chroma_downsampling=False)
    return tf.io.decode_jpeg(encoded, channels=3)


def _bmp(content: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.decode_bmp(content)
    channels = tf.shape(pixels)[2]
    return tf.switch_case(
        tf.where(channels == 4, 2, tf.where(channels == 3, 1, 0)),
        [
            lambda: tf.image.grayscale_to_rgb(pixels[..., :1]),
            lambda: pixels[..., :3],
            lambda: _on_white(tf.ensure_shape(pixels, (None, None, 4)), may_be_clear=tf.constant(True)),
        ],
    )


def _on_white(pixels: tf.Tensor, *, may_be_clear: tf.Tensor) -> tf.Tensor:
    """As Pillow lays transparent pixels on white, to the level; of an alpha channel 0 everywhere is opaque."""
    colours, alpha = tf.cast(pixels[..., :3], tf.int32), tf.cast(pixels[..., 3:], tf.int32)
    is_clear = may_be_clear & (tf.reduce_max(alpha) == 0)
    alpha = tf.cond(is_clear, lambda: tf.fill(tf.shape(alpha), 255), lambda: alpha)
    blended = colours * alpha + 255 * (255 - alpha) + 128
    return tf.cast((blended + blended // 256) // 256, tf.uint8)
