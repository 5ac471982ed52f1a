"""Does a .tflite file compute what the fake-quantized model promised? Both on the same real pictures.

They are never equal bit for bit: each layer rounds a few values one step to the other side, and deep layers drift by
several. Differences are counted in steps of the file's logits (their scale), so that one tolerance serves models of
any spread; and a network that amplifies noise, as an untrained one does, is measured by its own: by how far fake
quantization moved its logits.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from trainer import quantization, tflite
from trainer.keras import keras

# Measured on Fashion-MNIST at 0.25_32, 500 pictures: 0.50 steps after calibration (0.73 times what fake quantization
# itself changed), 0.31 after 300 steps; on the oracle's 0.25_128, 0.38. With the sign of one kernel turned: 46 to 59.
MEAN_STEPS = 3.0
NOISE_RATIO = 1.5
TOP1 = 0.95  # Of the clear pictures.


@dataclass(frozen=True)
class Tolerance:
    """The most that the file may differ from its emulation."""

    mean_steps: float = MEAN_STEPS  # Of the logits, on average; or, where this is more,
    noise_ratio: float = NOISE_RATIO  # times the mean change that fake quantization made.
    top1: float = TOP1


@dataclass(frozen=True)
class Agreement:
    """The file's logits against the fake-quantized model's."""

    pictures: int
    step: float  # Of the file's logits: the unit of all that is called steps.
    share_differing: float  # Of all logits: those that are another code.
    mean_steps: float
    max_steps: float
    noise_steps: float  # Fake quantization's own mean change.
    tolerated_steps: float  # On average.
    top1: float  # Of all pictures: both have the same first class.
    clear: int  # Pictures whose first class leads by more than twice the tolerated mean difference.
    clear_equal: int  # Of these, with the same first class.

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def measure(
    network: keras.Model,
    qat_model: keras.Model,
    runner: tflite.Runner,
    batches: Iterable[np.ndarray],
    *,
    tolerance: Tolerance,
) -> Agreement:
    """Runs the file, its fake-quantized model and the same without rounding on the same pictures.

    Args:
      network: a float model of the same network, whose weights do not matter and stay.
      batches: pictures, float32 [n, R, R, 3] in [-1, 1]; at least one.
    """
    unrounded = keras.models.clone_model(network)
    quantization.copy_float_weights(qat_model, unrounded)
    # Without AutoGraph, which takes seconds over tfmot's wrappers, and changes nothing.
    without, fake = (tf.function(model, autograph=False) for model in (unrounded, qat_model))
    logits = [
        (without(images, training=False).numpy(), fake(images, training=False).numpy(), runner.logits(images))
        for images in batches
    ]
    unrounded_logits, emulated, measured = (np.concatenate(parts) for parts in zip(*logits, strict=True))
    return agreement(
        unrounded=unrounded_logits,
        emulated=emulated,
        measured=measured,
        step=runner.graph.logits.scales[0],
        tolerance=tolerance,
    )


def agreement(
    *, unrounded: np.ndarray, emulated: np.ndarray, measured: np.ndarray, step: float, tolerance: Tolerance
) -> Agreement:
    """Compares logits, float [n, C] each: without fake quantization, with it, and the file's.

    A nearly untrained model hardly tells its classes apart: only the clear pictures are held to the same answer.
    """
    noise = float(np.abs(emulated - unrounded).mean() / step)
    tolerated = max(tolerance.mean_steps, tolerance.noise_ratio * noise)
    lead = np.diff(np.sort(emulated, axis=1)[:, -2:], axis=1)[:, 0]
    equal = emulated.argmax(1) == measured.argmax(1)
    clear = lead > 2 * tolerated * step
    steps = np.abs(emulated - measured) / step
    return Agreement(
        pictures=len(emulated),
        step=step,
        share_differing=float((steps > 0.5).mean()),
        mean_steps=float(steps.mean()),
        max_steps=float(steps.max()),
        noise_steps=noise,
        tolerated_steps=tolerated,
        top1=float(equal.mean()),
        clear=int(clear.sum()),
        clear_equal=int((clear & equal).sum()),
    )


def faults(found: Agreement, tolerance: Tolerance) -> list[str]:
    """What is out of tolerance; nothing if the file may ship."""
    said = []
    if not found.mean_steps <= found.tolerated_steps:  # So that NaN is a fault.
        said.append(
            f"its logits are {found.mean_steps:.2f} steps of {found.step:.4f} off on average "
            f"(at most {found.max_steps:.1f}), tolerated are {found.tolerated_steps:.2f}"
        )
    # One picture is no fraction: of few pictures, one may always differ.
    different = found.clear - found.clear_equal
    if different > max(1, round((1 - tolerance.top1) * found.clear)):
        said.append(
            f"{different} of {found.clear} clear pictures get another first class, "
            f"wanted the same on {tolerance.top1:.0%}"
        )
    return said
