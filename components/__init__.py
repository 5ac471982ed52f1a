"""The TFX components. They may import trainer, never pipeline."""


def __getattr__(name: str) -> type:
    """Gives `components.IngestionSummary`, as Kubeflow imports that type, without importing TFX here."""
    if name == "IngestionSummary":
        from components.ingestion_summary import IngestionSummary

        return IngestionSummary
    raise AttributeError(f"module 'components' has no attribute {name!r}")
