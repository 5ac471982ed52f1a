"""`mobilenet ingest`: the pictures of a source as checked, sharded examples, by the component's own code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.ingestion import ingest as ingestion
from components.ingestion import report as ingestion_report
from components.ingestion import rules as ingestion_rules
from components.ingestion import staging
from components.ingestion.rules import Rules
from components.sources import spans
from components.sources.wanted import ALL, Wanted
from pipeline.compiled.beam_flags import local_beam_flags
from pipeline.terminal.progress import Follower


class IngestError(ValueError):
    """The output stands in the way."""


@dataclass(frozen=True)
class Request:
    """What to ingest.

    Args:
      data: the folder with class folders, tars or TFRecords; with {SPAN} in it, the newest of them.
      output: a folder that does not exist yet.
      wanted, rules: as for components.ingestion.ingest.ingest.
      beam_workers: processes; one is this one.
      beam_options: Beam's own flags, which choose another runner than local processes; its workers must see both
        folders under the same paths.
    """

    data: Path
    output: Path
    wanted: Wanted = ALL
    rules: Rules = ingestion_rules.DEFAULT
    beam_workers: int = 1
    beam_options: tuple[str, ...] = ()


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
    data = spans.newest(str(request.data)).folder
    options = PipelineOptions([*(request.beam_options or local_beam_flags(workers=request.beam_workers))])
    with staging.whole(request.output) as folder:
        follower.start("pictures")
        report = ingestion.ingest(
            data,
            str(folder),
            wanted=request.wanted,
            make_pipeline=lambda: beam.Pipeline(options=options),
            rules=request.rules,
        )
        follower.finish("pictures")
    said = f"{data} is the newest.\n" if spans.is_pattern(str(request.data)) else ""
    return said + ingestion_report.as_text(report)
