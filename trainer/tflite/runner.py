"""Runs a .tflite picture classifier with ai-edge-litert, in batches, on XNNPACK."""

from __future__ import annotations

import warnings
from importlib import metadata
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from trainer.tflite.graph import Tensor, TFLiteError, read_graph

BATCH = 64
KERNELS = OpResolverType.BUILTIN  # With XNNPACK, by name: other kernels may round otherwise by an output step.
BATCH_PIXELS = 1 << 20  # A batch's input; its widest feature maps are 16 times the bytes, in float.


class Runner:
    """One .tflite file, ready to run. Not to be pickled: pass the bytes, and build it where it runs.

    Args:
      file: the bytes; refused with TFLiteError where they are not a picture classifier's.
      threads: of the interpreter. Workers that stand side by side want one each.
    """

    def __init__(self, file: bytes, *, threads: int = 1) -> None:
        self.graph = read_graph(file)
        self._file = file
        self._threads = threads
        self._interpreter = self._load()
        self._debugger: Interpreter | None = None  # Keeps every tensor: built only when asked for them.

    @property
    def runtime(self) -> str:
        """What its answers may depend on beside the file: the interpreter, its kernels, its threads."""
        threads = f"{self._threads} thread{'s' if self._threads > 1 else ''}"
        return f"ai-edge-litert {metadata.version('ai-edge-litert')}, built-in kernels with XNNPACK, {threads}"

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]."""
        return dequantize(self.quantized(images), self.graph.output)

    def quantized(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → [n, C] as the file gives them: its integers (float32 for a float file)."""
        return self._run(self._interpreter, images, [self.graph.output])[0]

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]: what goes into the file's softmax."""
        return self.activations(images, [self.graph.logits])[0]

    def activations(self, images: np.ndarray, tensors: list[Tensor]) -> list[np.ndarray]:
        """Float32 [n, R, R, 3] → each of the graph's tensors as float32 [n, …], for debugging."""
        if self._debugger is None:
            self._debugger = self._load(experimental_preserve_all_tensors=True)
        values = self._run(self._debugger, images, tensors)
        return [dequantize(value, tensor) for value, tensor in zip(values, tensors, strict=True)]

    def _load(self, **options: Any) -> Interpreter:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
                interpreter = Interpreter(
                    model_content=self._file,
                    num_threads=self._threads,
                    experimental_op_resolver_type=KERNELS,
                    **options,
                )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise TFLiteError(f"ai-edge-litert refuses the .tflite file: {error}") from error
        return interpreter

    def _run(self, interpreter: Interpreter, images: np.ndarray, tensors: list[Tensor]) -> list[np.ndarray]:
        side = self.graph.resolution
        if images.ndim != 4 or images.shape[1:] != (side, side, 3) or images.shape[0] < 1:
            raise ValueError(f"got pictures of shape {list(images.shape)}, wanted [n, {side}, {side}, 3] with n ≥ 1.")
        batch = min(len(images), BATCH, max(1, BATCH_PIXELS // side**2))
        parts = []
        for start in range(0, len(images), batch):
            part = quantize(images[start : start + batch], self.graph.input)
            count = len(part)
            if count < batch:  # The last ones: resizing the interpreter would cost more than running a few zeros.
                part = np.concatenate([part, np.zeros((batch - count, *part.shape[1:]), part.dtype)])
            parts.append([value[:count] for value in _invoke(interpreter, self.graph.input.index, part, tensors)])
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


def quantize(images: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Float → the tensor's integers, rounded as fake-quant rounds: floor(v + 0.5). `np.round` goes to even."""
    images = np.asarray(images, np.float32)
    if tensor.type == "FLOAT32":
        return images
    limits = np.iinfo(tensor.type.lower())
    scale, zero = tensor.step
    codes = images / np.float32(scale)
    codes += np.float32(zero + 0.5)
    np.floor(codes, out=codes)
    return np.clip(codes, limits.min, limits.max, out=codes).astype(tensor.type.lower())


def dequantize(codes: np.ndarray, tensor: Tensor) -> np.ndarray:
    """The tensor's integers → float32."""
    if tensor.type == "FLOAT32":
        return codes
    scale, zero = tensor.step
    return (codes.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def _invoke(interpreter: Interpreter, index: int, codes: np.ndarray, tensors: list[Tensor]) -> list[np.ndarray]:
    if tuple(interpreter.get_input_details()[0]["shape"]) != codes.shape:
        interpreter.resize_tensor_input(index, codes.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(index, codes)
    interpreter.invoke()
    return [interpreter.get_tensor(tensor.index) for tensor in tensors]
