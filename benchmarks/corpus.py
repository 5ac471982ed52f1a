"""JPEGs as ImageNet has them, 500 x 375 pixels and 85 KB on average, made here: what benchmarks read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from components.containers import tfrecord
from components.ingestion import example_writer
from components.sources.source import Category
from trainer.pictures.check import normalise

WIDTH, HEIGHT, BYTES = 500, 375, 85_000
DISTINCT = 100  # Pictures; a corpus repeats them under other names.
_TOLERANCE = 0.03


def jpegs(count: int = DISTINCT, *, seed: int = 1) -> list[bytes]:
    """Clouds of colour over all scales, as photographs have them, each at the quality that gives its size."""
    random = np.random.default_rng(seed)
    return [_of_size(_clouds(random)) for _ in range(count)]


def write_shard(path: Path, pictures: int, *, classes: int) -> int:
    """A TFRecord file of Examples as ingestion writes them → its bytes. Labels go round through 1…classes-1."""
    distinct = [normalise(jpeg) for jpeg in jpegs()]
    with path.open("wb") as file:
        for number in range(pictures):
            label = 1 + number % (classes - 1)
            category = Category(f"class_{label}", f"class_{label}", f"class {label}")
            picture = distinct[number % len(distinct)]
            name = f"picture_{number:08}.JPEG"
            data = example_writer.serialise(picture, label=label, category=category, filename=name)
            file.write(tfrecord.record(data))
    return path.stat().st_size


def _clouds(random: np.random.Generator) -> Image.Image:
    total = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for scale in (4, 8, 16, 32, 64, 128, 256):
        small = random.normal(size=(max(2, HEIGHT * scale // 512), max(2, WIDTH * scale // 512), 3))
        small = (small * 40 / np.sqrt(scale / 4)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(small[..., channel]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
            for channel in range(3)
        ]
        total += np.stack(layers, axis=-1)
    total += random.normal(scale=6, size=total.shape)
    return Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8))


def _of_size(image: Image.Image) -> bytes:
    low, high = 10, 98
    while True:
        quality = (low + high) // 2
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        size = file.tell()
        if abs(size - BYTES) <= _TOLERANCE * BYTES or high - low <= 1:
            return file.getvalue()
        low, high = (quality, high) if size < BYTES else (low, quality)
