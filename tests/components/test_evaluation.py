"""TFX's Evaluator with our module measures what a plain loop over the same pictures measures."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from ai_edge_litert.interpreter import Interpreter
from tfx.components.evaluator import executor
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils

from components import evaluation
from components.outcomes import LEAST_PROBABILITY
from components.scores import Evaluation
from pipeline.evaluation import eval_config
from trainer import export, mobilenet_v1, preprocessing
from trainer.imagenet import ENCODED, LABEL
from trainer.keras import keras

PICTURES = Path(__file__).parents[2] / "data" / "sample" / "eval"
EACH = 6  # Pictures of each of the ten classes.
SIDE, CENTRAL_FRACTION, CLASSES = 32, 1.0, 11

pytestmark = [
    # tf_keras draws the seeds of its initializers from a range with float ends.
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
    # The converter says so of every model with integer edges.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
]


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


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Artifacts:
    folder = tmp_path_factory.mktemp("artifacts")
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


@pytest.fixture(scope="module")
def measured(artifacts, tmp_path_factory) -> Evaluation:
    return evaluate(artifacts, tmp_path_factory.mktemp("evaluation"))


def evaluate(artifacts: Artifacts, uri: Path, *, tflite_uri: str | None = None, beam_args: tuple = ()) -> Evaluation:
    """Runs TFX's own executor as the launcher would, and reads what it wrote."""
    tflite = artifacts.tflite if tflite_uri is None else _artifact(standard_artifacts.Model, Path(tflite_uri))
    inputs = {"examples": [artifacts.examples], "model": [tflite], "baseline_model": [artifacts.float_model]}
    outputs = {
        "evaluation": [_artifact(standard_artifacts.ModelEvaluation, uri)],
        "blessing": [_artifact(standard_artifacts.ModelBlessing, uri / "blessing")],
    }
    properties = {
        "eval_config": proto_utils.proto_to_json(eval_config()),
        "example_splits": json_utils.dumps(["eval"]),
        "fairness_indicator_thresholds": "null",
        "module_path": "components.evaluation",
    }
    context = executor.Executor.Context(beam_pipeline_args=list(beam_args), tmp_dir=str(uri / "tmp"), unique_id="1")
    executor.Executor(context).Do(inputs, outputs, properties)
    return evaluation.read(str(uri))


def test_counts_of_the_int8_file_are_those_of_a_plain_loop_to_the_digit(artifacts, measured):
    expected = int8_loop(artifacts)
    assert measured.candidate.pictures == len(artifacts.labels) == 60
    assert_same_scores(measured.candidate, expected, artifacts.labels)
    assert 10 < measured.candidate.top1_count < 60  # The model is neither perfect nor constant.


def test_counts_of_the_float_model_are_those_of_keras_to_the_digit(artifacts, measured):
    model, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    expected = tf.nn.softmax(model.predict(artifacts.images(), verbose=0)).numpy()
    assert_same_scores(measured.baseline, expected, artifacts.labels)


def test_pairs_are_those_of_the_two_loops(artifacts, measured):
    labels = np.array(artifacts.labels)
    int8 = int8_loop(artifacts).argmax(1) == labels
    model, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    floats = model.predict(artifacts.images(), verbose=0).argmax(1) == labels
    pairs = measured.pairs
    np.testing.assert_array_equal(pairs.both_right, np.bincount(labels[int8 & floats], minlength=CLASSES))
    np.testing.assert_array_equal(pairs.only_baseline, np.bincount(labels[~int8 & floats], minlength=CLASSES))
    np.testing.assert_array_equal(pairs.only_candidate, np.bincount(labels[int8 & ~floats], minlength=CLASSES))
    np.testing.assert_array_equal(pairs.both_wrong, np.bincount(labels[~int8 & ~floats], minlength=CLASSES))
    np.testing.assert_array_equal(pairs.per_class, [0] + [EACH] * 10)


def test_the_evaluated_files_sha256_is_the_shipped_files(artifacts, measured):
    file = Path(artifacts.tflite.uri, "Format-Serving", "tflite").read_bytes()
    assert measured.sha256 == hashlib.sha256(file).hexdigest()


def test_tfmas_own_reader_finds_the_rates_by_model(artifacts, tmp_path):
    measured = evaluate(artifacts, tmp_path)
    result = tfma.load_eval_result(str(tmp_path), model_name="candidate")
    overall = result.get_metrics_for_slice()
    assert overall["top1"]["doubleValue"] == measured.candidate.top1
    assert overall["example_count"]["doubleValue"] == 60


def test_a_constant_file_scores_top1_of_none_and_top5_of_four_classes(artifacts, tmp_path):
    write_tflite(str(tmp_path / "constant"), convert(_constant_model(), artifacts.images()))
    measured = evaluate(artifacts, tmp_path / "evaluation", tflite_uri=str(tmp_path / "constant"))
    assert measured.candidate.top1_count == 0  # Index 0, the background, comes first of equals.
    assert measured.candidate.top5_count == 4 * EACH  # Indices 1 to 4 follow.


def test_two_worker_processes_count_the_same(artifacts, measured, tmp_path):
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    again = evaluate(artifacts, tmp_path, beam_args=workers)
    assert again.sha256 == measured.sha256
    np.testing.assert_array_equal(again.candidate.confusion, measured.candidate.confusion)
    np.testing.assert_array_equal(again.baseline.confusion, measured.baseline.confusion)
    np.testing.assert_array_equal(again.pairs.only_baseline, measured.pairs.only_baseline)
    assert again.candidate.cross_entropy == pytest.approx(measured.candidate.cross_entropy, abs=1e-6)


def test_a_folder_without_an_evaluation_is_named(tmp_path):
    with pytest.raises(evaluation.EvaluationError, match=f"{tmp_path} has no .*Run the Evaluator again"):
        evaluation.read(str(tmp_path))


def assert_same_scores(scores, probabilities: np.ndarray, labels: list[int]) -> None:
    """A plain loop: a stable argsort for each picture."""
    top1 = top5 = 0
    cross_entropy = 0.0
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    for row, label in zip(probabilities.astype(np.float64), labels, strict=True):
        order = np.argsort(-row, kind="stable")
        top1 += order[0] == label
        top5 += label in order[:5]
        confusion[label, order[0]] += 1
        cross_entropy -= np.log(max(row[label], LEAST_PROBABILITY))
    assert (scores.top1_count, scores.top5_count) == (top1, top5)
    np.testing.assert_array_equal(scores.confusion, confusion)
    assert scores.cross_entropy == pytest.approx(cross_entropy / len(labels), abs=1e-6)


def int8_loop(artifacts: Artifacts) -> np.ndarray:
    """ai-edge-litert, one picture at a time."""
    interpreter = Interpreter(model_path=f"{artifacts.tflite.uri}/Format-Serving/tflite", num_threads=1)
    interpreter.allocate_tensors()
    (enter,), (leave,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for image in artifacts.images():
        scale, zero = enter["quantization"]
        pixels = np.clip(np.floor(image / np.float32(scale) + zero + 0.5), -128, 127).astype(np.int8)
        interpreter.set_tensor(enter["index"], pixels[np.newaxis])
        interpreter.invoke()
        scale, zero = leave["quantization"]
        rows.append((interpreter.get_tensor(leave["index"])[0].astype(np.float32) - zero) * np.float32(scale))
    return np.stack(rows)


def convert(model: keras.Model, images: np.ndarray) -> bytes:
    """Post-training int8 with int8 edges and a softmax: quick, and as good as any other file for counting."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Sequential([model, keras.layers.Softmax()]))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images[:20])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
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
            for encoded, label in list(zip(artifacts.encoded, artifacts.labels, strict=True))[shard::2]:
                writer.write(_example(encoded, label))
    names = ["background", *sorted(path.name for path in PICTURES.iterdir())]
    Path(artifacts.examples.uri, "labels.txt").write_text("".join(f"{name}\n" for name in names))


def _example(encoded: bytes, label: int) -> bytes:
    features = {
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


def _constant_model() -> keras.Model:
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
