"""The command `clean`. What it needs is imported when it runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.settings.local import Settings
from pipeline.terminal.console import Panel, failed, say

app = typer.Typer()


@app.command(rich_help_panel=Panel.RUN)
def clean(
    workdir: Annotated[
        Path, typer.Argument(help="The --workdir of mobilenet runs.", show_default="runs")
    ] = Settings.workdir,
    keep: Annotated[
        int, typer.Option(metavar="RUNS", help="So many of the newest whole runs stay, and all that came after.", min=1)
    ] = 5,
    delete: Annotated[bool, typer.Option("--delete", help="Delete. Without it nothing is changed.")] = False,
) -> None:
    """Delete what old runs left: metadata and files together. Without --delete, only say how much that is.

    The newest runs stay, so that the next one takes all from the cache, and so does what each release that is still at
    its destination was made from. Bundles, checkpoints to resume from and the log are not touched.
    """
    from pipeline import workdir as locking
    from pipeline.clean import clean as cleaning

    console = Console()
    try:
        cleaning.check(workdir)
        if not delete:
            locking.check_free(workdir)
        with locking.alone(workdir) if delete else contextlib.nullcontext():
            found = cleaning.plan(workdir, runs=keep)
            left = cleaning.delete(workdir, found) if delete else None
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    folders = f"{len(found.folders):,} folders of {found.folder_bytes / 1e6:,.1f} MB"
    what = f"what {_runs(found.going)} of {found.runs:,} left, with {folders}"
    if left is None:
        say(console, f"--delete would delete {what}.")
    else:
        metadata = f"{found.metadata_bytes / 1e6:,.1f} MB to {left / 1e6:,.1f} MB"
        say(console, f"Deleted {what}; the metadata shrank from {metadata}.")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
