"""A good int8 file spoiled, each time in one thing: bytes → bytes. Everything else about it stays as it was."""

import io
import warnings
import zipfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from trainer.tflite import metadata
from trainer.tflite.graph import pack, parse


def random_weights(file: bytes) -> bytes:
    """Every kernel drawn anew, in its own range."""
    rng = np.random.default_rng(1)

    def draw(weights: np.ndarray) -> np.ndarray:
        return rng.integers(-127, 128, weights.shape).astype(np.int8)

    def change(model: Any) -> None:
        for convolution in _convolutions(model):
            convolution.weights = draw(convolution.weights)

    return _edited(file, change)


def blue_for_red(file: bytes) -> bytes:
    """The first convolution takes its channels in the order BGR."""

    def change(model: Any) -> None:
        first = _convolutions(model)[0]
        first.weights = first.weights[..., ::-1]

    return _edited(file, change)


def shifted_by_one(file: bytes) -> bytes:
    """Output i + 1 is what output i was; the label map stays."""

    def change(model: Any) -> None:
        last = _convolutions(model)[-1]
        last.weights, last.bias = np.roll(last.weights, 1, axis=0), np.roll(last.bias, 1)
        last.scales = np.roll(last.scales, 1)

    return _edited(file, change)


def without_class(file: bytes, index: int) -> bytes:
    """One class is never the answer: its logit lies at the lowest step."""

    def change(model: Any) -> None:
        last = _convolutions(model)[-1]
        bias = last.bias.copy()
        bias[index] = -(1 << 20)
        last.bias = bias

    return _edited(file, change)


def per_tensor(file: bytes) -> bytes:
    """One scale for all of a convolution's weights, as a converter of 2018 would have it; it computes the same."""

    def change(model: Any) -> None:
        for convolution in _convolutions(model):
            scale = convolution.scales.max()
            share = (convolution.scales / scale).reshape([-1 if a == convolution.axis else 1 for a in range(4)])
            convolution.weights = np.round(convolution.weights * share).astype(np.int8)
            convolution.bias = np.round(convolution.bias * share.reshape(-1)).astype(np.int32)
            convolution.scales = np.array([scale], np.float32)

    return _edited(file, change)


def zero_to_one(file: bytes) -> bytes:
    """The input's codes stand for pictures in [0, 1]: the mean is another one."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        quantization = graph.tensors[graph.inputs[0]].quantization
        quantization.scale, quantization.zeroPoint = [1 / 255], [-128]

    return _edited(file, change)


def other_mean(file: bytes, labels: list[str]) -> bytes:
    """The metadata tells clients to divide by 255 and to subtract nothing."""
    with mock.patch.multiple(metadata, MEAN=0.0, STD=255.0):
        return _described(file, labels)


def other_labels(file: bytes, labels: list[str]) -> bytes:
    """The label map inside says something else."""
    return _described(file, labels)


def other_crop(file: bytes, labels: list[str]) -> bytes:
    """The metadata tells clients to look at a third of each side."""
    return _described(file, labels, central_fraction=0.3)


def second_labels(file: bytes) -> bytes:
    """Two label files in the zip, of which some clients take the first and some the last."""
    whole = io.BytesIO(file)
    with warnings.catch_warnings(), zipfile.ZipFile(whole, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(metadata.LABELS, archive.read(metadata.LABELS))
    return whole.getvalue()


def second_metadata(file: bytes) -> bytes:
    """The same buffer named twice."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        labels = file[archive.infolist()[0].header_offset :]
    model = parse(file)
    model.metadata.append(model.metadata[-1])
    return pack(model) + labels


def bytes_behind(file: bytes) -> bytes:
    """Something behind the zip."""
    return file + b"x"


def surer_softmax(file: bytes, *, central_fraction: float = 1.0) -> bytes:
    """Its confidence is another one, and its first class is not."""

    def change(model: Any) -> None:
        model.subgraphs[0].operators[-1].builtinOptions.beta = 4.0

    return _edited(file, change, central_fraction=central_fraction)


def other_float(file: bytes) -> bytes:
    """A float file with another bias in its last layer: another model's, of the same size."""
    labels, model = metadata.read_labels(file), parse(file)
    graph = model.subgraphs[0]
    for operator in reversed(graph.operators):
        if len(operator.inputs) == 3:
            buffer = model.buffers[graph.tensors[operator.inputs[2]].buffer]
            bias = np.asarray(buffer.data, np.uint8).copy().view(np.float32)
            buffer.data = (bias + np.arange(len(bias), dtype=np.float32)).view(np.uint8)
            break
    return _described(pack(model), labels)


class _Convolution:
    """Weights int8 as they lie in the file, bias int32, scales of the weights; to be read and set."""

    def __init__(self, model: Any, operator: Any, *, depthwise: bool) -> None:
        tensors = [model.subgraphs[0].tensors[index] for index in operator.inputs]
        self.axis = 3 if depthwise else 0
        self._model, (self._input, self._weights, self._bias) = model, tensors

    @property
    def weights(self) -> np.ndarray:
        return self._data(self._weights).view(np.int8).reshape(tuple(self._weights.shape))

    @weights.setter
    def weights(self, values: np.ndarray) -> None:
        self._model.buffers[self._weights.buffer].data = np.ascontiguousarray(values).view(np.uint8).reshape(-1)

    @property
    def bias(self) -> np.ndarray:
        return self._data(self._bias).view(np.int32)

    @bias.setter
    def bias(self, values: np.ndarray) -> None:
        self._model.buffers[self._bias.buffer].data = np.ascontiguousarray(values, np.int32).view(np.uint8)

    @property
    def scales(self) -> np.ndarray:
        return np.asarray(self._weights.quantization.scale, np.float32)

    @scales.setter
    def scales(self, values: np.ndarray) -> None:
        """Of the bias too, which is in steps of input times weights."""
        step = np.float32(self._input.quantization.scale[0])
        for tensor, scales in ((self._weights, values), (self._bias, values * step)):
            tensor.quantization.scale = scales.astype(np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)

    def _data(self, tensor: Any) -> np.ndarray:
        return np.asarray(self._model.buffers[tensor.buffer].data, np.uint8).copy()


def _convolutions(model: Any) -> list[_Convolution]:
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    names = {3: False, 4: True}  # CONV_2D, DEPTHWISE_CONV_2D.
    return [
        _Convolution(model, operator, depthwise=names[codes[operator.opcodeIndex]])
        for operator in model.subgraphs[0].operators
        if codes[operator.opcodeIndex] in names
    ]


def _edited(file: bytes, change: Callable[[Any], None], *, central_fraction: float = 1.0) -> bytes:
    """With the label map of before behind it."""
    labels = metadata.read_labels(file)
    model = parse(file)
    change(model)
    return _described(pack(model), labels, central_fraction=central_fraction)


def _described(file: bytes, labels: list[str], *, central_fraction: float = 1.0) -> bytes:
    """With the metadata that the converter gives it."""
    return metadata.add_metadata(
        file, labels=labels, name="MobileNetV1", description="", central_fraction=central_fraction
    )
