"""Facts made by hand: an evaluation drawn with numpy, of any number of classes, and all else that the page shows."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from components.evaluation.scores import BASELINE, CANDIDATE, Calibration, Evaluation, PairedCounts, Scores, Slice
from components.report import thumbnails
from components.report.facts import FLOAT, QUANTIZED, Facts, Made, Node

BINS = 15
HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"> & 'quoted' {{ 7 * 7 }}"


def evaluation(classes: int, each: int, *, seed: int = 1) -> Evaluation:
    """Labels 1 to `classes`, `each` pictures of every one; the models mostly agree, and err among neighbours."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(1, classes + 1), each)
    baseline = _predictions(rng, labels, classes)
    candidate = np.where(rng.random(len(labels)) < 0.95, baseline, _predictions(rng, labels, classes))
    scores = {CANDIDATE: _scores(rng, labels, candidate, classes), BASELINE: _scores(rng, labels, baseline, classes)}
    overall = Slice(scores, {CANDIDATE: _pairs(labels, candidate, baseline, classes)})
    parts = tuple(_part(rng, index, labels, candidate, baseline, classes) for index in range(4))
    return Evaluation(overall, parts)


def facts(classes: int, each: int, *, names: dict[int, str] | None = None, pictures: int = 0) -> Facts:
    """All sections filled.

    Args:
      names: of some classes; others are called `class 17`.
      pictures: thumbnails, all of them different.
    """
    measured = evaluation(classes, each)
    labels = ["background", *(f"class {label}" for label in range(1, classes + 1))]
    for label, name in (names or {}).items():
        labels[label] = name
    wanted = thumbnails.wanted(measured.candidate)[:pictures]
    return Facts(
        title="MobileNetV1 0.25_64",
        when="26 November 2026, 07:41 UTC",
        labels=labels,
        evaluation=measured,
        verdict=VERDICT,
        conversion=CONVERSION,
        models={FLOAT: _model("sample_float", 300), QUANTIZED: _model("sample_qat", 120)},
        curves={FLOAT: _curves(300), QUANTIZED: _curves(120)},
        ingestion=INGESTION,
        thumbnails={picture: thumbnails.data_uri(jpeg(index)) or "" for index, picture in enumerate(wanted)},
        nodes=NODES,
        pushed_to="models/0.25_64/1",
    )


def jpeg(seed: int, side: int = 500) -> bytes:
    """A photograph's size."""
    noise = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


VERDICT = {
    "blessed": False,
    "reason": "Paired accuracy: it is worse.",
    "evidence": [
        {"kind": "paired accuracy", "passed": False, "sentence": "it is worse."},
        {"kind": "structure", "passed": True, "sentence": "30 operators, all of them int8."},
    ],
}
CONVERSION = {
    "agreement": {"top1": 0.996, "pictures": 500, "mean_steps": 0.73},
    "files": {"float.tflite": {"bytes": 868605}, "tflite": {"bytes": 309469}},
}
INGESTION = {
    "digest": "d" * 64,
    "classes": 10,
    "bytes": 3_802_686,
    "ignored": 2,
    "splits": {
        "train": {
            "pictures": 1998, "taken": 1990, "converted": 8, "refused": 2, "grey": 1,
            "converted_by_reason": {"PNG": 8}, "refused_by_reason": {"not a picture": 2},
            "per_class": {"ant": 999, "bee": 999},
        },
        "eval": {"pictures": 500, "taken": 500, "converted": 0, "refused": 0, "grey": 0, "per_class": {"ant": 250}},
    },
    "converted": [{"name": "train/ant/1.png", "reason": "PNG"}],
    "refused": [{"name": f"train/ant/{HOSTILE}", "reason": "not a picture: starts with b'<'"}],
}  # fmt: skip
NODES = (
    Node("ExampleGen", "cached", 0.0, 0.1, (), {"code": "c" * 64}, (Made("examples", "Examples", "artifacts/1"),)),
    Node("Report", "done", 0.2, 0.5, ("ExampleGen",)),
    Node("Statistics", "done", 0.7, 2.0, ("ExampleGen",)),
    Node("Trainer", "done", 2.7, 60.0, ("ExampleGen", "Report", "Statistics")),
    Node("Evaluator", "failed", 62.7, 5.0, ("ExampleGen", "Trainer")),
)


def _predictions(rng: np.random.Generator, labels: np.ndarray, classes: int) -> np.ndarray:
    """Each class has its own accuracy; half of the errors go to the next class."""
    accuracy = rng.beta(8, 3, classes + 1)
    wrong = np.where(rng.random(len(labels)) < 0.5, labels % classes + 1, rng.integers(1, classes + 1, len(labels)))
    return np.where(rng.random(len(labels)) < accuracy[labels], labels, wrong)


def _scores(rng: np.random.Generator, labels: np.ndarray, predicted: np.ndarray, classes: int) -> Scores:
    confusion = np.zeros((classes + 1, classes + 1), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    right = int((labels == predicted).sum())
    errors = np.argwhere(confusion - np.diag(np.diagonal(confusion)))
    return Scores(
        pictures=len(labels),
        top1_count=right,
        top5_count=(len(labels) + right) // 2,
        cross_entropy=0.8,
        cross_entropy_error=0.02,
        confusion=confusion,
        calibration=_calibration(rng, len(labels)),
        sha256=f"{right:064x}",
        runtime="ai-edge-litert 2.3.0, XNNPACK",
        names={(int(a), int(b)): tuple(f"{a}_{b}_{i}.jpg" for i in range(min(3, confusion[a, b]))) for a, b in errors},
    )


def _calibration(rng: np.random.Generator, pictures: int) -> Calibration:
    middles = (np.arange(BINS) + 0.5) / BINS
    counted = rng.multinomial(pictures, middles / middles.sum())
    return Calibration(counted, rng.binomial(counted, middles**1.2), counted * middles)


def _pairs(labels: np.ndarray, candidate: np.ndarray, baseline: np.ndarray, classes: int) -> PairedCounts:
    ours, theirs = candidate == labels, baseline == labels
    cells = (ours & theirs, ~ours & theirs, ours & ~theirs, ~ours & ~theirs)
    both, lost, gained, none = (np.bincount(labels[cell], minlength=classes + 1) for cell in cells)
    return PairedCounts(both, lost, gained, none, agreed=int((candidate == baseline).sum()))


def _part(rng, index: int, labels, candidate, baseline, classes: int) -> Slice:
    rows = rng.random(len(labels)) < 0.1 * (index + 1)
    label, ours, theirs = (array[rows] for array in (labels, candidate, baseline))
    scores = {
        name: _scores(rng, label, predicted, classes) for name, predicted in ((CANDIDATE, ours), (BASELINE, theirs))
    }
    return Slice(scores, {CANDIDATE: _pairs(label, ours, theirs, classes)}, "picture_size", f"{index} px")


def _model(recipe: str, steps: int) -> dict:
    return {
        "width": 0.25, "resolution": 64, "steps": steps, "recipe": {"name": recipe, "peak_lr": 0.002},
        "digests": {"data": "d" * 64, "code": "c" * 64, "recipe": "e" * 64, "base_model": None},
    }  # fmt: skip


def _curves(steps: int) -> dict[str, list[tuple[int, float]]]:
    every = range(1, steps + 1)
    return {
        "train/loss": [(step, 2.3 * 0.99**step) for step in every],
        "train/top1": [(step, 1 - 0.99**step) for step in every],
        "train/learning_rate": [(step, 0.002 * (1 - step / steps)) for step in every],
        "eval/top1": [(step, 0.9 - 0.9 * 0.99**step) for step in every if step % 60 == 0],
    }
