"""The command `report`. What it needs is imported when it runs."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.terminal.console import Panel, failed, say, status

app = typer.Typer()


@app.command(rich_help_panel=Panel.RUN)
def report(
    workdir: Annotated[Path, typer.Argument(help="The --workdir of a mobilenet run.", show_default="runs")] = Path(
        "runs"
    ),
    variant: Annotated[
        str | None, typer.Option(help="WIDTH_RESOLUTION: its newest run.", show_default="the newest run")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The file to write.", show_default="WORKDIR/report.html")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve it to this machine alone, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="With --serve; 0 is any that is free.", min=0, max=65535)] = 0,
) -> None:
    """Write one HTML page of a run: scores, classes, confusion, calibration, curves, data, DAG, lineage.

    It needs no network. A run that failed or was not blessed has one too: it shows what there is.
    """
    from pipeline.terminal import silence
    from trainer.network.variant import Variant

    console = Console()
    try:
        if open_ and serve:
            raise ValueError("got --open and --serve, wanted one of them.")
        chosen = Variant.parse(variant) if variant else None
        silence.import_tensorflow()
        from pipeline.report import report as reporting

        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # It deprecates what TFMA reads with.
        with status(console, "reading the run"):
            written = reporting.write(workdir, variant=chosen, output=output)
        say(console, str(written))
        if open_ and not _open(written):
            say(console, f"No browser could be started: open {written} yourself, or look at it with --serve.")
        if serve:
            _serve(console, written, port)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None


def _open(page: Path) -> bool:
    import webbrowser

    return webbrowser.open(page.absolute().as_uri())


def _serve(console: Console, page: Path, port: int) -> None:
    from pipeline.report.server import PageServer

    with PageServer(page, port) as server, contextlib.suppress(KeyboardInterrupt):
        say(console, f"{server.address} until Ctrl-C")
        server.serve_forever()
