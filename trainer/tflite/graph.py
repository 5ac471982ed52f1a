"""What is inside a .tflite file, read through its flatbuffer schema; no interpreter and no TensorFlow needed.

The bytes may come from anywhere: they are bounded and parsed before any interpreter sees them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from trainer.network.layer_names import QUANTIZED, float_name
from trainer.network.variant import MAX_RESOLUTION

IDENTIFIER = b"TFL3"
MAX_BYTES = 512 << 20  # Float MobileNetV1 at width 1.0 is 17 MB; width 4 is 260 MB.
MAX_CLASSES = 1_000_000
EDGE_TYPES = ("FLOAT32", "INT8", "UINT8", "INT16")  # What pictures and probabilities come as.

_WEIGHTS_RANK = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 2}  # Operand 1 of these.
_ALIGNMENT = 16  # Bytes: the schema's force_align for buffers, which the Python packer forgets.


class TFLiteError(ValueError):
    """Bytes that are not a .tflite file of a picture classifier."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of an operator."""

    index: int
    name: str
    type: str  # As the schema writes it: INT8, UINT8, INT32, FLOAT32.
    shape: tuple[int, ...]  # Of a batch of 1; with -1 for the batch in other people's files, and ours until 0.1.
    scales: tuple[float, ...]  # One, or one for each slice of `axis`; none where not quantized.
    zero_points: tuple[int, ...]
    axis: int  # Of the scales, where there are several.
    constant: np.ndarray | None  # int8 values only.

    @property
    def step(self) -> tuple[float, int]:
        """Scale and zero point of the whole tensor; of uint8 without a scale, the levels themselves."""
        if not self.scales and self.type == "UINT8":
            return 1.0, 0
        if len(self.scales) != 1 or not (math.isfinite(self.scales[0]) and self.scales[0] > 0):
            raise TFLiteError(
                f"{self.name or 'a tensor'} is {self.type.lower()} with the scales {list(self.scales)}, wanted one "
                "number above 0: its codes stand for nothing. Convert it with quantization."
            )
        return self.scales[0], self.zero_points[0] if self.zero_points else 0

    @property
    def narrow_range(self) -> bool:
        """A constant that never takes int8's lowest code."""
        return self.constant is not None and self.constant.size > 0 and int(self.constant.min()) >= -127


@dataclass(frozen=True)
class Operator:
    """One operator of the graph, in order of execution."""

    name: str  # As the schema writes it: CONV_2D.
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    options: Mapping[str, Any] = field(default_factory=dict)  # As the schema writes them: {"beta": 1.0} of a softmax.

    @property
    def layer(self) -> str:
        """The Keras layer it ends with: `…/quant_Conv2d_0_Relu6/Relu6;…` → `Conv2d_0_Relu6`."""
        parts = self.outputs[0].name.split(";")[0].split("/")
        return next((float_name(part) for part in parts if part.startswith(QUANTIZED)), parts[-1])


@dataclass(frozen=True)
class Graph:
    """A classifier's only subgraph: one input [1, R, R, 3], one output [1, C]."""

    operators: tuple[Operator, ...]
    input: Tensor
    output: Tensor

    @property
    def resolution(self) -> int:
        return self.input.shape[1]

    @property
    def classes(self) -> int:
        return self.output.shape[1]

    @property
    def logits(self) -> Tensor:
        """What goes into the softmax."""
        for operator in reversed(self.operators):
            if operator.name == "SOFTMAX":
                return operator.inputs[0]
        raise TFLiteError("there is no SOFTMAX in the file: wanted a classifier that outputs probabilities.")


def operators(file: bytes) -> list[Operator]:
    """The file's operators, one by one."""
    return list(read_graph(file).operators)


def read_graph(file: bytes) -> Graph:
    """Bytes → graph, or TFLiteError where they are not a whole picture classifier."""
    model = parse(file)
    try:
        return _graph(model)
    except (IndexError, TypeError, AttributeError, KeyError, ValueError) as error:
        if isinstance(error, TFLiteError):
            raise
        raise TFLiteError(f"the .tflite file does not hold together ({error!r}). Is it whole?") from error


def parse(file: bytes) -> Any:
    """Bytes → the schema's mutable ModelT (whose own annotations are wrong: names are bytes), or TFLiteError."""
    if len(file) > MAX_BYTES:
        raise TFLiteError(f"the file has {len(file)} bytes, wanted at most {MAX_BYTES}.")
    if len(file) < 8 or file[4:8] != IDENTIFIER:
        raise TFLiteError(
            f"not a .tflite file: {len(file)} bytes that start with {bytes(file[:8])!r}, "
            f"wanted {IDENTIFIER!r} at byte 4."
        )
    try:
        return schema.ModelT.InitFromPackedBuf(bytes(file), 0)
    except (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        raise TFLiteError(f"the .tflite file of {len(file)} bytes is damaged or cut off ({error!r}).") from error


def pack(model: Any) -> bytes:
    """The schema's objects → bytes, with the buffers aligned as the converter aligns them.

    What is written twice elsewhere stands once here: an eighth of a small int8 file are the same zero points again.
    """
    for buffer in model.buffers:
        buffer.__class__ = _AlignedBuffer
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            if type(tensor.quantization) is schema.QuantizationParametersT:
                tensor.quantization.__class__ = _SharedQuantization
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = _SharingBuilder(size + (1 << 16))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _SharingBuilder(flatbuffers.Builder):
    """Refers to a vector of numbers that is there already; flatbuffers may share whatever is equal."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.tables: dict[Any, int] = {}
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(x)
        return self._vectors[key]


class _SharedQuantization(schema.QuantizationParametersT):
    def Pack(self, builder: _SharingBuilder) -> int:
        if self.details is not None:
            return super().Pack(builder)
        vectors = (self.min, self.max, self.scale, self.zeroPoint)
        numbers = tuple(None if vector is None else np.asarray(vector).tobytes() for vector in vectors)
        key = (numbers, self.quantizedDimension)
        if key not in builder.tables:
            builder.tables[key] = super().Pack(builder)
        return builder.tables[key]


class _AlignedBuffer(schema.BufferT):
    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self.data is None or not len(self.data):
            return super().Pack(builder)
        data = np.asarray(self.data, np.uint8).tobytes()
        builder.StartVector(1, len(data), _ALIGNMENT)
        builder.head = builder.Head() - len(data)
        builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _graph(model: Any) -> Graph:
    if len(model.subgraphs) != 1:
        raise TFLiteError(f"the file has {len(model.subgraphs)} subgraphs, wanted one.")
    graph = model.subgraphs[0]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise TFLiteError(f"the file has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, wanted one each.")
    tensors = [_tensor(model, index) for index in range(len(graph.tensors))]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    steps = tuple(
        Operator(
            name=_OPERATORS[codes[step.opcodeIndex]],
            inputs=tuple(_at(tensors, index) for index in step.inputs if index >= 0),
            outputs=tuple(_at(tensors, index) for index in step.outputs),
            options=vars(step.builtinOptions) if step.builtinOptions else {},
        )
        for step in graph.operators
    )
    for place, step in enumerate(steps):
        _check_operands(place, step)
    found = Graph(steps, _at(tensors, graph.inputs[0]), _at(tensors, graph.outputs[0]))
    _check_edges(found)
    return found


def _check_operands(place: int, operator: Operator) -> None:
    """So that whoever reads an operator's first input, output or weights finds them."""
    rank = _WEIGHTS_RANK.get(operator.name)
    wanted = 2 if rank else 1
    if len(operator.inputs) < wanted or not operator.outputs:
        raise TFLiteError(
            f"operator {place} {operator.name} has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs, "
            f"wanted at least {wanted} and 1."
        )
    if rank and len(operator.inputs[1].shape) != rank:
        raise TFLiteError(
            f"operator {place} {operator.name} has weights {list(operator.inputs[1].shape)}, wanted {rank} dimensions."
        )


def _check_edges(graph: Graph) -> None:
    image, scores = graph.input.shape, graph.output.shape
    if len(image) != 4 or image[1] != image[2] or not 1 <= image[1] <= MAX_RESOLUTION or image[3] != 3:
        raise TFLiteError(f"the input is {list(image)}, wanted square RGB pictures [batch, R, R, 3].")
    if len(scores) != 2 or not 1 <= scores[1] <= MAX_CLASSES:
        raise TFLiteError(f"the output is {list(scores)}, wanted probabilities [batch, classes].")
    for what, tensor in (("input", graph.input), ("output", graph.output)):
        if tensor.type not in EDGE_TYPES:
            raise TFLiteError(f"the {what} is {tensor.type.lower()}, wanted one of {', '.join(EDGE_TYPES).lower()}.")


def _at(tensors: list[Tensor], index: int) -> Tensor:
    if not 0 <= index < len(tensors):
        raise TFLiteError(f"an operator refers to tensor {index} of {len(tensors)}.")
    return tensors[index]


def _tensor(model: Any, index: int) -> Tensor:
    tensor = model.subgraphs[0].tensors[index]
    quantized = tensor.quantization
    data = model.buffers[tensor.buffer].data
    kind = _TYPES[tensor.type]
    shape = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return Tensor(
        index=index,
        name=(tensor.name or b"").decode("utf-8", "replace"),
        type=kind,
        shape=tuple(int(side) for side in ([] if shape is None else shape)),
        scales=_numbers(quantized and quantized.scale),
        zero_points=_numbers(quantized and quantized.zeroPoint),
        axis=int(quantized.quantizedDimension) if quantized else 0,
        constant=np.asarray(data, np.uint8).view(np.int8) if kind == "INT8" and data is not None else None,
    )


def _numbers(values: Any) -> tuple:
    return () if values is None else tuple(np.asarray(values).tolist())


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}


_OPERATORS = _names(schema.BuiltinOperator)
_TYPES = _names(schema.TensorType)
