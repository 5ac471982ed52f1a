"""Small full-int8 classifiers built table by table, to be spoiled in one thing: no converter, no TensorFlow."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from trainer.tflite.graph import pack

SIDE, CHANNELS, CLASSES = 2, 4, 3
BUILTIN, TYPES = schema.BuiltinOperator, schema.TensorType


class Model:
    """Tensors and operators by name; `with_edges` has a uint8 input and output, with QUANTIZE right at them."""

    def __init__(self, *, with_edges: bool = False) -> None:
        self.root = schema.ModelT()
        self.root.version, self.root.description = 3, b""
        self.root.buffers, self.root.operatorCodes = [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.root.subgraphs = [self.graph]
        self.tensors: dict[str, Any] = {}
        self.operators: dict[str, Any] = {}
        picture, scores = (-1, SIDE, SIDE, 3), (-1, CLASSES)
        self.add("image", picture)
        self.add("conv", (-1, SIDE, SIDE, CHANNELS))
        self.add("depthwise", (-1, SIDE, SIDE, CHANNELS))
        self.add("mean", (-1, CHANNELS))
        self.add("logits", scores)
        self.add("scores", scores, scale=1 / 256, zero_point=-128)
        for name, shape, axis in (
            ("conv/w", (CHANNELS, 1, 1, 3), 0),
            ("depthwise/w", (1, 1, 1, CHANNELS), 3),
            ("dense/w", (CLASSES, CHANNELS), 0),
        ):
            self.add(name, shape, scale=[0.1] * shape[axis], zero_point=[0] * shape[axis], axis=axis, fill=-127)
            self.add(f"{name[:-2]}/b", (shape[axis],), kind=TYPES.INT32, fill=1)
        self.add("axes", (2,), kind=TYPES.INT32, fill=1)
        if with_edges:
            self.add("image8", picture, kind=TYPES.UINT8)
            self.add("scores8", scores, kind=TYPES.UINT8)
            self.step("QUANTIZE", ["image8"], "image")
        self.step("CONV_2D", ["image", "conv/w", "conv/b"], "conv")
        self.step("DEPTHWISE_CONV_2D", ["conv", "depthwise/w", "depthwise/b"], "depthwise")
        self.step("MEAN", ["depthwise", "axes"], "mean")
        self.step("FULLY_CONNECTED", ["mean", "dense/w", "dense/b"], "logits")
        self.step("SOFTMAX", ["logits"], "scores")
        softmax = self.operators["SOFTMAX"]
        softmax.builtinOptionsType, softmax.builtinOptions = (
            schema.BuiltinOptions.SoftmaxOptions,
            schema.SoftmaxOptionsT(),
        )
        softmax.builtinOptions.beta = 1.0
        if with_edges:
            self.step("QUANTIZE", ["scores"], "scores8", name="to uint8")
        self.ends("image8" if with_edges else "image", "scores8" if with_edges else "scores")

    def add(self, name: str, shape: tuple[int, ...], *, kind: int = TYPES.INT8, scale: Any = 0.05, zero_point: Any = 0,
            axis: int = 0, fill: int | None = None) -> None:  # fmt: skip
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name.encode(), kind, list(shape), 0
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
        tensor.quantization.zeroPoint = np.atleast_1d(np.asarray(zero_point, np.int64))
        tensor.quantization.quantizedDimension = axis
        if fill is not None:
            values = np.full(shape, fill, np.int8 if kind == TYPES.INT8 else np.int32)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self.root.buffers.append(buffer)
            tensor.buffer = len(self.root.buffers) - 1
        self.tensors[name] = tensor
        self.graph.tensors.append(tensor)

    def step(self, kind: str, inputs: list[str], output: str, *, name: str = "") -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(BUILTIN, kind)
        self.root.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.root.operatorCodes) - 1
        operator.inputs, operator.outputs = [self._index(each) for each in inputs], [self._index(output)]
        self.operators[name or kind] = operator
        self.graph.operators.append(operator)

    def ends(self, first: str, last: str) -> None:
        self.graph.inputs, self.graph.outputs = [self._index(first)], [self._index(last)]

    def data(self, name: str) -> Any:
        """The buffer of a constant."""
        return self.root.buffers[self.tensors[name].buffer]

    def spoiled(self, change: Callable[["Model"], None]) -> bytes:
        change(self)
        return self.file()

    def file(self) -> bytes:
        return pack(self.root)

    def _index(self, name: str) -> int:
        return list(self.tensors).index(name)
