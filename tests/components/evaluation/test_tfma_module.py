"""TFX's Evaluator with our module measures what a plain loop over the same pictures measures."""

import hashlib
import json
from importlib import metadata as metadata_of_packages
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from ai_edge_litert.interpreter import Interpreter
from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.evaluation import classifiers, tfma_module
from components.evaluation.classifiers import Model, Preprocessing
from components.evaluation.outcomes import LEAST_PROBABILITY
from components.evaluation.scores import BINS, Evaluation
from components.gate.accuracy_gate import AccuracyGate
from pipeline.eval_config import eval_config
from tests.components.evaluation.evaluation_artifacts import (
    CENTRAL_FRACTION,
    CLASSES,
    EACH,
    ROOT,
    SIDE,
    Artifacts,
    constant_model,
    convert,
    evaluate,
    longer_side,
    make,
    name_of,
    write_tflite,
)
from trainer import export

pytestmark = [
    pytest.mark.slow,
    # tf_keras draws the seeds of its initializers from a range with float ends.
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
    # The converter says so of every model with integer edges.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Artifacts:
    return make(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def measured(artifacts, tmp_path_factory) -> Evaluation:
    return evaluate(artifacts, tmp_path_factory.mktemp("evaluation"))


def test_counts_of_the_int8_file_are_those_of_a_plain_loop_to_the_digit(artifacts, measured):
    expected = int8_loop(artifacts)
    assert measured.candidate.pictures == len(artifacts.labels) == 60
    assert_same_scores(measured.candidate, expected, artifacts.labels)
    assert 10 < measured.candidate.top1_count < 60  # The model is neither perfect nor constant.


def test_counts_of_the_float_model_are_those_of_keras_to_the_digit(artifacts, measured):
    model, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    expected = tf.nn.softmax(model.predict(artifacts.images(), verbose=0)).numpy()
    assert_same_scores(measured.baseline, expected, artifacts.labels)


def test_models_at_a_uri_as_workers_elsewhere_have_them_are_those_in_the_folder(artifacts):
    for model in (artifacts.float_model, artifacts.tflite):
        here = f"{model.uri}/Format-Serving"
        there = f"ram://bucket/{Path(model.uri).name}/Format-Serving"  # A store that TensorFlow has, as it has gs://.
        for file in (path for path in Path(here).rglob("*") if path.is_file()):
            at = f"{there}/{file.relative_to(here)}"
            tf.io.gfile.makedirs(at.rpartition("/")[0])
            with tf.io.gfile.GFile(at, "wb") as copy:
                copy.write(file.read_bytes())
        by_path, by_uri = classifiers.load(Model("", here)), classifiers.load(Model("", there))
        assert by_uri.preprocessing == by_path.preprocessing == Preprocessing(SIDE, CENTRAL_FRACTION)
        assert by_uri.sha256 == by_path.sha256
        images = artifacts.images()
        np.testing.assert_array_equal(by_uri.probabilities(images), by_path.probabilities(images))


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


def test_calibration_names_and_slices_are_those_of_the_loop(artifacts, measured):
    probabilities, labels = int8_loop(artifacts).astype(np.float64), np.array(artifacts.labels)
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    right = predicted == labels
    edges = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    error = sum(abs(right[edges == b].sum() - confidence[edges == b].sum()) for b in range(BINS)) / len(labels)
    assert measured.candidate.calibration.error == pytest.approx(error, abs=1e-6)
    assert measured.candidate.calibration.pictures.tolist() == np.bincount(edges, minlength=BINS).tolist()
    errors = measured.candidate.confused(99)
    assert sum(each.pictures for each in errors) == (~right).sum()
    for each in errors:
        cell = np.flatnonzero((labels == each.label) & (predicted == each.predicted))
        assert each.names == tuple(name_of(number) for number in cell[:3])
    sizes = np.array([longer_side(number) for number in range(len(labels))])
    by_size = {each.value: each.scores["candidate"] for each in measured.slices if each.feature == "picture_size"}
    assert {value: scores.top1_count for value, scores in by_size.items()} == {
        "under 64 px": right[sizes == 40].sum(),
        "128 to 255 px": right[sizes == 200].sum(),
    }
    notes = {each.value: each.scores["candidate"].pictures for each in measured.slices if each.feature == "decode_note"}
    assert notes == {"as it was": 45, "converted": 15}


def test_agreement_and_the_standard_error_are_those_of_the_loops(artifacts, measured):
    int8, labels = int8_loop(artifacts), np.array(artifacts.labels)
    model, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    floats = model.predict(artifacts.images(), verbose=0).argmax(1)
    assert measured.pairs.agreed == (int8.argmax(1) == floats).sum()
    losses = -np.log(np.maximum(int8[np.arange(60), labels].astype(np.float64), LEAST_PROBABILITY))
    assert measured.candidate.cross_entropy_error == pytest.approx(losses.std(ddof=1) / np.sqrt(60), abs=1e-6)


def test_the_evaluated_files_sha256_is_the_shipped_files(artifacts, measured):
    file = Path(artifacts.tflite.uri, "Format-Serving", "tflite").read_bytes()
    assert measured.sha256 == hashlib.sha256(file).hexdigest()


def test_what_ran_each_file_is_recorded(measured):
    version = metadata_of_packages.version("ai-edge-litert")
    assert measured.candidate.runtime == f"ai-edge-litert {version}, built-in kernels with XNNPACK, 1 thread"
    assert measured.baseline.runtime == f"TensorFlow {tf.__version__}"


def test_tfmas_own_reader_finds_the_rates_by_model(artifacts, tmp_path):
    measured = evaluate(artifacts, tmp_path)
    result = tfma.load_eval_result(str(tmp_path), model_name="candidate")
    overall = result.get_metrics_for_slice()
    assert overall is not None
    assert overall["top1"]["doubleValue"] == measured.candidate.top1
    assert overall["example_count"]["doubleValue"] == 60


def test_a_constant_file_scores_top1_of_none_and_top5_of_four_classes(artifacts, tmp_path):
    write_tflite(str(tmp_path / "constant"), convert(constant_model(), artifacts.images()))
    measured = evaluate(artifacts, tmp_path / "evaluation", tflite_uri=str(tmp_path / "constant"))
    assert measured.candidate.top1_count == 0  # Index 0, the background, comes first of equals.
    assert measured.candidate.top5_count == 4 * EACH  # Indices 1 to 4 follow.


def test_two_worker_processes_count_the_same(artifacts, measured, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    again = evaluate(artifacts, tmp_path, beam_args=workers)
    assert again.sha256 == measured.sha256
    np.testing.assert_array_equal(again.candidate.confusion, measured.candidate.confusion)
    np.testing.assert_array_equal(again.baseline.confusion, measured.baseline.confusion)
    np.testing.assert_array_equal(again.pairs.only_baseline, measured.pairs.only_baseline)
    assert again.candidate.cross_entropy == pytest.approx(measured.candidate.cross_entropy, abs=1e-6)


def test_evaluator_and_gate_run_as_nodes_of_a_pipeline(artifacts, measured, tmp_path):
    LocalDagRunner().run(_pipeline(artifacts, tmp_path))
    (verdict_file,) = tmp_path.glob("root/AccuracyGate/blessing/*/verdict.json")
    verdict = json.loads(verdict_file.read_text())
    assert verdict["blessed"] is False
    assert verdict["reason"].startswith(
        "Paired accuracy: 60 pictures are too few to see a drop of 5.00 points: 383 are needed."
    )
    assert verdict["evidence"][0]["facts"]["only_baseline"] == measured.pairs.only_baseline.sum()
    assert [path.name for path in verdict_file.parent.iterdir() if path.stat().st_size == 0] == ["NOT_BLESSED"]


def test_a_folder_without_an_evaluation_is_named(tmp_path):
    with pytest.raises(tfma_module.EvaluationError, match=f"{tmp_path} has no .*Evaluate again"):
        tfma_module.read(str(tmp_path))


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


def _pipeline(artifacts: Artifacts, folder: Path) -> Pipeline:
    examples, tflite, float_model = (
        Importer(artifact.uri, type(artifact), properties=_split_names(artifact)).with_id(name)
        for name, artifact in [
            ("examples", artifacts.examples),
            ("tflite", artifacts.tflite),
            ("float", artifacts.float_model),
        ]
    )
    evaluator = Evaluator(
        examples=examples.outputs["result"],
        model=tflite.outputs["result"],
        baseline_model=float_model.outputs["result"],
        module_path="components.evaluation.tfma_module",
        eval_config=eval_config(code="test"),
        example_splits=["eval"],
    )
    gate = AccuracyGate(
        evaluation=evaluator.outputs["evaluation"],
        examples=examples.outputs["result"],
        tflite=tflite.outputs["result"],
        float_model=float_model.outputs["result"],
        qat_model=float_model.outputs["result"],
        floor=0.5,
        code="digest",
    )
    return Pipeline(
        pipeline_name="evaluation",
        pipeline_root=str(folder / "root"),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "db")),
        components=[examples, tflite, float_model, evaluator, gate],
    )


def _split_names(artifact) -> dict[str, str | int]:
    return {"split_names": artifact.split_names} if isinstance(artifact, standard_artifacts.Examples) else {}
