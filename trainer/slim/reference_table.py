"""The 32 models of the reference's table (TF-Slim's nets/mobilenet_v1.md), as published; ours are measured elsewhere.

Float columns: equal in the releases of 22 February and 2 August 2018. Quantized columns: of 2 August 2018, measured on
the .tflite files; those of February came from the emulation in TensorFlow and were up to 4 points higher. TFLite's list
of hosted models gives the same files within 0.6 of a point. Data: ILSVRC2012 validation, 50,000 pictures, one crop.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.network.variant import Variant

CLASSES = 1001  # Of every model of the table.


@dataclass(frozen=True)
class Published:
    """One row for a float model and its quantized sister; accuracies in percent."""

    million_macs: int
    million_parameters: float
    float_top1: float
    float_top5: float
    quantized_top1: float
    quantized_top5: float


TABLE = {
    Variant(1.0, 224): Published(569, 4.24, 70.9, 89.9, 70.1, 88.9),
    Variant(1.0, 192): Published(418, 4.24, 70.0, 89.2, 69.2, 88.3),
    Variant(1.0, 160): Published(291, 4.24, 68.0, 87.7, 67.2, 86.7),
    Variant(1.0, 128): Published(186, 4.24, 65.2, 85.8, 63.4, 84.2),
    Variant(0.75, 224): Published(317, 2.59, 68.4, 88.2, 66.8, 87.0),
    Variant(0.75, 192): Published(233, 2.59, 67.2, 87.3, 66.1, 86.4),
    Variant(0.75, 160): Published(162, 2.59, 65.3, 86.0, 62.3, 83.8),
    Variant(0.75, 128): Published(104, 2.59, 62.1, 83.9, 55.8, 78.8),
    Variant(0.5, 224): Published(150, 1.34, 63.3, 84.9, 60.7, 83.2),
    Variant(0.5, 192): Published(110, 1.34, 61.7, 83.6, 60.0, 82.2),
    Variant(0.5, 160): Published(77, 1.34, 59.1, 81.9, 57.7, 80.4),
    Variant(0.5, 128): Published(49, 1.34, 56.3, 79.4, 54.5, 77.7),
    Variant(0.25, 224): Published(41, 0.47, 49.8, 74.2, 48.0, 72.8),
    Variant(0.25, 192): Published(34, 0.47, 47.7, 72.3, 46.0, 71.2),
    Variant(0.25, 160): Published(21, 0.47, 45.5, 70.3, 43.4, 68.5),
    Variant(0.25, 128): Published(14, 0.47, 41.5, 66.3, 39.5, 64.4),
}

_STEM = "counted with a stem of 16 channels; the reference's code builds 24, and its own docstring counts those"
_TYPO = "no variant of the code gives 34 million; its neighbours fit, so it looks like a slip"

# The multiply-adds that the reference's own code does not give, and why.
WRONG_MACS = {
    Variant(0.75, 224): _STEM,
    Variant(0.75, 192): _STEM,
    Variant(0.75, 160): _STEM,
    Variant(0.75, 128): _STEM,
    Variant(0.25, 192): _TYPO,
}
