"""All of Fashion-MNIST through the whole DAG, and how near calibration alone comes. Writes fashion_mnist.md.

Command: make data-fashion-mnist && .venv/bin/pytest -m proof proof/test_fashion_mnist.py
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.evaluation import tfma_module as evaluations
from pipeline import lineage
from trainer import export, input_pipeline, quantization
from trainer.recipes import fashion_mnist
from trainer.training import loop

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data" / "fashion-mnist"
VARIANT, NODE = "0.25_64", "w025-r64"
COMMAND = f"mobilenet run --data data/fashion-mnist --recipe fashion_mnist --variant {VARIANT}"
REPORT = Path(__file__).with_name("fashion_mnist.md")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> dict[str, lineage.NodeRun]:
    if not DATA.is_dir():
        pytest.fail(f"{DATA} is missing: run `make data-fashion-mnist`.")
    workdir = tmp_path_factory.mktemp("runs")
    arguments = [*COMMAND.split()[1:], "--workdir", str(workdir)]
    done = subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout
    return lineage.last_run(workdir / "metadata.sqlite")


def test_int8_is_within_a_point_of_float_and_over_91_5(nodes):
    scores = evaluations.read(str(nodes[f"Evaluator-{NODE}"].outputs["evaluation"].uri))
    float_top1, int8_top1 = (s.top1_count / s.pictures for s in (scores.baseline, scores.candidate))
    start = _calibrated(nodes)
    minutes = sum(nodes[f"{trainer}-{NODE}"].seconds for trainer in ("FloatTrainer", "QatTrainer")) / 60
    files = nodes[f"TFLiteConverter-{NODE}"].outputs["tflite"].uri / "Format-Serving" / "conversion.json"
    sizes = {name: file["bytes"] for name, file in json.loads(files.read_text())["files"].items()}
    REPORT.write_text(
        f"# Fashion-MNIST, {VARIANT}, recipe fashion_mnist\n\n"
        f"Command: `{COMMAND}` within `.venv/bin/pytest -m proof proof/test_fashion_mnist.py`, on 2 cores.\n\n"
        "| | top-1 | top-5 | cross entropy | bytes |\n| --- | --- | --- | --- | --- |\n"
        f"| float | {float_top1:.2%} | {scores.baseline.top5_count / scores.baseline.pictures:.2%} "
        f"| {scores.baseline.cross_entropy:.4f} | {sizes['float.tflite']:,} |\n"
        f"| calibrated, before the first QAT step | {start:.2%} | | | |\n"
        f"| int8 .tflite | {int8_top1:.2%} | {scores.candidate.top5_count / scores.candidate.pictures:.2%} "
        f"| {scores.candidate.cross_entropy:.4f} | {sizes['tflite']:,} |\n\n"
        f"{scores.candidate.pictures:,} eval pictures. Training, float and quantized: {minutes:.1f} minutes.\n",
        encoding="utf-8",
    )
    assert scores.candidate.pictures == 10_000
    assert int8_top1 >= 0.915
    assert float_top1 - int8_top1 <= 0.01
    assert abs(float_top1 - start) <= 0.01
    assert minutes <= 30


def _calibrated(nodes: dict[str, lineage.NodeRun]) -> float:
    """Top-1 of the fake-quantized model before its first step: QatTrainer's start."""
    examples = nodes["ImageNetExampleGen"].outputs["examples"].uri
    model, description = export.load_keras(str(nodes[f"FloatTrainer-{NODE}"].outputs["model"].uri / "Format-Serving"))
    how = {"resolution": description.resolution, "central_fraction": description.central_fraction}
    batch = loop.EVAL_BATCH
    pictures = input_pipeline.eval_dataset([f"{examples}/Split-train/*"], **how, batch_size=batch)
    calibration = [images.numpy() for images, _ in pictures.take(fashion_mnist.QAT.calibration_pictures // batch)]
    quantized = quantization.quantize(model, calibration=calibration, freeze_bn=True)
    evaluated = input_pipeline.eval_dataset([f"{examples}/Split-eval/*"], **how, batch_size=batch)
    return loop.top1(lambda images: quantized(images, training=False), evaluated)
