"""How every command speaks: plain text, and one exit code for each way to end."""

from __future__ import annotations

import typer
from rich.console import Console

EXIT_ERROR = 1
EXIT_NOT_BLESSED = 3
EXIT_SOME_REFUSED = 4  # The rest was done, and each that could not be is named.
EXIT_INTERRUPTED = 130


class Panel:
    """The headings under which `mobilenet --help` lists the commands, in the order of cli.py."""

    RUN = "Run"
    DATA = "Data"
    MODELS = "Models"
    MEASURING = "Measuring"
    CLUSTERS = "Clusters"


def say(console: Console, text: str) -> None:
    """As it is: folders and classes may be named like rich's markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def failed(console: Console, message: str, *, code: int = EXIT_ERROR) -> typer.Exit:
    """Says what went wrong; to be raised."""
    say(console, f"Error: {message}")
    return typer.Exit(code)
