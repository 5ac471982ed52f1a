"""`mobilenet ingest`: the pictures of a source as checked, sharded examples, by the component's own code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import ingestion, ingestion_report, source_kind
from components.ingestion_rules import Rules
from pipeline.cluster.beam_flags import local_beam_flags
from pipeline.progress import Follower
from trainer.whole import whole_folder


class IngestError(ValueError):
    """The output stands in the way."""


@dataclass(frozen=True)
class Request:
    """What to ingest.

    Args:
      data: the folder with class folders or tars.
      output: a folder that does not exist yet.
      source, ground_truth, rules: as for components.ingestion.ingest.
      beam_workers: processes; one is this one.
    """

    data: Path
    output: Path
    source: source_kind.Kind = "auto"
    ground_truth: Path | None = None
    rules: Rules = ingestion.DEFAULT_RULES
    beam_workers: int = 1


def ingest(request: Request, *, follower: Follower) -> str:
    """Writes Split-train/, Split-eval/, labels.txt and the report into `request.output`, whole or not at all.

    Returns:
      The report in a few lines.

    Raises:
      IngestError: the output is there already.
      DataError: the pictures are not as they should be, or the output cannot be written.
    """
    if request.output.exists():
        raise IngestError(f"{request.output} is there already: give a folder that does not exist yet, or remove it.")
    options = PipelineOptions(local_beam_flags(workers=request.beam_workers))
    with whole_folder(request.output) as folder:
        follower.start("pictures")
        report = ingestion.ingest(
            str(request.data),
            str(folder),
            source=request.source,
            ground_truth=str(request.ground_truth) if request.ground_truth else None,
            make_pipeline=lambda: beam.Pipeline(options=options),
            rules=request.rules,
        )
        follower.finish("pictures")
    return ingestion_report.as_text(report)
