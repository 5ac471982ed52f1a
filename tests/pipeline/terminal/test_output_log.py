"""The log of a command that makes a folder: no file of the user's is written, moved or deleted for it."""

import pytest
import typer
from rich.console import Console

from pipeline.terminal import output_log


@pytest.mark.parametrize("keep_as", ["", "log.txt"])
def test_a_users_file_beside_the_output_survives_whatever_its_name(tmp_path, keep_as):
    output = tmp_path / "ex"
    for name in ("ex.log", "ex.1.log", ".ex.log"):
        (tmp_path / name).write_text("mine")
    with output_log.following(Console(), output, nodes=1, keep_as=keep_as, quiet=True):
        output.mkdir()
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "ex.log": "mine",
        "ex.1.log": "mine",
        ".ex.log": "mine",
    }
    assert [path.name for path in output.iterdir()] == ([keep_as] if keep_as else [])


def test_an_error_leaves_the_log_and_names_it(tmp_path, capsys):
    with pytest.raises(typer.Exit), output_log.following(Console(width=500), tmp_path / "ex", nodes=1, quiet=True):
        raise ValueError("no such picture")
    [log] = tmp_path.iterdir()
    assert f"The whole story is in {log}." in capsys.readouterr().err
