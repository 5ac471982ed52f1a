"""How every command speaks: plain text, and one exit code for each way to end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import typer
from rich.console import Console

from pipeline.settings import environment

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


def is_live(console: Console) -> bool:
    """Whether lines can be drawn over: a terminal, whatever FORCE_COLOR says, neither a dumb one nor a notebook."""
    return console.file.isatty() and not console.is_dumb_terminal and not environment.in_notebook()


def status(console: Console, text: str) -> AbstractContextManager[Callable[[str], None]]:
    """Within: a spinner with the text, which the given function changes; nothing where no line can be drawn over."""
    if not is_live(console):
        return contextlib.nullcontext(lambda text: None)
    return _spinner(console, text)


@contextlib.contextmanager
def _spinner(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    with console.status(text) as shown:
        yield lambda text: shown.update(text)


def failed(console: Console, message: str, *, code: int = EXIT_ERROR) -> typer.Exit:
    """Says what went wrong on standard error, which `command > file` leaves on the screen; to be raised.

    Args:
      console: where the command has spoken so far; what it said comes first where both are one stream.
    """
    if isinstance(error := sys.exc_info()[1], BrokenPipeError):
        raise error  # Whoever read the output has seen enough: typer ends without a word.
    console.file.flush()
    say(Console(stderr=True), f"Error: {message}")
    return typer.Exit(code)
