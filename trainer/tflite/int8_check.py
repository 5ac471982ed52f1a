"""Is a .tflite file really int8? A converter that cannot quantize an operator leaves it in float, and says nothing."""

from __future__ import annotations

import math

from trainer.tflite.graph import Graph, Operator, Tensor, read_graph

_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}  # Of the weights, operand 1.
_INT32_OPERANDS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "RESHAPE": 1, "MEAN": 1, "PAD": 1}
_SOFTMAX_SCALE = 1 / 256
_EDGE_OPERATORS = ("QUANTIZE", "DEQUANTIZE")


def check_int8(file: bytes) -> list[str]:
    """The faults of a full-int8 classifier, each naming its operator; none if it is one.

    Every operator takes and gives int8 (int32 biases and shapes aside), but for QUANTIZE and DEQUANTIZE right at the
    input and the output; weights have one scale for each output channel and narrow range; the softmax has a beta of 1
    and gives 1/256.

    Raises:
      TFLiteError: not a .tflite file of a picture classifier at all.
    """
    graph = read_graph(file)
    inner = [(place, operator) for place, operator in enumerate(graph.operators) if not _is_edge(graph, operator)]
    faults = [fault for place, operator in inner for fault in _operator_faults(place, operator)]
    if not inner or inner[-1][1].name != "SOFTMAX":
        faults.append(f"the last operator is {inner[-1][1].name if inner else 'missing'}, wanted SOFTMAX")
    return faults


def _is_edge(graph: Graph, operator: Operator) -> bool:
    if operator.name not in _EDGE_OPERATORS:
        return False
    return operator.inputs[0].index == graph.input.index or operator.outputs[0].index == graph.output.index


def _operator_faults(place: int, operator: Operator) -> list[str]:
    where = f"operator {place} {operator.name} ({operator.layer})"
    faults = [f"input {number} is {tensor.type}" for number, tensor in enumerate(operator.inputs)
              if tensor.type != _wanted(operator, number)]  # fmt: skip
    faults += [f"output is {tensor.type}" for tensor in operator.outputs if tensor.type != "INT8"]
    if operator.name in _EDGE_OPERATORS:
        faults.append("stands in the middle of the graph")
    if operator.name in _CHANNEL_AXIS and operator.inputs[1].type == "INT8":
        faults += _weight_faults(operator.inputs[1], _CHANNEL_AXIS[operator.name])
    if operator.name == "SOFTMAX" and not faults:
        faults += _softmax_faults(operator)
    return [f"{where}: {fault}" for fault in faults]


def _wanted(operator: Operator, number: int) -> str:
    return "INT32" if _INT32_OPERANDS.get(operator.name) == number else "INT8"


def _weight_faults(weights: Tensor, axis: int) -> list[str]:
    faults = []
    channels = weights.shape[axis]
    if len(weights.scales) != channels or (channels > 1 and weights.axis != axis):
        faults.append(f"weights have {len(weights.scales)} scales along axis {weights.axis}, "
                      f"wanted {channels} along axis {axis}")  # fmt: skip
    if any(weights.zero_points):
        faults.append("weights have a zero point that is not 0")
    if weights.constant is None:
        faults.append("weights are not a constant of the file")
    elif not weights.narrow_range:
        faults.append(f"weights reach {weights.constant.min() if weights.constant.size else 'nothing'}, "
                      "wanted narrow range, -127 at least")  # fmt: skip
    return faults


def _softmax_faults(operator: Operator) -> list[str]:
    output, beta = operator.outputs[0], operator.options.get("beta", math.nan)
    scale = output.scales[0] if output.scales else math.nan
    faults = [] if beta == 1 else [f"beta is {beta}, wanted 1, with which it was trained"]
    if scale != _SOFTMAX_SCALE or output.zero_points != (-128,):
        faults.append(f"output has scale {scale} and zero point {output.zero_points}, wanted 1/256 and -128")
    return faults
