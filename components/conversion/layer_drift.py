"""Where a .tflite file leaves the fake-quantized model: both side by side, operator by operator.

Each operator is looked at twice. *So far*: on the same pictures, with all that drifted before it, which is what a user
sees and what grows with depth in every honest file. *Alone*: its layers are given what the file gave the operator, so
that nothing before it counts; an honest operator is then never more than one step off, in any network, and the first
that is more has other weights, another range or a kernel that computes something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trainer import tflite
from trainer.keras import keras
from trainer.network.layer_names import float_name
from trainer.tflite.graph import Graph, Operator

ALONE_STEPS = 1.5  # One step, and room for float arithmetic: tests/trainer/tflite/test_block_agreement.py.


class DriftError(ValueError):
    """A file that is not of the model's network."""


@dataclass(frozen=True)
class LayerDrift:
    """One operator's output against its layers'. All but the scale are shares of values, or steps of that scale."""

    operator: int  # Its place in the file.
    name: str  # As the schema writes it: CONV_2D.
    layer: str  # The last of the Keras layers that it computes.
    scale: float
    share_differing: float  # So far…
    mean_steps: float
    max_steps: float
    alone_mean_steps: float  # …and alone.
    alone_max_steps: float

    @property
    def departs(self) -> bool:
        return not self.alone_max_steps <= ALONE_STEPS  # So that NaN does.


def layer_drift(model: keras.Model, runner: tflite.Runner, batches: Iterable[np.ndarray]) -> list[LayerDrift]:
    """Every operator that ends with a layer of the model, in the order of the file.

    Args:
      model: the fake-quantized model that the file is said to be made from.
      batches: pictures, float32 [n, R, R, 3] in [-1, 1], at least one; all activations of a batch are held at once.

    Raises:
      DriftError: the file's operators are not the model's layers.
    """
    steps = list(_steps(model, runner.graph))
    tensors = [runner.graph.input, *(step.operator.outputs[0] for step in steps)]
    found = [_Sums() for _ in steps]
    for images in batches:
        values = runner.activations(images, tensors)
        emulated = images
        for step, sums, given, got in zip(steps, found, values[:-1], values[1:], strict=True):
            emulated = step.layers(emulated, training=False).numpy()
            alone = step.layers(given, training=False).numpy()
            sums.add(got, emulated=emulated, alone=alone, scale=step.scale)
    return [_row(step, sums) for step, sums in zip(steps, found, strict=True)]


def first_departure(rows: Sequence[LayerDrift]) -> LayerDrift | None:
    """The first operator that gives another output than its layers for the same input; None where all give theirs."""
    return next((row for row in rows if row.departs), None)


def sentence(rows: Sequence[LayerDrift]) -> str:
    """Where the file leaves the model, in words."""
    if first := first_departure(rows):
        return (
            f"it leaves the fake-quantized model first at operator {first.operator} {first.name} ({first.layer}), "
            f"{first.alone_mean_steps:.1f} steps off on average and {first.alone_max_steps:.0f} at most for the same "
            "input"
        )
    return "each operator gives what its layers give for the same input, to one step: the differences only add up"


@dataclass(frozen=True)
class _Step:
    """An operator, and the layers between the one before and it."""

    place: int
    operator: Operator
    layers: keras.Model

    @property
    def scale(self) -> float:
        return self.operator.outputs[0].scales[0]


@dataclass
class _Sums:
    """What is off over all batches, in steps."""

    values: int = 0
    differing: int = 0
    so_far: float = 0.0
    so_far_max: float = 0.0
    alone: float = 0.0
    alone_max: float = 0.0

    def add(self, got: np.ndarray, *, emulated: np.ndarray, alone: np.ndarray, scale: float) -> None:
        off, off_alone = (np.abs(wanted.reshape(got.shape) - got) / scale for wanted in (emulated, alone))
        self.values += got.size
        self.differing += int(np.count_nonzero(off > 0.5))
        self.so_far += float(off.sum(dtype=np.float64))
        self.so_far_max = float(np.maximum(self.so_far_max, off.max()))  # Python's max would pass over NaN.
        self.alone += float(off_alone.sum(dtype=np.float64))
        self.alone_max = float(np.maximum(self.alone_max, off_alone.max()))


def _row(step: _Step, sums: _Sums) -> LayerDrift:
    return LayerDrift(
        operator=step.place,
        name=step.operator.name,
        layer=step.operator.layer,
        scale=step.scale,
        share_differing=sums.differing / sums.values,
        mean_steps=sums.so_far / sums.values,
        max_steps=sums.so_far_max,
        alone_mean_steps=sums.alone / sums.values,
        alone_max_steps=sums.alone_max,
    )


def _steps(model: keras.Model, graph: Graph) -> Iterator[_Step]:
    """The chain of the operators whose layers are known; one that is not counts to the next one that is."""
    named = {float_name(layer.name): layer.output for layer in model.layers}
    known = [(place, op) for place, op in enumerate(graph.operators) if op.layer in named and op.outputs[0].scales]
    if not known:
        layers = ", ".join(operator.layer for operator in graph.operators[:3])
        raise DriftError(
            f"no operator of the file is a layer of the model: the file has {layers}, …; the model {', '.join(named)}. "
            "Give the file that was converted from this model."
        )
    before = model.inputs[0]
    for place, operator in known:
        output = named[operator.layer]
        got, wanted = list(operator.outputs[0].shape[1:]), list(output.shape[1:])
        if got != wanted:
            raise DriftError(
                f"operator {place} {operator.name} ({operator.layer}) gives {got}, the model's layer {wanted}: "
                "the file is of another variant, or has other classes."
            )
        yield _Step(place, operator, keras.Model(before, output))
        before = output
