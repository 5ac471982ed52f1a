"""The ingestion report as an artifact: its type and its content. Its wording is report.py's."""

from pathlib import Path
from typing import Any

from tfx.types.artifact import Artifact

from trainer import imagenet


class IngestionSummary(Artifact):
    """ingestion_report.json and the same in short as text. The counts stand on it as custom properties too."""

    # Kubeflow takes `module.Class` with one dot and imports exactly that: components/__init__.py gives the name.
    TYPE_NAME = "components.IngestionSummary"


def read(uri: str) -> dict[str, Any]:
    """The report's content, from an IngestionSummary or an Examples artifact."""
    return imagenet.REPORT_FORMAT.read(Path(uri) / imagenet.REPORT_FILE)
