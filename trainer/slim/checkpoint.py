"""TF-Slim checkpoints: the reference's variable names, and our network from and to a TF1 checkpoint.

Only tensors are read, through TensorFlow's checkpoint reader; no graph and no pickle is loaded. What cannot be taken
whole is refused: nothing is left out, and nothing made up.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from trainer.digest import sha256_file
from trainer.keras import keras
from trainer.listing import first_of
from trainer.network import mobilenet_v1
from trainer.slim import checkpoint_names, checkpoint_shapes
from trainer.slim.checkpoint_names import GLOBAL_STEP, CheckpointError

__all__ = [
    "CheckpointError", "digest", "export_tf1", "has_averages", "import_tf1", "read_classes", "read_ranges",
    "read_steps", "read_width", "reference_variables",
]  # fmt: skip

_UNREADABLE = (tf.errors.OpError, ValueError, IndexError, RuntimeError)  # What TensorFlow's reader raises.
_LISTED = 40  # Faults that a message names; a checkpoint of another network has hundreds.

Path = str | os.PathLike[str]


def import_tf1(
    path: Path, *, width: float | None = None, resolution: int | None, classes: int | None = None, use_ema: bool = True
) -> keras.Model:
    """Builds the network with a TF-Slim checkpoint's weights; its output is the logits [N, classes].

    Optimizer slots, counters and quantization ranges are passed over; `read_ranges` gives these.

    Args:
      path: the checkpoint's prefix, without `.index`.
      width: None reads it off the variables' shapes.
      resolution: pixels; None takes pictures of any size. The variables do not tell it.
      classes: outputs, the background included (1001 in the published checkpoints); None reads it off the shapes.
      use_ema: take the moving averages of the weights where the checkpoint holds them (`checkpoint_names.sources`).

    Raises:
      CheckpointError: unreadable, or a variable is missing, left over, or of another shape; each is named.
    """
    reader = _open(path)
    shapes = _shapes(reader)
    width = read_width(path) if width is None else width
    classes = read_classes(path) if classes is None else classes
    model = mobilenet_v1.build(width=width, resolution=resolution, classes=classes)
    variables = reference_variables(model)
    with _told_of(path):
        sources = checkpoint_names.sources(variables, shapes, use_ema=use_ema)
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    faults = [*_misfits(wanted, sources, shapes), *_left_over(wanted, shapes)]
    if faults:
        raise CheckpointError(_listed(path, faults, f"width {width}, {classes} classes, {len(wanted)} variables"))
    tensors = _read(path, reader, sources.values())
    for name, variable in variables.items():
        variable.assign(tensors[sources[name]])
    return model


def export_tf1(model: keras.Model, path: Path, *, steps: int = 0) -> None:
    """Writes a TF1 Saver checkpoint (`path`.index, `path`.data-00000-of-00001) under the reference's variable names.

    Args:
      model: the float network, as `import_tf1` gives it back bit for bit.
      steps: `global_step`, int64, as TF-Slim wrote it.
    """
    tensors = {name: variable.value() for name, variable in reference_variables(model).items()}
    tensors[GLOBAL_STEP] = tf.constant(steps, tf.int64)
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
        checkpoint_names.reference_name(layer.name, weight.name.split("/")[-1].split(":")[0]): weight
        for layer in model.layers
        for weight in layer.weights
    }


def read_ranges(path: Path) -> dict[str, tuple[float, float]]:
    """A quantized checkpoint's activation ranges, by our float layers' names; none in a float one.

    `quantization.take_ranges` puts them into a fake-quantized model. The weights' ranges (`weights_quant`) are not
    among them: ours are per channel and always those of the current weights.

    Raises:
      CheckpointError: unreadable, half a range, or one that is not finite or upside down.
    """
    reader = _open(path)
    ends: dict[str, dict[str, str]] = {}
    for name in reader.get_variable_to_shape_map():
        match checkpoint_names.quantization_range(name):
            case layer, "act_quant", end:
                ends.setdefault(layer, {})[end] = name
    tensors = _read(path, reader, [name for pair in ends.values() for name in pair.values()])
    return {layer: _range(path, layer, pair, tensors) for layer, pair in sorted(ends.items())}


def read_width(path: Path) -> float:
    """The width multiplier, off the variables' shapes."""
    shapes = _shapes(_open(path))
    with _told_of(path):
        return checkpoint_shapes.find_width(shapes)


def read_classes(path: Path) -> int:
    """The number of outputs, the background included, off the variables' shapes."""
    shapes = _shapes(_open(path))
    with _told_of(path):
        return checkpoint_shapes.find_classes(shapes)


def has_averages(path: Path) -> bool:
    """Whether moving averages of the weights are in it."""
    return any(name.endswith(checkpoint_names.EMA) for name in _shapes(_open(path)))


def read_steps(path: Path) -> int:
    """`global_step`: how long it was trained. 0 where the checkpoint does not say."""
    reader = _open(path)
    return int(reader.get_tensor(GLOBAL_STEP)) if reader.has_tensor(GLOBAL_STEP) else 0


def digest(path: Path) -> str:
    """SHA-256 over the checkpoint's files, its index and data; what they are called makes no difference."""
    prefix = os.fspath(path)
    _open(path)
    files = glob.glob(f"{glob.escape(prefix)}.index") + glob.glob(f"{glob.escape(prefix)}.data-*-of-*")
    sha = hashlib.sha256()
    for file in sorted(files) or [prefix]:  # One file of that very name: the format before 2016.
        sha.update(f"{file.removeprefix(prefix)} {sha256_file(file)}\n".encode())
    return sha.hexdigest()


def _open(path: Path) -> tf.train.CheckpointReader:
    prefix = os.fspath(path)
    if os.path.isdir(prefix):  # TensorFlow would take the folder's latest checkpoint, whichever that is.
        found = sorted(name.removesuffix(".index") for name in os.listdir(prefix) if name.endswith(".index"))
        raise CheckpointError(f"{prefix} is a folder: give a checkpoint's prefix; in it: {', '.join(found) or 'none'}.")
    try:
        return tf.train.load_checkpoint(prefix)
    except _UNREADABLE as error:
        raise CheckpointError(
            f"{prefix} is not a readable TF1 checkpoint ({error}). "
            "Give the prefix of its .index and .data files, such as mobilenet_v1_1.0_224.ckpt."
        ) from error


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Errors about names and shapes, said of the file."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{os.fspath(path)}: {error}") from error


def _shapes(reader: tf.train.CheckpointReader) -> dict[str, tuple[int, ...]]:
    return {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}


def _misfits(
    wanted: Mapping[str, tuple[int, ...]], sources: Mapping[str, str], shapes: checkpoint_shapes.Shapes
) -> list[str]:
    """Missing, or of another shape."""
    faults = []
    for name, shape in wanted.items():
        found = shapes.get(sources[name])
        if found is None:
            faults.append(f"{sources[name]}: missing, wanted {shape}")
        elif found != shape:
            faults.append(f"{sources[name]}: has {found}, wanted {shape}")
    return faults


def _left_over(wanted: Mapping[str, tuple[int, ...]], shapes: checkpoint_shapes.Shapes) -> list[str]:
    names = checkpoint_names.strangers(wanted, shapes)
    return [f"{name}: has {shapes[name]}, wanted nothing of that name" for name in names]


def _listed(path: Path, faults: list[str], network: str) -> str:
    named = first_of(faults, _LISTED, separator="\n  ")
    return (
        f"{os.fspath(path)} does not fit this network ({network}) in {len(faults)} variables:\n  {named}\n"
        "Give the width and classes that it was trained with, or none for those that its shapes tell."
    )


def _read(path: Path, reader: tf.train.CheckpointReader, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The tensors by name, each held against its checksum by the reader."""
    tensors = {}
    for name in names:
        try:
            tensors[name] = reader.get_tensor(name)
        except _UNREADABLE as error:
            raise CheckpointError(
                f"{os.fspath(path)}: {name} cannot be read ({error}). The data file is damaged, or not all there: "
                "fetch it again."
            ) from error
        if tensors[name].dtype != np.float32 or not np.isfinite(tensors[name]).all():
            raise CheckpointError(
                f"{os.fspath(path)}: {name} is {tensors[name].dtype}"
                f"{', not finite' if tensors[name].dtype.kind == 'f' else ''}; wanted finite float32 values."
            )
    return tensors


def _range(path: Path, layer: str, names: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> tuple[float, float]:
    found = {end: tensors[name] for end, name in names.items() if tensors[name].size == 1}
    low, high = (float(found[end].item()) if end in found else None for end in ("min", "max"))
    if low is None or high is None or low > high:
        raise CheckpointError(
            f"{os.fspath(path)}: the range of {layer} is {low} to {high} ({', '.join(names.values())}); "
            "wanted one min and one max that is no less."
        )
    return low, high
