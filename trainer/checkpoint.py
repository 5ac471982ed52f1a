"""TF-Slim checkpoints: the reference's variable names, and our network from and to a TF1 checkpoint.

Only tensors are read, through TensorFlow's checkpoint reader; no graph and no pickle is loaded.
"""

from __future__ import annotations

import os

import tensorflow as tf

from trainer import mobilenet_v1
from trainer.keras import keras

EMA = "/ExponentialMovingAverage"
_LOGITS = "MobilenetV1/Logits/Conv2d_1c_1x1"


class CheckpointError(ValueError):
    """A checkpoint that is not this network's, or cannot be read."""


def import_tf1(
    path: str | os.PathLike[str], *, width: float, resolution: int | None, classes: int, use_ema: bool = True
) -> keras.Model:
    """Builds the network with a TF-Slim checkpoint's weights; its output is the logits [N, classes].

    Args:
      path: the checkpoint's prefix, without `.index`.
      classes: outputs, the background included (1001 in the published checkpoints).
      use_ema: take the moving averages of the weights where the checkpoint holds them.

    Raises:
      CheckpointError: unreadable, or a variable is missing or of another shape; all are named at once.
    """
    model = mobilenet_v1.build(width=width, resolution=resolution, classes=classes)
    reader = _open(path)
    shapes = reader.get_variable_to_shape_map()
    variables = reference_variables(model)
    sources = {name: name + EMA if use_ema and name + EMA in shapes else name for name in variables}
    _check(path, {name: tuple(variable.shape) for name, variable in variables.items()}, sources, shapes)
    for name, variable in variables.items():
        variable.assign(reader.get_tensor(sources[name]))
    return model


def export_tf1(model: keras.Model, path: str | os.PathLike[str], *, steps: int = 0) -> None:
    """Writes a TF1 Saver checkpoint (`path`.index, `path`.data-00000-of-00001) under the reference's variable names.

    Args:
      model: the float network, as `import_tf1` gives it back bit for bit.
      steps: `global_step`, int64, as TF-Slim wrote it.
    """
    tensors = {name: variable.value() for name, variable in reference_variables(model).items()}
    tensors["global_step"] = tf.constant(steps, tf.int64)
    names = sorted(tensors)  # SaveV2 wants them in order.
    tf.raw_ops.SaveV2(
        prefix=os.fspath(path),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tensors[name] for name in names],
    )


def reference_variables(model: keras.Model) -> dict[str, tf.Variable]:
    """TF-Slim's variable name → our variable, for all 137 variables of the network."""
    return {
        _reference_name(layer.name, weight.name.split("/")[-1].split(":")[0]): weight
        for layer in model.layers
        for weight in layer.weights
    }


def _reference_name(layer: str, weight: str) -> str:
    if layer == "Logits":
        return f"{_LOGITS}/{'weights' if weight == 'kernel' else 'biases'}"
    if layer.endswith("_BatchNorm"):
        return f"MobilenetV1/{layer.removesuffix('_BatchNorm')}/BatchNorm/{weight}"
    return f"MobilenetV1/{layer}/{'depthwise_weights' if weight == 'depthwise_kernel' else 'weights'}"


def _open(path: str | os.PathLike[str]) -> tf.train.CheckpointReader:
    try:
        return tf.train.load_checkpoint(os.fspath(path))
    except (tf.errors.OpError, ValueError) as error:
        raise CheckpointError(
            f"{os.fspath(path)} is not a readable TF1 checkpoint ({error}). "
            "Give the prefix of its .index and .data files, such as mobilenet_v1_1.0_224.ckpt."
        ) from error


def _check(
    path: str | os.PathLike[str], wanted: dict[str, tuple], sources: dict[str, str], shapes: dict[str, list[int]]
) -> None:
    faults = []
    for name, shape in wanted.items():
        found = shapes.get(sources[name])
        if found is None:
            faults.append(f"{name}: missing, wanted {shape}")
        elif tuple(found) != shape:
            faults.append(f"{name}: has {tuple(found)}, wanted {shape}")
    if faults:
        raise CheckpointError(
            f"{os.fspath(path)} does not fit this width and class count: {len(faults)} of {len(wanted)} variables, "
            f"{'; '.join(faults[:20])}. Give the width and classes that it was trained with."
        )
