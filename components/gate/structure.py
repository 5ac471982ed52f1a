"""The second kind of evidence: what the int8 file is, read off its own bytes and off nothing that others say of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from components.gate.evidence import Evidence
from trainer.listing import first_of
from trainer.network.conv_defs import BLOCKS, STEM, depth
from trainer.network.variant import Variant
from trainer.pictures import record
from trainer.pictures.record import Preprocessing
from trainer.tflite.graph import Graph, Tensor, TFLiteError, read_graph
from trainer.tflite.int8_check import check_int8
from trainer.tflite.metadata import MEAN, STD, is_as_written, read_labels, read_preprocessing
from trainer.tflite.normalization import read_normalization

KIND = "structure"
INPUT_SCALE, INPUT_ZERO_POINT = 1 / 128, 0  # Codes of -128…127 for pictures in [-1, 1].

_NAMED = 3  # Of many faults of one sort.
_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def examine(
    file: bytes,
    *,
    labels: Sequence[str],
    variant: Variant | None,
    central_fraction: float | None,
    preprocessing: Preprocessing | None = None,
    harm: str = "",
) -> Evidence:
    """Operators, scales, axes, softmax, edges, network, normalisation, crop and label map of the file that ships.

    Args:
      labels: of the data, the background first.
      variant: whose network it must be; None where nothing records it, which is not held against the file.
      central_fraction: of each side of a picture, what was measured; None likewise.
      preprocessing: all that was done to a picture that was measured; None likewise.
      harm: what the file did to the process that tried it, see trainer.tflite.guard; it is then not read here.
    """
    if harm:
        return Evidence(KIND, (_sentence(harm),))
    try:
        graph, operator_faults = read_graph(file), check_int8(file)
    except TFLiteError as error:
        return Evidence(KIND, (_sentence(str(error)),))
    faults = [
        *_operators(operator_faults),
        *_edges(graph),
        *_scales(graph),
        *(_network(graph, variant) if variant else []),
        *_normalization(file),
        *(_crop(file, central_fraction) if central_fraction else []),
        *(_record(file, preprocessing) if preprocessing else []),
        *_label_map(file, graph, labels),
        *_hidden(file),
    ]
    facts = {"operators": len(graph.operators), "outputs": graph.classes, "resolution": graph.resolution}
    return Evidence(KIND, tuple(faults), _praise(graph), facts)


def _praise(graph: Graph) -> str:
    return (
        f"{len(graph.operators)} operators, all of them int8 with one scale for each output channel of their weights; "
        f"the input's scale is 1/128 and its zero point 0, the softmax gives 1/256; the metadata has the mean and "
        f"deviation of {MEAN}, and the {graph.classes} labels are the data's."
    )


def _operators(found: Sequence[str]) -> list[str]:
    if not found:
        return []
    return [f"This is no full-int8 file: {first_of(found, _NAMED, separator='; ')}."]


def _edges(graph: Graph) -> list[str]:
    faults = []
    found = (graph.input.type, graph.input.scales, graph.input.zero_points)
    if found != ("INT8", (INPUT_SCALE,), (INPUT_ZERO_POINT,)):
        faults.append(
            f"The input is {_quantized(graph.input)}, wanted INT8 with scale 1/128 and zero point {INPUT_ZERO_POINT}: "
            "clients would feed it other pictures than it was measured on."
        )
    if graph.output.type != "INT8":
        faults.append(f"The output is {_quantized(graph.output)}, wanted INT8.")
    return faults


def _scales(graph: Graph) -> list[str]:
    """Every int8 tensor: one scale if it is an activation, and none that is no positive number."""
    tensors = {t.index: t for operator in graph.operators for t in (*operator.inputs, *operator.outputs)}
    int8 = [tensor for tensor in tensors.values() if tensor.type == "INT8"]
    broken = [t.name for t in int8 if not t.scales or not all(math.isfinite(s) and s > 0 for s in t.scales)]
    several = [t.name for t in int8 if t.constant is None and len(t.scales) > 1]
    faults = [f"No usable scale for {_some(broken)}: wanted finite ones above 0."] if broken else []
    return faults + ([f"Several scales for the activations {_some(several)}, wanted one."] if several else [])


def _network(graph: Graph, variant: Variant) -> list[str]:
    found = [(operator.name, operator.inputs[1].shape) for operator in graph.operators if operator.name in _KERNELS]
    wanted = list(_kernels(variant.width, graph.classes))
    faults = []
    if graph.resolution != variant.resolution:
        faults.append(f"It takes pictures of {graph.resolution} pixels, wanted {variant.resolution}.")
    if found != wanted:
        place = next(i for i, pair in enumerate(itertools.zip_longest(found, wanted)) if pair[0] != pair[1])
        faults.append(
            f"It is not the network of MobileNetV1 {variant.name}: convolution {place} is {_at(found, place)}, wanted "
            f"{_at(wanted, place)}."
        )
    return faults


def _kernels(width: float, classes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The convolutions in order, with their kernels' shapes as .tflite files have them."""
    channels = depth(STEM[1], width)
    yield "CONV_2D", (channels, 3, 3, 3)
    for _, following in BLOCKS:
        yield "DEPTHWISE_CONV_2D", (1, 3, 3, channels)
        yield "CONV_2D", (depth(following, width), 1, 1, channels)
        channels = depth(following, width)
    yield "CONV_2D", (classes, 1, 1, channels)


def _normalization(file: bytes) -> list[str]:
    try:
        said = read_normalization(file)
    except TFLiteError as error:
        return [_sentence(str(error))]
    if set(said.mean) == {MEAN} and set(said.std) == {STD}:
        return []
    return [
        f"The metadata tells clients the mean {list(said.mean)} and deviation {list(said.std)}, wanted {MEAN} and "
        f"{STD}, with which it was trained and measured."
    ]


def _crop(file: bytes, measured: float) -> list[str]:
    try:
        said = _said(file).get("central_fraction")
    except TFLiteError as error:
        return [_sentence(str(error))]
    if said == measured:
        return []
    told = "nothing of a crop" if said is None else f"to take {said:g} of each side of a picture"
    return [f"The metadata tells clients {told}, and {measured:g} was measured. Convert again."]


def _record(file: bytes, measured: Preprocessing) -> list[str]:
    """But for crop, mean and deviation, which have their own sentences."""
    try:
        said = Preprocessing(**_said(file))
    except TFLiteError:
        return []  # The crop's own fault.
    told = replace(said, central_fraction=measured.central_fraction, mean=measured.mean, std=measured.std)
    return [
        f"The metadata tells clients {name} {one!r}, and {other!r} was measured. Convert again."
        for name, one, other in record.differences(told, measured)
    ]


def _said(file: bytes) -> dict[str, Any]:
    try:
        return record.fields(read_preprocessing(file), "the .tflite file")
    except record.RecordError as error:
        raise TFLiteError(str(error)) from error


def _hidden(file: bytes) -> list[str]:
    try:
        if is_as_written(file):
            return []
    except TFLiteError:
        return []  # The label map's own fault.
    return [
        "The file holds more than the converter writes: a second label file or metadata buffer, or bytes behind them, "
        "of which some clients would take another one than was measured. Convert again."
    ]


def _label_map(file: bytes, graph: Graph, labels: Sequence[str]) -> list[str]:
    faults = []
    if graph.classes != len(labels):
        faults.append(f"It has {graph.classes} outputs, and the data {len(labels)} labels with the background.")
    try:
        inside = read_labels(file)
    except TFLiteError as error:
        return [*faults, _sentence(str(error))]
    if inside == list(labels):
        return faults
    different = [i for i, pair in enumerate(zip(inside, labels, strict=False)) if pair[0] != pair[1]]
    named = first_of(
        [f"output {i} is {inside[i]!r}, in the data {labels[i]!r}" for i in different], _NAMED, separator="; "
    )
    counts = f"it has {len(inside)} labels, the data {len(labels)}" if len(inside) != len(labels) else ""
    return [*faults, f"The label map is not the data's: {'; '.join(filter(None, [counts, named]))}."]


def _quantized(tensor: Tensor) -> str:
    return f"{tensor.type} with scale {list(tensor.scales)} and zero point {list(tensor.zero_points)}"


def _some(names: Sequence[str]) -> str:
    return first_of(names, _NAMED)


def _at(kernels: Sequence[tuple[str, tuple[int, ...]]], place: int) -> str:
    return f"{kernels[place][0]} {list(kernels[place][1])}" if place < len(kernels) else "missing"


def _sentence(text: str) -> str:
    """The errors of trainer/tflite*.py begin in the middle of a sentence."""
    return f"{text[:1].upper()}{text[1:]}"
