"""Checkpoints made of another one's tensors: with averages and slots, of other shapes, with quantization ranges."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

EMA = "/ExponentialMovingAverage"
STATISTICS = ("/moving_mean", "/moving_variance")


def read(path: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(path))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def write(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    """As a TF1 Saver does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=names, shape_and_slices=[""] * len(names), tensors=[tensors[n] for n in names]
    )
    return path


def model_variables(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in tensors.items() if name != "global_step"}


def trained_with_averages(tensors: Mapping[str, np.ndarray], *, statistics: bool = True) -> dict[str, np.ndarray]:
    """The tensors as moving averages; raw weights shifted by 0.01; RMSProp's slots, as in the releases."""
    variables = model_variables(tensors)
    trained = {name: value for name, value in variables.items() if not name.endswith(STATISTICS)}
    averaged = variables if statistics else trained
    return {
        **{name: value + np.float32(0.01) if name in averaged else value for name, value in variables.items()},
        **{name + EMA: value for name, value in averaged.items()},
        **{f"{name}/RMSProp": np.ones_like(value) for name, value in trained.items()},
        **{f"{name}/RMSProp_1": np.zeros_like(value) for name, value in trained.items()},
        "global_step": np.array(7_654_321, np.int64),
    }


def activation_layers() -> list[str]:
    blocks = [f"Conv2d_{n}_{kind}" for n in range(1, 14) for kind in ("depthwise", "pointwise")]
    return ["MobilenetV1/MobilenetV1/Conv2d_0", *(f"MobilenetV1/MobilenetV1/{name}" for name in blocks)]


def quantized(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With tf.contrib.quantize's variables: layer i has activations in [0, 1 + i / 8], the logits in [-9.5, 11.25]."""
    ranges = {f"{layer}/act_quant": (0.0, 1 + i / 8) for i, layer in enumerate(activation_layers())}
    logits = "MobilenetV1/Logits/Conv2d_1c_1x1"
    ranges[f"{logits}/act_quant"] = (-9.5, 11.25)
    ranges |= {f"{layer}/weights_quant": (-0.5, 0.5) for layer in [*activation_layers(), logits]}
    ends = {f"{name}/{end}": np.array(value, np.float32) for name, pair in ranges.items()
            for end, value in zip(("min", "max"), pair, strict=True)}  # fmt: skip
    # Kept by averages that correct their start.
    debias = {
        f"{logits}/act_quant/{logits}/act_quant/min/{name}": np.zeros((), np.float32)
        for name in ("biased", "local_step")
    }
    return {**tensors, **ends, **debias}
