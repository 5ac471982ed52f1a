"""Where latencies are written: known, and known to be writable, before anything is measured."""

import pytest
from typer.testing import CliRunner

from pipeline.benchmark import report
from pipeline.benchmark.benchmark import BenchmarkError
from pipeline.cli import app
from tests.components.zoo.zoo_folder import push


def test_it_lies_beside_the_variants_and_is_left_as_it_is(tmp_path):
    folder = push(tmp_path, "0.25_32")
    assert report.checked_target(folder) == tmp_path / "latency" / "0.25_32.json"
    assert not list((tmp_path / "latency").iterdir())


def test_one_that_cannot_be_written_is_named_before_the_files_are_looked_at(tmp_path):
    folder = push(tmp_path, "0.25_32")
    (tmp_path / "latency").write_text("a file in the way")
    with pytest.raises(BenchmarkError, match=r"latency/0\.25_32\.json cannot be written: File exists\. Leave --write"):
        report.checked_target(folder)
    done = CliRunner().invoke(app, ["benchmark", str(folder), "--write"])
    assert done.exit_code == 1 and "cannot be written" in done.stderr and done.stdout == ""
