"""The TFX components. They may import trainer, never pipeline."""

from trainer import moved_names

moved_names.install()


def __getattr__(name: str) -> type:
    """Gives `components.IngestionSummary` and its like, as Kubeflow imports those types, without importing TFX here."""
    if name == "IngestionSummary":
        from components.ingestion.summary import IngestionSummary

        return IngestionSummary
    if name in ("HtmlPage", "ClassificationMetrics", "ScalarMetrics"):
        from components.node import system_artifacts

        return getattr(system_artifacts, name)
    raise AttributeError(f"module 'components' has no attribute {name!r}")
