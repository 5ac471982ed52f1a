"""What a trainer hands on: a SavedModel with three signatures, and the Keras weights with what rebuilds them.

Everything appears whole or not at all.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import tensorflow as tf

from trainer import canonical, picture_bytes, preprocessing, quantization
from trainer.file_format import FileFormat
from trainer.imagenet import ENCODED, LABELS_FILE
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.layer_names import float_name
from trainer.pictures import record
from trainer.pictures.record import DEFAULT, Preprocessing
from trainer.whole import whole_folder

KERAS = "keras"
WEIGHTS_FILE = "weights.h5"
DESCRIPTION_FILE = "model.json"
RANGES_FILE = "ranges.json"  # Of an imported quantized checkpoint: layer → [min, max] of its activations.
DESCRIPTION_FORMAT = FileFormat(DESCRIPTION_FILE)
PREPROCESSING_FILE = "preprocessing.json"  # Among a SavedModel's assets: what must be done to a picture for it.
PREPROCESSING_FORMAT = FileFormat(PREPROCESSING_FILE)
ASSETS = "assets"


@dataclass(frozen=True)
class Description:
    """What the weights belong to, and where they came from."""

    width: float
    resolution: int  # Pixels.
    classes: int  # Outputs, the background included.
    central_fraction: float  # Of each side, of the pictures it is evaluated on.
    quantized: bool
    steps: int  # Trained for, all phases of this model's own training.
    recipe: dict[str, Any]
    digests: dict[str, str | None]  # data, code, recipe, base_model: SHA-256.
    # All that is done to a picture for it. None: but for the crop as in DEFAULT, as before there was a record.
    preprocessing: Preprocessing = None  # pyright: ignore[reportAssignmentType] - see __post_init__.

    def __post_init__(self) -> None:
        if self.preprocessing is None:
            said = dataclasses.replace(DEFAULT, central_fraction=self.central_fraction)
            object.__setattr__(self, "preprocessing", said)

    def as_dict(self) -> dict[str, Any]:
        """What model.json holds."""
        return {**vars(self), "preprocessing": self.preprocessing.as_dict()}

    @property
    def variant(self) -> mobilenet_v1.Variant:
        return mobilenet_v1.Variant(self.width, self.resolution)


def export(serving_dir: str, model: keras.Model, description: Description, labels: Sequence[str]) -> None:
    """Writes the SavedModel, its labels, the Keras weights and the description under `serving_dir`."""
    with whole_folder(Path(serving_dir)) as folder:
        label_file = folder / LABELS_FILE
        label_file.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        module = _Serving(model, description, label_file)
        signatures = {
            "serving_default": module.examples,
            "serving_image": module.images,
            "serving_bytes": module.files,
        }
        tf.saved_model.save(module, os.fspath(folder), signatures)
        canonical.rewrite(folder)
        label_file.unlink()  # Copied among the assets by now.
        (folder / KERAS).mkdir()
        model.save_weights(os.fspath(folder / KERAS / WEIGHTS_FILE))
        _write_json(folder / KERAS / DESCRIPTION_FILE, DESCRIPTION_FORMAT.stamped(description.as_dict()))
        said = PREPROCESSING_FORMAT.stamped(description.preprocessing.as_dict())
        _write_json(folder / ASSETS / PREPROCESSING_FILE, said)


def load_keras(serving_dir: str) -> tuple[keras.Model, Description]:
    """Rebuilds the Keras model (fake-quantized if it was) with its weights."""
    description = read_description(serving_dir)
    model = mobilenet_v1.build(width=description.width, resolution=description.resolution, classes=description.classes)
    if description.quantized:
        freeze_bn = bool(description.recipe.get("freeze_bn", True))
        model = quantization.quantize(model, calibration=None, freeze_bn=freeze_bn)
    model.load_weights(os.path.join(serving_dir, KERAS, WEIGHTS_FILE))
    return model, description


def load_unrounded(serving_dir: str) -> tuple[keras.Model, Description]:
    """Rebuilds the network alone, with the weights that it has in training: in float, whether it was quantized or not.

    Read by name off the weights' file, which takes a tenth of the time that tfmot needs for its wrappers.
    """
    description = read_description(serving_dir)
    model = build_unrounded(description)
    load_unrounded_weights(model, serving_dir)
    return model, description


def build_unrounded(description: Description) -> keras.Model:
    """The float network of a model, without its weights."""
    return mobilenet_v1.build(
        width=description.width, resolution=description.resolution, classes=description.classes, dropout=0.0
    )


def load_unrounded_weights(model: keras.Model, serving_dir: str) -> None:
    """Sets the weights of a float network to those that a model of its shape has in training."""
    with h5py.File(os.path.join(serving_dir, KERAS, WEIGHTS_FILE)) as file:
        values = {}
        for group in file.values():
            for name in group.attrs["weight_names"]:
                values[f"{float_name(group.name.strip('/'))}/{name.split('/')[-1]}"] = group[name][()]
    for layer in model.layers:
        layer.set_weights([values[f"{layer.name}/{weight.name.split('/')[-1]}"] for weight in layer.weights])


def read_description(serving_dir: str) -> Description:
    """Reads model.json beside the weights."""
    path = Path(serving_dir) / KERAS / DESCRIPTION_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {serving_dir} was not written by this project's trainers.")
    content = DESCRIPTION_FORMAT.read(path)
    names = {field.name for field in dataclasses.fields(Description)}
    found = {name: value for name, value in content.items() if name in names}
    if isinstance(said := found.pop("preprocessing", None), dict):
        found["preprocessing"] = record.of(said, path)
    return Description(**found)


def read_ranges(serving_dir: str) -> dict[str, tuple[float, float]]:
    """The activations' ranges beside the weights, for `quantization.take_ranges`; empty if there are none."""
    path = Path(serving_dir) / KERAS / RANGES_FILE
    if not path.is_file():
        return {}
    return {layer: (low, high) for layer, (low, high) in json.loads(path.read_text(encoding="utf-8")).items()}


def labels(serving_dir: str) -> list[str]:
    """The class names in the order of the outputs, `background` first."""
    path = Path(serving_dir) / ASSETS / LABELS_FILE
    return path.read_text(encoding="utf-8").splitlines()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class _Serving(tf.Module):
    """The signatures: serialized Examples, pictures in [-1, 1], picture files; all give logits and probabilities."""

    def __init__(self, model: keras.Model, description: Description, label_file: Path) -> None:
        super().__init__()
        self._predict = lambda images: model(images, training=False)
        # The variables and not the layers: Keras would trace every layer's functions, 20 s for what nobody calls.
        self.weights = model.weights
        self.label_file = tf.saved_model.Asset(os.fspath(label_file))
        side = description.resolution
        picture = tf.TensorSpec([None, side, side, 3], tf.float32, name="images")
        self.images = tf.function(self._outputs, input_signature=[picture], autograph=False)
        serialized = tf.TensorSpec([None], tf.string, name="examples")
        self.examples = tf.function(self._from_examples(description), input_signature=[serialized], autograph=False)

        content = tf.TensorSpec([None], tf.string, name="image_bytes")
        self.files = tf.function(self._from_files(description), input_signature=[content], autograph=False)

    def _outputs(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = tf.cast(self._predict(images), tf.float32)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    def _from_files(self, description: Description) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
        def decode(content: tf.Tensor) -> tf.Tensor:
            return picture_bytes.image(content, resolution=description.resolution, how=description.preprocessing)

        def outputs(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._outputs(tf.map_fn(decode, image_bytes, fn_output_signature=tf.float32))

        return outputs

    def _from_examples(self, description: Description) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
        def decode(encoded: tf.Tensor) -> tf.Tensor:
            side, fraction = description.resolution, description.central_fraction
            return preprocessing.eval_image(encoded, resolution=side, central_fraction=fraction)

        def outputs(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            features = tf.io.parse_example(examples, {ENCODED: tf.io.FixedLenFeature([], tf.string)})
            images = tf.map_fn(decode, features[ENCODED], fn_output_signature=tf.float32)
            return self._outputs(images)

        return outputs
