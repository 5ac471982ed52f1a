"""The command `mobilenet ingest`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.run import data_options
from pipeline.terminal import output_log
from pipeline.terminal.console import failed, say

if TYPE_CHECKING:
    from pipeline.ingest.request import Request

app = typer.Typer()


@app.command()
def ingest(
    data: Annotated[
        Path,
        typer.Option(help=data_options.FOLDER_HELP),
    ],
    output: Annotated[Path, typer.Option(help="A folder that does not exist yet, for shards, labels and report.")],
    source: data_options.Source = "auto",
    ground_truth: data_options.GroundTruth = None,
    boxes: data_options.Boxes = None,
    classes: data_options.Classes = "",
    holdout: data_options.Holdout = 0.0,
    max_refused: data_options.MaxRefused = 0.001,
    max_leaked: data_options.MaxLeaked = 0.01,
    exif_orientation: data_options.ExifOrientation = "recorded",
    no_decode_check: Annotated[
        bool, typer.Option("--no-decode-check", help="Faster; damage behind a JPEG's header is not looked for.")
    ] = False,
    beam_workers: Annotated[int, typer.Option(help="Processes. One starts at once, each further one after 20 s.")] = 1,
    beam_option: Annotated[
        list[str] | None,
        typer.Option(metavar="--FLAG=VALUE", help="Of Beam's, for another runner; several times. See docs/beam.md."),
    ] = None,
) -> None:
    """Write pictures as checked, sharded examples, without a pipeline: what ImageNetExampleGen does, by the same code.

    Pictures in tars and TFRecords are read where they lie; nothing is unpacked.
    """
    from pipeline.settings import environment
    from pipeline.terminal import silence

    console = Console()
    try:
        environment.set_beam_workers(beam_workers)
        silence.import_tensorflow()
        from components.ingestion.rules import Rules
        from components.sources import class_choice
        from components.sources.detect import Wanted
        from pipeline.ingest.request import Request

        request = Request(
            data=data.absolute(),
            output=output.absolute(),
            wanted=Wanted(
                source=source,
                ground_truth=str(ground_truth.absolute()) if ground_truth else "",
                boxes=str(boxes.absolute()) if boxes else "",
                classes=class_choice.written_out(classes),
                holdout=holdout,
            ),
            rules=Rules(
                max_refused=max_refused,
                max_leaked=max_leaked,
                exif_orientation=exif_orientation,
                decode_check=not no_decode_check,
            ),
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
        said = ingesting.ingest(request, follower=follower)
    output_log.path(request.output).unlink()  # Of an ingestion that went well the report says all.
    return said
