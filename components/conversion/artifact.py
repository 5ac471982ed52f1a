"""The TFLiteConverter's output: what its files are called, and what is said of a .tflite file as JSON."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Mapping
from typing import Any

from trainer.file_format import FileFormat
from trainer.tflite.converter import Edges
from trainer.tflite.graph import Tensor, read_graph

SERVING = "Format-Serving"  # TFX's name for a model's folder in its artifact; all of ours have it.
INT8 = "tflite"  # The file that ships. TFX's Evaluator looks for this name.
FLOAT = "float.tflite"
UINT8 = "uint8.tflite"
EDGES: Mapping[str, Edges] = {INT8: "int8", FLOAT: "float", UINT8: "uint8"}
CONVERSION = "conversion.json"
CONVERSION_FORMAT = FileFormat(CONVERSION)


def described(file: bytes) -> dict[str, Any]:
    """Size, sum, operators by number, input and output of a .tflite file: the same in conversion.json and info.json."""
    graph = read_graph(file)
    return {
        "bytes": len(file),
        "sha256": hashlib.sha256(file).hexdigest(),
        "operators": dict(sorted(collections.Counter(operator.name for operator in graph.operators).items())),
        "input": _tensor(graph.input),
        "output": _tensor(graph.output),
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    """Scale and zero point are None where the tensor is float."""
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "type": tensor.type.lower(),
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.zero_points else None,
    }
