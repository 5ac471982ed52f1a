"""Names of the artifact types that Vertex AI and Kubeflow draw by themselves. Their classes: system_artifacts.py."""

from __future__ import annotations

SCHEMA_VERSION = "0.0.1"  # Of all of the backends' own types.
TITLES = {  # A class's TYPE_NAME → what the compiled file calls it.
    "components.HtmlPage": "system.HTML",
    "components.ClassificationMetrics": "system.ClassificationMetrics",
    "components.ScalarMetrics": "system.Metrics",
}
TYPES = {title: type_name for type_name, title in TITLES.items()}
