"""A fake-quantized model, its int8 file, and the file with one operator spoiled: for the tests of drift."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainer import eval_image, quantization
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.tflite.graph import pack, parse

SIDE, CLASSES = 64, 11  # At 64 pixels the pool has something to average.
SAMPLE = Path(__file__).parents[3] / "data" / "sample"


def photographs(count: int) -> np.ndarray:
    """Bundled pictures, some of each class: float32 [count, SIDE, SIDE, 3]."""
    files = sorted(SAMPLE.glob("eval/*/*.jpg"))
    chosen = [files[place * len(files) // count] for place in range(count)]
    return np.stack([eval_image.eval_image(file.read_bytes(), resolution=SIDE) for file in chosen])


def models(*, width: float = 0.25) -> tuple[keras.Model, keras.Model]:
    """Float and fake-quantized: untrained, with the pictures' batch statistics, so that all layers are alive."""
    images = photographs(64)
    model = mobilenet_v1.build(width=width, resolution=SIDE, classes=CLASSES, bn_momentum=0.0)
    tf.function(model, autograph=False)(images, training=True)
    return model, quantization.quantize(model, calibration=[images], freeze_bn=True)


def spoiled(file: bytes, operator: int, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The file with other int8 weights at one operator."""
    model = parse(file)
    graph = model.subgraphs[0]
    buffer = model.buffers[graph.tensors[graph.operators[operator].inputs[1]].buffer]
    weights = np.asarray(buffer.data, np.uint8).view(np.int8)
    buffer.data = change(weights.copy()).astype(np.int8).view(np.uint8)
    return pack(model)


def turned(weights: np.ndarray) -> np.ndarray:
    return -weights


def zeroed(weights: np.ndarray) -> np.ndarray:
    return np.zeros_like(weights)


def tenth_smaller(weights: np.ndarray) -> np.ndarray:
    return np.round(0.9 * weights)
