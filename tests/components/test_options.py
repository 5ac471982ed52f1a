"""A choice of the data is declared once, and is there wherever people or nodes make it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components import options
from components.data_error import DataError
from components.ingestion.example_gen import ImageNetExampleGen
from components.ingestion.rules import Rules
from components.sources.wanted import Wanted
from pipeline.cli import app
from pipeline.settings.cluster import Parameters
from pipeline.settings.local import Settings

WANTED, RULES = (tuple(field.name for field in dataclasses.fields(kind)) for kind in (Wanted, Rules))


@pytest.mark.parametrize("command", ["run", "ingest"])
def test_each_field_is_an_option_of_both_commands(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert [name for name in WANTED + RULES if options.flag(name) not in shown] == []


def test_each_field_is_a_setting_here_and_what_is_wanted_is_a_parameter_of_a_cluster_s_run():
    assert set(WANTED + RULES) <= {field.name for field in dataclasses.fields(Settings)}
    assert set(WANTED) <= set(Parameters.model_fields)


def test_each_field_reaches_the_node_as_it_was_set(tmp_path):
    settings = Settings(data=tmp_path, holdout=0.25, source="tars", classes="a,b", max_pixels=100, max_leaked=0.5)
    node = ImageNetExampleGen(str(tmp_path), code="0", wanted=settings.wanted, rules=settings.rules)
    config = node.spec.exec_properties["custom_config"]
    for name, value in {**vars(settings.wanted), **vars(settings.rules)}.items():
        assert f'"{name}"' in config, (name, value)
    assert options.of(Rules, {"max_pixels": 100.0, "other": 1}).max_pixels == 100  # A Struct has one kind of number.


def test_what_is_declared_needs_no_heavy_import():
    code = "import sys, components.sources.wanted, components.ingestion.rules; print(sorted(sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not [
        name for name in ("numpy", "PIL", "tensorflow", "apache_beam", "pydantic") if f"'{name}'" in done.stdout
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (Wanted(holdout=1.0), "--holdout is 1.0, wanted a fraction from 0 up to 1."),
        (options.of(Wanted, {"source": "zip"}), "--source is 'zip', wanted one of auto, folders, tars"),
        (Rules(max_refused=1.5), "--max-refused is 1.5, wanted a fraction from 0 to 1."),
        (Rules(max_pixels=0), "--max-pixels is 0, wanted at least 1."),
        (
            options.of(Rules, {"exif_orientation": "turned"}),
            "--exif-orientation is 'turned', wanted one of recorded, applied.",
        ),
    ],
)
def test_a_value_out_of_bounds_is_named_as_the_option(values, message):
    with pytest.raises(DataError) as caught:
        options.check(values)
    assert str(caught.value).startswith(message)
