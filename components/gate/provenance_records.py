"""What the artifacts behind a verdict record of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.conversion.artifact import CONVERSION, CONVERSION_FORMAT
from components.evaluation.scores import Evaluation
from trainer import export
from trainer.export import Description
from trainer.file_format import FileFormat
from trainer.imagenet import REPORT_FILE, REPORT_FORMAT


@dataclass(frozen=True)
class Parts:
    """What a verdict is about: the artifacts' folders, of models and files their serving folders."""

    examples: Path
    tflite: Path
    float_model: Path
    qat_model: Path
    evaluation: Evaluation


@dataclass(frozen=True)
class Records:
    """What the artifacts record, all of them there."""

    report: dict[str, Any]
    conversion: dict[str, Any]
    float_model: Description
    qat_model: Description


def read(parts: Parts) -> tuple[Records | None, list[str]]:
    """The records; or None, and a sentence for each that is missing."""
    report = read_json(parts.examples / REPORT_FILE, REPORT_FORMAT)
    conversion = read_json(parts.tflite / CONVERSION, CONVERSION_FORMAT)
    float_model, qat_model = description(parts.float_model), description(parts.qat_model)
    missing = [
        f"{what} is missing or cannot be read: {way_out}."
        for what, found, way_out in (
            (f"{REPORT_FILE} of the examples", report, "ingest again"),
            (f"{CONVERSION} beside the file", conversion, "convert again"),
            (f"{export.DESCRIPTION_FILE} of the float model", float_model, "train or import it again"),
            (f"{export.DESCRIPTION_FILE} of the fake-quantized model", qat_model, "train it again"),
        )
        if found is None
    ]
    if report is None or conversion is None or float_model is None or qat_model is None:
        return None, missing
    return Records(report, conversion, float_model, qat_model), missing


def description(serving_dir: Path) -> Description | None:
    """What a model says of itself; None where it says nothing that can be read."""
    try:
        found = export.read_description(str(serving_dir))
    except (OSError, TypeError, ValueError):
        return None
    return found if isinstance(found.recipe, dict) and isinstance(found.digests, dict) else None


def data_digest(examples: Path) -> str | None:
    """The ingestion's own, over all pictures; None where nothing records it."""
    return (read_json(examples / REPORT_FILE, REPORT_FORMAT) or {}).get("digest")


def labels(path: Path) -> list[str] | None:
    """A file with a label in each line; None where there is none."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None


def read_json(path: Path, file_format: FileFormat) -> dict[str, Any] | None:
    """An object; None where there is none."""
    try:
        return file_format.read(path)
    except (OSError, ValueError):
        return None
