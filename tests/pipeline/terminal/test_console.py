"""Errors are on standard error, and nothing is drawn over where what is drawn over stays."""

import io

import pytest
import typer
from rich.console import Console

from pipeline.terminal import console as terminal
from pipeline.terminal.progress import Follower


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_error_is_on_standard_error_whatever_the_command_speaks_on(capsys):
    ended = terminal.failed(Console(), "no such [bold]class", code=4)
    assert isinstance(ended, typer.Exit) and ended.exit_code == 4
    assert capsys.readouterr() == ("", "Error: no such [bold]class\n")


@pytest.mark.parametrize(
    ("file", "environment", "live"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
        (_Terminal(), {"TERM": "xterm-color", "JPY_PARENT_PID": "7"}, False),
        (_Terminal(), {"TERM": "xterm-color", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}, False),
        (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
    ],
)
def test_a_live_display_is_for_a_terminal_alone_and_a_notebooks_cell_is_none(file, environment, live, monkeypatch):
    for name in ("JPY_PARENT_PID", "MPLBACKEND", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    console = Console(file=file)
    assert terminal.is_live(console) is live
    with Follower(console).progress as progress:
        progress.add_task("importing", total=None)
    with terminal.status(console, "reading the run") as update:
        update("reading it still")
    assert ("importing" in file.getvalue()) is live
    assert ("reading it still" in file.getvalue()) is live
