"""ReportBuilder: the page of a variant as an artifact, and its metrics as the backends' own pages draw them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation, ModelRun

from components.evaluation import sparse_counts
from components.evaluation.scores import BASELINE, CANDIDATE, Evaluation, Scores
from components.ingestion.summary import IngestionSummary
from components.node.system_artifacts import ClassificationMetrics, HtmlPage, ScalarMetrics
from components.report import artifacts, page
from components.report.facts import Facts

PAGE = "report.html"
MOST_CLASSES = 100  # In the matrix that Vertex AI and Kubeflow draw; of more, those of the most frequent errors.


class ReportError(ValueError):
    """An input cannot be read."""


@component
def ReportBuilder(
    examples: InputArtifact[Examples],
    report: InputArtifact[IngestionSummary],
    qat_model: InputArtifact[Model],
    qat_run: InputArtifact[ModelRun],
    tflite: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    html: OutputArtifact[HtmlPage],
    classification_metrics: OutputArtifact[ClassificationMetrics],
    metrics: OutputArtifact[ScalarMetrics],
    float_model: InputArtifact[Model] = None,  # pyright: ignore[reportArgumentType]
    float_run: InputArtifact[ModelRun] = None,  # pyright: ignore[reportArgumentType]
    code: Parameter[str] = "",
) -> None:
    """Builds the page; without times and lineage, which only ML Metadata knows."""
    inputs = {
        "examples": examples, "report": report, "qat_model": qat_model, "qat_run": qat_run, "tflite": tflite,
        "evaluation": evaluation, "blessing": blessing, "float_model": float_model, "float_run": float_run,
    }  # fmt: skip
    facts, evaluated = read({name: artifact.uri for name, artifact in inputs.items() if artifact is not None})
    html.uri = str(write(facts, Path(html.uri)))
    for name, value in numbers(evaluated).items():
        metrics.set_float_custom_property(name, value)
    matrix = confusion_matrix(evaluated.candidate, facts.labels)
    classification_metrics.set_json_value_custom_property("confusionMatrix", matrix)


def read(folders: dict[str, str]) -> tuple[Facts, Evaluation]:
    """Of a node's inputs all can be read, or something is wrong with them.

    Raises:
      ReportError: one cannot.
    """
    facts = artifacts.read(artifacts.Folders(**folders))
    if facts.faults or facts.evaluation is None:
        raise ReportError(f"{' '.join(facts.faults) or 'there is no evaluation.'} Run the node that makes it again.")
    return facts, facts.evaluation


def write(facts: Facts, folder: Path) -> Path:
    """The page under `folder`, whole; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    beside, target = folder / f".{PAGE}", folder / PAGE
    beside.write_text(page.render(facts), encoding="utf-8")
    beside.replace(target)
    return target


def numbers(evaluation: Evaluation) -> dict[str, float]:
    """Both models' metrics by name, such as `int8_top1`; fractions, nats and pictures."""
    found = {"pictures": float(evaluation.candidate.pictures)}
    for name, model in (("int8", CANDIDATE), ("float", BASELINE)):
        found |= {f"{name}_{key}": value for key, value in _of(evaluation.overall.scores[model]).items()}
    if CANDIDATE in evaluation.overall.pairs:
        found["drop"] = evaluation.pairs.baseline_top1 - evaluation.pairs.candidate_top1
    return found


def confusion_matrix(scores: Scores, labels: Sequence[str]) -> dict[str, Any]:
    """As kfp.dsl.ClassificationMetrics.log_confusion_matrix writes it; the background only where it was predicted."""
    chosen = _chosen(scores)
    return {
        "annotationSpecs": [{"displayName": labels[i] if i < len(labels) else str(i)} for i in chosen],
        "rows": [{"row": row} for row in _among(scores, chosen).tolist()],
    }


def _among(scores: Scores, chosen: Sequence[int]) -> np.ndarray:
    """int64 [n, n]: the cells of these classes, in this order."""
    place = np.full(len(scores.confusion), -1)
    place[chosen] = np.arange(len(chosen))
    labels, predicted, counts = sparse_counts.cells(scores.confusion)
    rows, columns = place[labels], place[predicted]
    both = (rows >= 0) & (columns >= 0)
    result = np.zeros((len(chosen), len(chosen)), np.int64)
    result[rows[both], columns[both]] = counts[both]
    return result


def _of(scores: Scores) -> dict[str, float]:
    found = {"top1": scores.top1, "top5": scores.top5, "cross_entropy": scores.cross_entropy}
    return found | ({"ece": scores.calibration.error} if scores.calibration else {})


def _chosen(scores: Scores) -> list[int]:
    """The classes with pictures or predictions, or of them those of the most frequent errors, in their order."""
    present = np.flatnonzero(scores.confusion.sum(axis=0) + scores.confusion.sum(axis=1)).tolist()
    if len(present) <= MOST_CLASSES:
        return present
    chosen: dict[int, None] = {}
    for pair in scores.confused(MOST_CLASSES**2):
        chosen |= dict.fromkeys((pair.label, pair.predicted))
        if len(chosen) >= MOST_CLASSES:
            break
    return sorted(list(chosen)[:MOST_CLASSES])
