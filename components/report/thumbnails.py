"""Small pictures for the page, out of the examples that were evaluated."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import tensorflow as tf
from PIL import Image

from components.evaluation.scores import Scores
from components.report.confusion import PAIRS
from components.report.facts import Picture
from trainer.imagenet import ENCODED, EVAL, FILENAME, LABEL

SIDE = 64  # Pixels at most, so that one is about 2 kB.
MOST = 60  # On a page.
_QUALITY = 85


def wanted(scores: Scores) -> list[Picture]:
    """The pictures of the most frequent errors, at most MOST."""
    named = [(pair.label, name) for pair in scores.confused(PAIRS) for name in pair.names]
    return named[:MOST]


def read(examples_uri: str, pictures: Iterable[Picture]) -> Mapping[Picture, str]:
    """Picture → data URI, from the eval split; reading stops when all are found. What is no picture is left out.

    Args:
      examples_uri: an Examples artifact's folder.
    """
    missing, found = set(pictures), {}
    records = _records(examples_uri) if missing else iter(())
    for record in records:
        features = tf.train.Example.FromString(record).features.feature
        key = (_label(features), _name(features))
        if key in missing:
            missing.discard(key)
            if uri := data_uri(next(iter(features[ENCODED].bytes_list.value), b"")):
                found[key] = uri
        if not missing:
            break
    return found


def data_uri(encoded: bytes) -> str | None:
    """A JPEG of at most SIDE x SIDE as text; None where Pillow finds no picture, or one far over the usual size."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.draft("RGB", (SIDE, SIDE))  # JPEGs are decoded at a fraction of their size.
            small = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def _records(examples_uri: str) -> Iterator[bytes]:
    files = sorted(tf.io.gfile.glob(os.path.join(examples_uri, f"Split-{EVAL}", "*")))
    for file in files:
        if not Path(file).name.startswith("."):
            yield from tf.data.TFRecordDataset(file).as_numpy_iterator()


def _label(features: Mapping[str, tf.train.Feature]) -> int:
    values = features[LABEL].int64_list.value
    return values[0] if values else -1


def _name(features: Mapping[str, tf.train.Feature]) -> str:
    values = features[FILENAME].bytes_list.value
    return values[0].decode("utf-8", "replace") if values else ""
