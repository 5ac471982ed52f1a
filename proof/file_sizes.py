"""Bytes of the family's .tflite files: all 16 variants built, quantized and converted, 1001 classes, without metadata.

    python -m proof.file_sizes

It writes pipeline/family/file_sizes.json, which `mobilenet models` shows: a file's size depends on the shapes of the
network and on the converter, not on the values of the weights. About 20 s for each variant.
"""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from trainer import quantization, tflite
from trainer.network import mobilenet_v1
from trainer.network.variant import Variant
from trainer.slim.reference_table import CLASSES, TABLE

SIZES = Path(__file__).parents[1] / "pipeline" / "family" / "file_sizes.json"


def main() -> None:
    sizes = {variant.name: measure(variant) for variant in TABLE}
    record = {
        "command": "python -m proof.file_sizes",
        "tensorflow": tf.__version__,
        "classes": CLASSES,
        "bytes": sizes,
    }
    SIZES.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def measure(variant: Variant) -> dict[str, int]:
    """Bytes of the float file and of the one with int8 edges."""
    model = mobilenet_v1.build(width=variant.width, resolution=variant.resolution, classes=CLASSES)
    quantized = quantization.quantize(model, calibration=None, freeze_bn=True)
    files = {"float": tflite.convert(model, edges="float"), "int8": tflite.convert(quantized, edges="int8")}
    return {kind: len(file) for kind, file in files.items()}


if __name__ == "__main__":
    main()
