"""The page's facts, read from the folders that the nodes left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from components.conversion import artifact
from components.evaluation import tfma_module as evaluations
from components.evaluation.scores import CANDIDATE
from components.gate import accuracy_gate
from components.ingestion import summary
from components.report import thumbnails
from components.report.facts import FLOAT, QUANTIZED, Facts
from trainer import export
from trainer.imagenet import LABELS_FILE
from trainer.network.variant import Variant
from trainer.training import curves

T = TypeVar("T")


@dataclass(frozen=True)
class Folders:
    """The artifacts' folders; None of what a run has not, or did not get to."""

    examples: str | None = None
    report: str | None = None  # The ingestion's.
    float_model: str | None = None
    qat_model: str | None = None
    float_run: str | None = None
    qat_run: str | None = None
    tflite: str | None = None
    evaluation: str | None = None
    blessing: str | None = None


def read(folders: Folders) -> Facts:
    """All that lies there. What cannot be read is left out, and said in `faults`: the rest is worth seeing."""
    reading = _Reading()
    models = {FLOAT: folders.float_model, QUANTIZED: folders.qat_model}
    runs = {FLOAT: folders.float_run, QUANTIZED: folders.qat_run}
    described = _present({name: reading.of(_model, folder) for name, folder in models.items()})
    evaluation = reading.of(evaluations.read, folders.evaluation)
    facts = Facts(
        title=title(described),
        labels=reading.of(_labels, folders.examples) or (),
        evaluation=evaluation,
        verdict=reading.of(_verdict, folders.blessing),
        conversion=reading.of(_conversion, folders.tflite),
        models=described,
        curves=_present({name: reading.of(curves.read, folder) for name, folder in runs.items()}),
        ingestion=reading.of(summary.read, folders.report or folders.examples),
        thumbnails=reading.of(lambda folder: _thumbnails(folder, evaluation), folders.examples) or {},
    )
    return dataclasses.replace(facts, faults=tuple(reading.faults))


def title(models: Mapping[str, Mapping[str, Any]]) -> str:
    """With the variant, where a model says it."""
    for described in models.values():
        return f"MobileNetV1 {Variant(float(described['width']), int(described['resolution'])).name}"
    return "MobileNetV1"


@dataclass
class _Reading:
    """Reads one part after the other, whatever is wrong with one."""

    faults: list[str] = field(default_factory=list)

    def of(self, read: Callable[[str], T], folder: str | None) -> T | None:
        if folder is None:
            return None
        try:
            return read(folder)
        except Exception as error:  # Of TFMA, TensorBoard, JSON: what a damaged file brings forth is not to be listed.
            self.faults.append(f"{folder} cannot be read: {str(error).strip() or type(error).__name__}")
            return None


def _present(parts: Mapping[str, T | None]) -> dict[str, T]:
    return {name: part for name, part in parts.items() if part}


def _labels(folder: str) -> list[str]:
    return Path(folder, LABELS_FILE).read_text(encoding="utf-8").splitlines()


def _model(folder: str) -> dict[str, Any]:
    return dataclasses.asdict(export.read_description(str(Path(folder, artifact.SERVING))))


def _conversion(folder: str) -> dict[str, Any]:
    file = Path(folder, artifact.SERVING, artifact.CONVERSION)
    return artifact.CONVERSION_FORMAT.read(file)


def _verdict(folder: str) -> dict[str, Any]:
    return accuracy_gate.VERDICT_FORMAT.read(Path(folder, accuracy_gate.VERDICT_FILE))


def _thumbnails(folder: str, evaluation: Any) -> Mapping[Any, str]:
    scores = evaluation.overall.scores.get(CANDIDATE) if evaluation else None
    return thumbnails.read(folder, thumbnails.wanted(scores)) if scores else {}
