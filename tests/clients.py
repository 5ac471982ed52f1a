"""Clients of a release that we did not write, on the bundled eval pictures, each with its own way to feed a file.

A picture is uint8 [R, R, 3] here, already of the network's size: how a client crops and resizes is its own affair.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from components.release import bundle
from trainer import eval_image, tflite

EVAL = Path(__file__).parents[1] / "data" / "sample" / "eval"


@dataclass(frozen=True)
class Agreement:
    """A client's answers beside ours. Steps are of the file's output: 1/256 of a probability."""

    client: str
    file: str
    pictures: int
    same: int  # Pictures of the same top-1; of equal outputs any counts.
    differing: int  # Pictures on which any output differs by half a step or more.
    furthest: float  # In steps.


def pictures(release: Path) -> np.ndarray:
    """The 500 bundled pictures, uint8 [n, R, R, 3]."""
    said = bundle.read_info(release)["preprocessing"]
    crop = {"resolution": said["resolution"], "central_fraction": said["central_fraction"]}
    images = np.stack([eval_image.eval_image(path.read_bytes(), **crop) for path in sorted(EVAL.glob("*/*.jpg"))])
    return np.floor((images + 1) * 127.5 + 0.5).astype(np.uint8)


def ours(file: Path, pixels: np.ndarray) -> np.ndarray:
    """Probabilities, float [n, C]."""
    return tflite.Classifier(file).probabilities(scaled(pixels))


def scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def agreement(client: str, file: str, found: np.ndarray, wanted: np.ndarray) -> Agreement:
    """Args:
    found, wanted: the client's probabilities and ours, float [n, C].
    """
    steps = np.abs(found - wanted) * 256
    chosen = found.argmax(axis=1)
    same = wanted[np.arange(len(wanted)), chosen] == wanted.max(axis=1)
    return Agreement(
        client, file, len(wanted), int(same.sum()), int((steps >= 0.5).any(axis=1).sum()), float(steps.max())
    )


def litert(file: Path, pixels: np.ndarray) -> np.ndarray:
    return _interpreted(Interpreter(str(file)), pixels)


def tensorflow_lite(file: Path, pixels: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*tf\.lite\.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(str(file))
    return _interpreted(interpreter, pixels)


def saved_model(folder: Path, pixels: np.ndarray) -> np.ndarray:
    loaded = tf.saved_model.load(str(folder))
    return loaded.signatures["serving_image"](images=tf.constant(scaled(pixels)))["probabilities"].numpy()


INTERPRETERS: dict[str, Callable[[Path, np.ndarray], np.ndarray]] = {
    "ai-edge-litert": litert,
    "tf.lite.Interpreter": tensorflow_lite,
}


def _interpreted(interpreter, pixels: np.ndarray) -> np.ndarray:
    """One picture at a time, quantized by the file's own scale, as the interpreters' guides show it."""
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    (scale, zero), (step, low) = source["quantization"], target["quantization"]
    found = []
    for image in scaled(pixels):
        fed = image
        if scale:
            limits = np.iinfo(source["dtype"])
            fed = np.clip(np.floor(image / scale + zero + 0.5), limits.min, limits.max).astype(source["dtype"])
        interpreter.set_tensor(source["index"], fed[np.newaxis])
        interpreter.invoke()
        output = interpreter.get_tensor(target["index"])[0]
        found.append((output.astype(np.float32) - low) * step if step else output)
    return np.stack(found)
