"""`mobilenet run` as a user runs it: from class folders to a measured, blessed and pushed bundle."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from components.evaluation import outcomes
from components.evaluation import tfma_module as evaluations
from components.release import bundle
from pipeline import lineage
from tests.compat import recorded
from tests.e2e.conftest import ROOT, TRAIN_PICTURES, WholeRun, arguments, mobilenet
from trainer import export, input_pipeline, preprocessing, quantization
from trainer.training import loop

pytestmark = pytest.mark.e2e

NODES = {
    "ImageNetExampleGen", "IngestionReport", "StatisticsGen", "LabelSchema", "ExampleValidator", "DataGate",
    "FloatTrainer-w025-r32", "QatTrainer-w025-r32", "TFLiteConverter-w025-r32", "Evaluator-w025-r32",
    "AccuracyGate-w025-r32", "ReportBuilder-w025-r32", "BundleBuilder-w025-r32", "Pusher-w025-r32",
    "ZooReport",
}  # fmt: skip
FILES = [f"{name}.json" for name in ("manifest", "info", "zoo", "ingestion_report", "model", "conversion", "verdict")]
STEPS = {
    "FloatTrainer-w025-r32": 8 * (10 * TRAIN_PICTURES // 32),
    "QatTrainer-w025-r32": 2 * (10 * TRAIN_PICTURES // 32),
}


def test_each_node_ran_exactly_once(whole_run: WholeRun):
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    assert set(run) == NODES
    assert {node.state for node in run.values()} == {"done"}


def test_a_whole_bundle_is_at_the_destination(whole_run: WholeRun):
    folder = whole_run.workdir / "models" / "0.25_32" / "1"
    assert bundle.verify(folder) == []
    names = {path.name for path in folder.iterdir()}
    stem = "mobilenet_v1_0.25_32"
    assert {f"{stem}_int8.tflite", f"{stem}_uint8.tflite", f"{stem}_float.tflite"} <= names
    assert {f"{stem}_frozen.pb", f"{stem}_eval.pbtxt", f"{stem}.ckpt.index", "saved_model", "labels.txt"} <= names
    assert {"info.json", "manifest.json"} <= names


@pytest.fixture(scope="module")
def v0_1(tmp_path_factory) -> Path:
    return recorded.unpacked(tmp_path_factory.mktemp("v0_1"))


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "info.json",
        "zoo.json",
        "ingestion_report.json",
        "model.json",
        "conversion.json",
        "verdict.json",
    ],
)
def test_each_file_has_its_format_and_every_key_of_0_1_0(whole_run: WholeRun, v0_1: Path, name):
    now = recorded.written(whole_run.workdir, name)
    assert now["format"] == 1
    before = recorded.paths(recorded.written(v0_1, name))
    # Nobody has run `mobilenet benchmark --write` on this run.
    latency = {f".models.*.{key}" for key in ("kernels", "machine", "median_ms", "runtime", "threads")}
    assert before - recorded.paths(now) == (latency if name == "zoo.json" else set())


def test_the_last_screen_tells_the_scores_and_the_place(whole_run: WholeRun):
    screen = whole_run.done.stdout
    scores = _evaluation(whole_run.workdir)
    for counts in (scores.baseline, scores.candidate):
        assert f"{counts.top1_count / counts.pictures:.2%}" in screen
        assert f"{counts.top5_count / counts.pictures:.2%}" in screen
    blessed = screen[screen.index("Blessed and pushed") :].splitlines()
    assert [line.partition(":")[0] for line in blessed[1:4]] == ["Paired accuracy", "Structure", "Provenance"]
    assert str(whole_run.workdir / "models") in screen.replace("\n", "")
    assert f"All of it on one page: {whole_run.workdir / 'report.html'}\n" in screen


def test_the_model_is_far_above_chance_and_as_good_in_int8(whole_run: WholeRun):
    scores = _evaluation(whole_run.workdir)
    assert scores.baseline.top1_count > 250  # Of 500, of ten classes.
    assert abs(scores.baseline.top1_count - scores.candidate.top1_count) <= 20


def test_calibrated_and_not_yet_trained_it_is_within_three_points_of_float(whole_run: WholeRun):
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    examples = run["ImageNetExampleGen"].outputs["examples"].uri
    model, how = export.load_keras(str(run["FloatTrainer-w025-r32"].outputs["model"].uri / "Format-Serving"))

    def pictures(split: str) -> tf.data.Dataset:
        files = [f"{examples}/Split-{split}/*"]
        side, fraction = how.resolution, how.central_fraction
        return input_pipeline.eval_dataset(files, resolution=side, central_fraction=fraction, batch_size=128)

    calibration = [images.numpy() for images, _ in pictures("train").take(2)]
    quantized = quantization.quantize(model, calibration=calibration, freeze_bn=True)
    shares = [loop.top1(lambda images, m=m: m(images, training=False), pictures("eval")) for m in (model, quantized)]
    assert abs(shares[0] - shares[1]) <= 0.03


def test_the_int8_counts_equal_a_plain_loop(whole_run: WholeRun):
    folder = whole_run.workdir / "models" / "0.25_32" / "1"
    labels = (folder / "labels.txt").read_text().splitlines()
    interpreter = Interpreter(str(folder / "mobilenet_v1_0.25_32_int8.tflite"))
    interpreter.allocate_tensors()
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    top5, entropy = 0, []
    for path in sorted((whole_run.data / "eval").glob("*/*.jpg")):
        label = labels.index(path.parent.name)
        probabilities = _probabilities(interpreter, path)
        ranked = np.argsort(-probabilities, kind="stable")
        confusion[label, ranked[0]] += 1
        top5 += label in ranked[:5]
        entropy.append(-np.log(max(probabilities[label], outcomes.LEAST_PROBABILITY)))
    scores = _evaluation(whole_run.workdir).candidate
    np.testing.assert_array_equal(scores.confusion, confusion)
    assert (scores.pictures, scores.top1_count, scores.top5_count) == (500, confusion.trace(), top5)
    assert scores.cross_entropy == pytest.approx(np.mean(entropy), abs=1e-6)


def _probabilities(interpreter: Interpreter, path: Path) -> np.ndarray:
    [given], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    image = preprocessing.eval_image(tf.constant(path.read_bytes()), resolution=32, central_fraction=1.0).numpy()
    scale, zero = given["quantization"]
    codes = np.clip(np.floor(image / np.float32(scale) + zero + 0.5), -128, 127).astype(np.int8)
    interpreter.set_tensor(given["index"], codes[np.newaxis])
    interpreter.invoke()
    scale, zero = result["quantization"]
    return (interpreter.get_tensor(result["index"])[0].astype(np.float64) - zero) * scale


def test_a_second_run_is_served_from_cache_whatever_the_workers(whole_run: WholeRun):
    done = mobilenet(*whole_run.arguments, "--beam-workers", "2")
    assert done.returncode == 0, done.stdout
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    assert {node.state for node in run.values()} == {"cached"}
    assert sorted(path.name for path in (whole_run.workdir / "models" / "0.25_32").iterdir()) == ["1", "latest"]


def test_a_deleted_bundle_is_pushed_again_and_nothing_else_runs(whole_run: WholeRun):
    shutil.rmtree(whole_run.workdir / "models")
    done = mobilenet(*whole_run.arguments)
    assert done.returncode == 0, done.stdout
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    assert {name for name, node in run.items() if node.state == "done"} == {"Pusher-w025-r32"}
    assert bundle.verify(whole_run.workdir / "models" / "0.25_32" / "1") == []


def test_a_model_under_the_floor_is_not_pushed_and_the_exit_code_is_3(whole_run: WholeRun, tmp_path):
    before = sorted((whole_run.workdir / "models").rglob("*"))
    done = mobilenet(*whole_run.arguments, "--floor", "0.999")
    assert done.returncode == 3
    assert "Not blessed, so not pushed.\nPaired accuracy: The int8 file's top-1 of" in done.stdout
    assert "is under the floor of 99.9 %." in done.stdout
    assert "Structure:" not in done.stdout and "Provenance:" not in done.stdout  # They have nothing against it.
    assert sorted((whole_run.workdir / "models").rglob("*")) == before


def test_from_a_node_it_and_what_lies_behind_it_run_again(whole_run: WholeRun):
    done = mobilenet(*whole_run.arguments, "--from", "Evaluator-w025-r32")
    assert done.returncode == 0, done.stdout
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    kinds = ("Evaluator", "AccuracyGate", "ReportBuilder", "BundleBuilder", "Pusher")
    behind = {f"{kind}-w025-r32" for kind in kinds} | {"ZooReport"}
    assert {name for name, node in run.items() if node.state == "done"} == behind
    assert sorted(path.name for path in (whole_run.workdir / "models" / "0.25_32").iterdir()) == ["1", "latest"]


def test_predict_names_the_class_of_a_picture(whole_run: WholeRun):
    pictures = sorted((whole_run.data / "eval" / "trouser").glob("*.jpg"))[:20]
    done = mobilenet("predict", whole_run.workdir / "models" / "0.25_32" / "1", *pictures, "--top", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("trouser") >= 10


def test_killed_in_either_training_the_local_runner_ends_with_the_same_counts(whole_run: WholeRun, tmp_path):
    workdir = tmp_path / "runs"
    command = arguments(whole_run.data, workdir)
    for node in STEPS:
        _kill_in(node, command, workdir)
    done = mobilenet(*command)
    assert done.returncode == 0, done.stdout
    log = (workdir / "log.txt").read_text(errors="replace")
    for recipe in ("tiny_float", "tiny_qat"):
        assert f"{recipe}: going on from step" in log
    run = lineage.last_run(workdir / "metadata.sqlite")
    for node, steps in STEPS.items():
        description = run[node].outputs["model"].uri / "Format-Serving" / "keras" / "model.json"
        assert json.loads(description.read_text())["steps"] == steps
    assert not list(workdir.glob("artifacts/*/resume/*"))
    theirs, ours = _evaluation(whole_run.workdir), _evaluation(workdir)
    np.testing.assert_array_equal(theirs.baseline.confusion, ours.baseline.confusion)
    np.testing.assert_array_equal(theirs.candidate.confusion, ours.candidate.confusion)
    assert theirs.candidate.cross_entropy == pytest.approx(ours.candidate.cross_entropy, abs=1e-6)


def _kill_in(node: str, command: list[str], workdir: Path) -> None:
    """SIGKILL as soon as the node's training has left a checkpoint that is not its last."""
    process = subprocess.Popen([sys.executable, "-m", "pipeline", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(workdir.glob(f"artifacts/{node}/resume/*/checkpoint")):
        assert process.poll() is None, f"the run ended before {node} left a checkpoint"
        assert time.monotonic() < deadline, f"{node} left no checkpoint"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _evaluation(workdir: Path):
    run = lineage.last_run(workdir / "metadata.sqlite")
    return evaluations.read(str(run["Evaluator-w025-r32"].outputs["evaluation"].uri))
