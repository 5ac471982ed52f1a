"""Whether every file that ships gives its model's answers: on pictures, whatever the records say of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from components.conversion import agreement, edges
from components.conversion.agreement import Tolerance
from components.conversion.artifact import FLOAT, INT8, UINT8
from components.gate.networks import Networks
from components.gate.provenance_records import Parts
from trainer import export, input_pipeline
from trainer.imagenet import EVAL
from trainer.tflite.graph import TFLiteError
from trainer.tflite.runner import Runner

PICTURES = 64  # Of the eval split.
_DIFFERENCE = 1e-3  # Of probabilities: the same float32 sums in another order.


def faults(parts: Parts, networks: Networks) -> list[str]:
    """A sentence for each file, and for the SavedModel, that is not what its model's weights give.

    Raises:
      OSError, ValueError: something cannot be read; others say what.
    """
    network, described = networks.unrounded(parts.float_model)
    images = _pictures(parts, described)
    wanted = tf.nn.softmax(network(images, training=False)).numpy()
    return [
        *_float("The SavedModel", networks.served(parts.float_model, images, "probabilities"), wanted),
        *_float(FLOAT, Runner((parts.tflite / FLOAT).read_bytes()).probabilities(images), wanted),
        *_int8(parts, networks, images),
        *_uint8(parts, images),
    ]


def _pictures(parts: Parts, described: export.Description) -> np.ndarray:
    batches = input_pipeline.eval_dataset(
        [str(parts.examples / f"Split-{EVAL}" / "*")],
        resolution=described.resolution,
        central_fraction=described.central_fraction,
        batch_size=PICTURES,
    )
    return next(batches.as_numpy_iterator())[0]


def _float(what: str, found: np.ndarray, wanted: np.ndarray) -> Iterator[str]:
    off = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
    if not off <= _DIFFERENCE:  # So that NaN is a fault.
        yield (
            f"{what} gives probabilities that are {off:.4f} off those of the float model's weights on "
            f"{len(wanted)} pictures, tolerated are {_DIFFERENCE}: it is another model's. Convert again."
        )


def _int8(parts: Parts, networks: Networks, images: np.ndarray) -> Iterator[str]:
    """Held to the fake-quantized model as TFLiteConverter holds it, on fewer pictures."""
    try:
        runner = Runner((parts.tflite / INT8).read_bytes())
        logits, step = runner.logits(images), runner.graph.logits.scales[0]
    except (TFLiteError, IndexError):
        return  # Structure says what it is instead.
    emulated = networks.served(parts.qat_model, images, "logits")
    if emulated.shape != logits.shape:
        yield f"{INT8} has {logits.shape[1]} outputs, and the fake-quantized model {emulated.shape[1]}. Convert again."
        return
    network, _ = networks.unrounded(parts.qat_model)
    tolerance = Tolerance()
    found = agreement.agreement(
        unrounded=network(images, training=False).numpy(),
        emulated=emulated, measured=logits, step=step, tolerance=tolerance,
    )  # fmt: skip
    for fault in agreement.faults(found, tolerance):
        yield f"{INT8} does not compute what the fake-quantized model does: {fault}. Convert again."


def _uint8(parts: Parts, images: np.ndarray) -> Iterator[str]:
    int8, uint8 = ((parts.tflite / name).read_bytes() for name in (INT8, UINT8))
    try:
        edges.compare([images], int8=int8, uint8=uint8)
    except edges.EdgeError as error:
        yield f"{UINT8}: {error}"
    except TFLiteError:
        return
