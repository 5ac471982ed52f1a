"""Inputs of the Evaluator made by hand: sixty real pictures, a float model, an int8 file of it; and how to run it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tfx.components.evaluator import executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils

from components.evaluation import tfma_module
from components.evaluation.scores import Evaluation
from pipeline.eval_config import eval_config
from trainer import export, preprocessing
from trainer.imagenet import ENCODED, FILENAME, HEIGHT, LABEL, NOTE, WIDTH
from trainer.keras import keras
from trainer.network import mobilenet_v1

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "data" / "sample" / "eval"
EACH = 6  # Pictures of each of the ten classes.
SIDE, CENTRAL_FRACTION, CLASSES = 32, 1.0, 11


@dataclass(frozen=True)
class Artifacts:
    """The Evaluator's inputs, by hand."""

    encoded: list[bytes]
    labels: list[int]
    examples: standard_artifacts.Examples
    float_model: standard_artifacts.Model
    tflite: standard_artifacts.Model

    def images(self) -> np.ndarray:
        """The pictures, preprocessed one by one."""
        how = {"resolution": SIDE, "central_fraction": CENTRAL_FRACTION}
        return np.stack([preprocessing.eval_image(tf.constant(e), **how).numpy() for e in self.encoded])


def make(folder: Path) -> Artifacts:
    """The inputs under `folder`."""
    named = [
        (path.read_bytes(), label)
        for label, of_class in enumerate(sorted(PICTURES.iterdir()), start=1)
        for path in sorted(of_class.glob("*.jpg"))[:EACH]
    ]
    encoded, labels = [picture for picture, _ in named], [label for _, label in named]
    result = Artifacts(
        encoded,
        labels,
        _artifact(standard_artifacts.Examples, folder / "examples"),
        _artifact(standard_artifacts.Model, folder / "float"),
        _artifact(standard_artifacts.Model, folder / "tflite"),
    )
    _write_examples(result)
    model = _model(result.images(), labels)
    _write_float(result, model)
    write_tflite(result.tflite.uri, convert(model, result.images()))
    return result


def evaluate(artifacts: Artifacts, uri: Path, *, tflite_uri: str | None = None, beam_args: tuple = ()) -> Evaluation:
    """Runs TFX's own executor as the launcher would, and reads what it wrote."""
    tflite = artifacts.tflite if tflite_uri is None else _artifact(standard_artifacts.Model, Path(tflite_uri))
    inputs = {"examples": [artifacts.examples], "model": [tflite], "baseline_model": [artifacts.float_model]}
    outputs = {
        "evaluation": [_artifact(standard_artifacts.ModelEvaluation, uri)],
        "blessing": [_artifact(standard_artifacts.ModelBlessing, uri / "blessing")],
    }
    properties = {
        "eval_config": proto_utils.proto_to_json(eval_config(code="test")),
        "example_splits": json_utils.dumps(["eval"]),
        "fairness_indicator_thresholds": "null",
        "module_path": "components.evaluation.tfma_module",
    }
    context = executor.Executor.Context(beam_pipeline_args=list(beam_args), tmp_dir=str(uri / "tmp"), unique_id="1")
    executor.Executor(context).Do(inputs, outputs, properties)
    return tfma_module.read(str(uri))


def convert(model: keras.Model, images: np.ndarray, *, edges: tf.DType = tf.int8) -> bytes:
    """Post-training int8 with integer edges and a softmax: quick, and as good as any other file for counting."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Sequential([model, keras.layers.Softmax()]))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images[:20])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = edges
    return converter.convert()


def write_tflite(uri: str, file: bytes) -> None:
    folder = Path(uri, "Format-Serving")
    folder.mkdir(parents=True)
    (folder / "tflite").write_bytes(file)
    described = {"preprocessing": {"resolution": SIDE, "central_fraction": CENTRAL_FRACTION}}
    (folder / "conversion.json").write_text(json.dumps(described))


def _artifact(kind, path: Path):
    artifact = kind()
    artifact.uri = str(path)
    return artifact


def _write_examples(artifacts: Artifacts) -> None:
    """Two shards, as ImageNetExampleGen lays them out: no suffix, not compressed."""
    artifacts.examples.split_names = '["train", "eval"]'
    artifacts.examples.set_string_custom_property("file_format", "tfrecords_gzip")
    artifacts.examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    folder = Path(artifacts.examples.uri, "Split-eval")
    folder.mkdir(parents=True)
    for shard in range(2):
        with tf.io.TFRecordWriter(str(folder / f"data_tfrecord-{shard:05}-of-00002")) as writer:
            named = list(enumerate(zip(artifacts.encoded, artifacts.labels, strict=True)))
            for number, (encoded, label) in named[shard::2]:
                writer.write(_example(number, encoded, label))
    names = ["background", *sorted(path.name for path in PICTURES.iterdir())]
    Path(artifacts.examples.uri, "labels.txt").write_text("".join(f"{name}\n" for name in names))


def name_of(number: int) -> str:
    """`image/filename` of a picture."""
    return f"{number:02}.jpg"


def longer_side(number: int) -> int:
    """What its Example says; the slices go by it."""
    return 40 if number % 3 else 200


def _example(number: int, encoded: bytes, label: int) -> bytes:
    side = tf.train.Feature(int64_list=tf.train.Int64List(value=[longer_side(number)]))
    features = {
        FILENAME: tf.train.Feature(bytes_list=tf.train.BytesList(value=[name_of(number).encode()])),
        HEIGHT: tf.train.Feature(int64_list=tf.train.Int64List(value=[20])),
        WIDTH: side,
        NOTE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"" if number % 4 else b"PNG to JPEG"])),
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "image/object/bbox/xmin": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5] * (label % 3))),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _model(images: np.ndarray, labels: list[int]) -> keras.Model:
    """Random features under a ridge regression: right on most pictures, without training."""
    keras.utils.set_random_seed(7)
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([*layer.get_weights()[:-1], np.full(layer.get_weights()[-1].shape, 0.02, np.float32)])
    pooled = keras.Model(model.input, model.get_layer("AvgPool_1a").output)
    features = pooled.predict(images, verbose=0).reshape(len(labels), -1)
    features /= features.std()
    targets = 6.0 * np.eye(CLASSES)[labels]
    solution = np.linalg.solve(features.T @ features + 3.0 * np.eye(features.shape[1]), features.T @ targets)
    solution /= pooled.predict(images, verbose=0).std()
    logits = model.get_layer("Logits")
    logits.set_weights([solution.astype(np.float32)[np.newaxis, np.newaxis], np.zeros(CLASSES, np.float32)])
    return model


def constant_model() -> keras.Model:
    """All logits are 0, whatever the picture."""
    picture = keras.Input((SIDE, SIDE, 3))
    logits = keras.layers.Conv2D(CLASSES, 1, kernel_initializer="zeros")(picture)
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D()(logits))


def _write_float(artifacts: Artifacts, model: keras.Model) -> None:
    description = export.Description(
        width=0.25,
        resolution=SIDE,
        classes=CLASSES,
        central_fraction=CENTRAL_FRACTION,
        quantized=False,
        steps=0,
        recipe={},
        digests={},
    )
    names = Path(artifacts.examples.uri, "labels.txt").read_text().splitlines()
    Path(artifacts.float_model.uri).mkdir()
    export.export(f"{artifacts.float_model.uri}/Format-Serving", model, description, names)
