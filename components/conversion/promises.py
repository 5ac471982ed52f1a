"""Holds the three .tflite files to the models that they were made from, before anything is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from components.conversion import agreement, edges, layer_drift
from components.conversion.agreement import Agreement, Tolerance
from components.conversion.artifact import FLOAT, INT8, UINT8
from trainer import tflite
from trainer.keras import keras

_LAYER_PICTURES = 32  # On which the layers are compared, once the logits have failed.
_LAYER_BATCH = 16
_FLOAT_DIFFERENCE = 1e-3  # Of probabilities: the same float32 sums in another order.


class ConversionError(ValueError):
    """A file that is not what its model promised. Nothing was written."""


def check(
    files: Mapping[str, bytes],
    float_model: keras.Model,
    qat_model: keras.Model,
    pictures: Iterable[np.ndarray],
    *,
    tolerance: Tolerance,
) -> Agreement:
    """Holds the three files to their models; raises with all faults at once.

    Args:
      pictures: batches, float32 [n, R, R, 3]; one goes through them several times.
    """
    faults = [f"{name}: {fault}" for name in (INT8, UINT8) for fault in tflite.check_int8(files[name])]
    if faults:  # Logits that come out of float operators would prove nothing.
        raise ConversionError(_message(faults))
    runner = tflite.Runner(files[INT8])
    found = agreement.measure(float_model, qat_model, runner, pictures, tolerance=tolerance)
    faults += [f"{INT8}: {fault}" for fault in agreement.faults(found, tolerance)]
    if faults:
        drift = layer_drift.layer_drift(qat_model, runner, _first(pictures, _LAYER_PICTURES))
        faults.append(f"{INT8}: {layer_drift.sentence(drift)}")
    faults += _edge_faults(files, pictures)
    faults += _float_faults(files[FLOAT], float_model, pictures)
    if faults:
        raise ConversionError(_message(faults))
    return found


def _first(pictures: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """The first pictures, a few at a time, as all activations are held."""
    for images in pictures:
        taken = images[:count]
        yield from (taken[start : start + _LAYER_BATCH] for start in range(0, len(taken), _LAYER_BATCH))
        count -= len(taken)
        if not count:
            return


def _edge_faults(files: Mapping[str, bytes], pictures: Iterable[np.ndarray]) -> list[str]:
    try:
        edges.compare(pictures, int8=files[INT8], uint8=files[UINT8])
    except edges.EdgeError as error:
        return [f"{UINT8}: {error}"]
    return []


def _float_faults(file: bytes, model: keras.Model, pictures: Iterable[np.ndarray]) -> list[str]:
    run, runner = tf.function(model, autograph=False), tflite.Runner(file)
    off = float(
        np.max([_off(run(images, training=False).numpy(), runner.probabilities(images)) for images in pictures])
    )
    if off <= _FLOAT_DIFFERENCE:
        return []
    return [f"{FLOAT}: probabilities are {off:.4f} off the float model's, tolerated are {_FLOAT_DIFFERENCE}"]


def _off(logits: np.ndarray, probabilities: np.ndarray) -> float:
    """The largest difference; NaN where either has one, which is a fault too."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return float(np.abs(probabilities - exponentials / exponentials.sum(axis=1, keepdims=True)).max())


def _message(faults: Sequence[str]) -> str:
    listed = "; ".join(faults[:20]) + ("; …" if len(faults) > 20 else "")
    return f"the conversion is refused, nothing was written. {len(faults)} faults: {listed}."
