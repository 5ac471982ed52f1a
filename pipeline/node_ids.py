"""The ids of the DAG's nodes, without TFX: what `--from` may name. `create_pipeline` makes these very nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.branch import Branch

ZOO = "ZooReport"  # One for all branches, so without a variant in it.
SHARED = ("ImageNetExampleGen", "IngestionReport", "StatisticsGen", "LabelSchema", "ExampleValidator", "DataGate")
IMPORTER, FLOAT = "CheckpointImporter", "FloatTrainer"
AFTER_FLOAT = (
    "QatTrainer", "TFLiteConverter", "Evaluator", "AccuracyGate", "ReportBuilder", "BundleBuilder", "Pusher",
)  # fmt: skip


def of(branches: Sequence[Branch]) -> list[str]:
    """The ids, those of a branch together."""
    return [*SHARED, *(f"{name}-{branch.variant.id}" for branch in branches for name in _of_branch(branch)), ZOO]


def _of_branch(branch: Branch) -> list[str]:
    importer = [IMPORTER] if branch.start else []
    trained = not branch.start or branch.start.trained_on
    return [*importer, *([FLOAT] if trained else []), *AFTER_FLOAT]
