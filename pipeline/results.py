"""The last screen of a run: the pictures, and what was measured on the float model and on the file that ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from components.scores import Scores
    from pipeline.local import Outcome


def table(outcome: Outcome) -> Table:
    """Model, top-1, top-5, bytes."""
    evaluation = outcome.evaluation
    result = Table(title=f"MobileNetV1 {outcome.branch.variant.name} on {evaluation.candidate.pictures:,} pictures")
    for name in ("model", "top-1", "top-5", "bytes"):
        result.add_column(name, justify="left" if name == "model" else "right")
    result.add_row("float", *_shares(evaluation.baseline), f"{outcome.float_bytes:,}")
    result.add_row("int8 .tflite", *_shares(evaluation.candidate), f"{outcome.int8_bytes:,}")
    return result


def pictures(outcome: Outcome) -> str:
    """What ingestion made of the folder, in a line; where the names are, if anything was refused or converted."""
    splits = outcome.report["splits"]
    counts = " + ".join(f"{split['pictures']:,} {name}" for name, split in splits.items())
    odd = {kind: sum(split[kind] for split in splits.values()) for kind in ("refused", "converted")}
    said = ", ".join(f"{count:,} {kind}" for kind, count in odd.items() if count)
    return f"{counts} pictures of {outcome.report['classes']} classes" + (
        f"; {said}: {outcome.report_file}" if said else ""
    )


def _shares(scores: Scores) -> tuple[str, str]:
    return f"{scores.top1_count / scores.pictures:.2%}", f"{scores.top5_count / scores.pictures:.2%}"
