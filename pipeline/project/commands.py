"""The command `init`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.terminal.console import Panel, failed, say

app = typer.Typer()


@app.command(rich_help_panel=Panel.RUN)
def init(folder: Annotated[Path, typer.Argument(help="The project's folder, new or without such files.")]) -> None:
    """Start a project: a folder for pictures, a recipe, settings and a Makefile with the three commands."""
    from pipeline.project import project

    console = Console()
    try:
        written = project.create(folder)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    for path in written:
        say(console, str(path))
    say(console, f"Put pictures into {folder / project.PICTURES}/CLASS/, and run make in {folder}.")
