"""How often the int8 file picks the class that the fake-quantized model picks: 10,000 pictures. Writes agreement.md.

Command: make data-fashion-mnist && .venv/bin/pytest -m proof proof/test_agreement.py
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline import lineage
from trainer import export, preprocessing
from trainer.tflite.runner import Runner

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
EVAL = ROOT / "data" / "fashion-mnist" / "eval"
VARIANT, NODE = "0.25_64", "w025-r64"
COMMAND = f"mobilenet run --recipe sample --variant {VARIANT}"
PICTURES, BATCH = 10_000, 250
REPORT = Path(__file__).with_name("agreement.md")


@dataclass(frozen=True)
class Answers:
    """Over all pictures: logits [n, C] of the fake-quantized model and of the file, and the labels [n]."""

    emulated: np.ndarray
    file: np.ndarray
    labels: np.ndarray
    step: float  # Of the file's logits.

    @property
    def agreement(self) -> float:
        return float(np.mean(self.emulated.argmax(1) == self.file.argmax(1)))

    def top1(self, logits: np.ndarray) -> float:
        return float(np.mean(logits.argmax(1) == self.labels))


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> dict[str, lineage.NodeRun]:
    """The bundled 2,000 pictures through the whole DAG."""
    if not EVAL.is_dir():
        pytest.fail(f"{EVAL} is missing: run `make data-fashion-mnist`.")
    workdir = tmp_path_factory.mktemp("runs")
    arguments = [*COMMAND.split()[1:], "--workdir", str(workdir)]
    done = subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout
    return lineage.last_run(workdir / "metadata.sqlite")


def test_the_int8_file_and_the_fake_quantized_model_pick_the_same_class_for_99_percent_of_10_000_pictures(nodes):
    answers = _answers(nodes)
    apart = np.abs(answers.emulated - answers.file)
    one_step = np.mean(apart <= 1.5 * answers.step)
    REPORT.write_text(
        f"# The int8 file against the fake-quantized model, {VARIANT}, recipe sample\n\n"
        f"Command: `{COMMAND}` within `.venv/bin/pytest -m proof proof/test_agreement.py`. "
        f"Trained on the bundled 2,000 pictures; measured on all {len(answers.labels):,} of Fashion-MNIST's test "
        "pictures.\n\n"
        "| | |\n| --- | --- |\n"
        f"| the same class | {answers.agreement:.2%} |\n"
        f"| top-1, fake-quantized model | {answers.top1(answers.emulated):.2%} |\n"
        f"| top-1, int8 file | {answers.top1(answers.file):.2%} |\n"
        f"| logits apart, mean; at most | {apart.mean():.3f}; {apart.max():.2f} |\n"
        f"| logits at most one output step ({answers.step:.3f}) apart | {one_step:.2%} |\n",
        encoding="utf-8",
    )
    assert len(answers.labels) == PICTURES
    assert answers.agreement >= 0.99


def _answers(nodes: dict[str, lineage.NodeRun]) -> Answers:
    model, description = export.load_keras(str(nodes[f"QatTrainer-{NODE}"].outputs["model"].uri / "Format-Serving"))
    converted = nodes[f"TFLiteConverter-{NODE}"].outputs["tflite"].uri / "Format-Serving" / "tflite"
    runner = Runner(converted.read_bytes(), threads=2)
    predict = tf.function(model, autograph=False)
    emulated, file, labels = [], [], []
    for images, classes in _batches(description):
        emulated.append(predict(images, training=False).numpy())
        file.append(runner.logits(images.numpy()))
        labels.append(classes)
    step = float(runner.graph.logits.scales[0])
    return Answers(np.concatenate(emulated), np.concatenate(file), np.concatenate(labels), step)


def _batches(description: export.Description) -> Iterator[tuple[tf.Tensor, np.ndarray]]:
    """Pictures [b, R, R, 3] as they are evaluated, and labels [b] as ingestion numbers them: from 1, by name."""
    side, fraction = description.resolution, description.central_fraction
    folders = sorted(path for path in EVAL.iterdir() if path.is_dir())
    files = [(path, label) for label, folder in enumerate(folders, start=1) for path in sorted(folder.iterdir())]
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        encoded = (tf.io.read_file(str(path)) for path, _ in batch)
        images = [preprocessing.eval_image(jpeg, resolution=side, central_fraction=fraction) for jpeg in encoded]
        yield tf.stack(images), np.array([label for _, label in batch])
