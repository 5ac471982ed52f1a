"""The command `mobilenet ingest`. What it needs is imported when it runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from components.ingestion.rules import DEFAULT as DEFAULT_RULES
from components.ingestion.rules import Rules
from components.sources.wanted import ALL, Wanted
from pipeline.run import data_options
from pipeline.terminal import option_groups, output_log
from pipeline.terminal.console import Panel, failed, say

if TYPE_CHECKING:
    from pipeline.ingest.request import Request

app = typer.Typer()


@app.command(rich_help_panel=Panel.DATA)
@option_groups.taken(data_options.PANEL)
def ingest(
    data: Annotated[
        Path,
        typer.Option(help=data_options.FOLDER_HELP),
    ],
    output: Annotated[Path, typer.Option(help="A folder that does not exist yet, for shards, labels and report.")],
    wanted: Wanted = ALL,
    rules: Rules = DEFAULT_RULES,
    beam_workers: Annotated[int, typer.Option(help="Processes. One starts at once, each further one after 20 s.")] = 1,
    beam_option: Annotated[
        list[str] | None,
        typer.Option(metavar="--FLAG=VALUE", help="Of Beam's, for another runner; several times. See docs/beam.md."),
    ] = None,
) -> None:
    """Write pictures as checked, sharded examples, without a pipeline: what ImageNetExampleGen does, by the same code.

    Pictures in tars and TFRecords are read where they lie; nothing is unpacked.
    """
    from pipeline.run import early
    from pipeline.settings import environment
    from pipeline.terminal import silence

    console = Console()
    try:
        environment.set_beam_workers(beam_workers)
        if "{" not in str(data) and not output.exists():
            early.look(data.absolute(), wanted.absolute())  # What is wrong with it is said before TensorFlow is here.
        silence.import_tensorflow()
        from components.sources import class_choice
        from pipeline.ingest.request import Request

        request = Request(
            data=data.absolute(),
            output=output.absolute(),
            wanted=dataclasses.replace(wanted.absolute(), classes=class_choice.written_out(wanted.classes)),
            rules=rules,
            beam_workers=beam_workers,
            beam_options=tuple(beam_option or ()),
        )
        said = _ingest(console, request)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    say(console, f"{said.rstrip()}\nAll of it: {output}")


def _ingest(console: Console, request: Request) -> str:
    from pipeline.ingest import request as ingesting

    with output_log.following(console, request.output, nodes=1) as follower:
        return ingesting.ingest(request, follower=follower)
