"""A project of somebody's own: files that the commands take as they are, and the wheel that has all they need."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import recipe_files
from pipeline.cli import app
from pipeline.settings import settings_file
from pipeline.settings.local import Settings
from trainer.recipes import auto

ROOT = Path(__file__).parents[3]


def test_a_project_holds_what_the_commands_take(tmp_path, monkeypatch):
    done = CliRunner().invoke(app, ["init", str(tmp_path / "mine")])
    assert done.exit_code == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "mine").iterdir())
    assert names == ["Makefile", "README.md", "pictures", "recipe.yaml", "settings.yaml"]
    monkeypatch.chdir(tmp_path / "mine")
    settings = settings_file.load(Path("settings.yaml"))
    assert isinstance(settings, Settings)
    assert (settings.data, settings.workdir) == (tmp_path / "mine" / "pictures", tmp_path / "mine" / "runs")
    found = recipe_files.experiment("recipe.yaml")
    assert found.float_recipe.sized and found.float_recipe.epochs == auto.FLOAT.epochs


def test_files_that_are_there_are_kept_and_pictures_do_not_stand_in_the_way(tmp_path):
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    assert CliRunner().invoke(app, ["init", str(tmp_path)]).exit_code == 0
    (tmp_path / "recipe.yaml").write_text("mine")
    done = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert done.exit_code == 1 and "has Makefile, README.md, recipe.yaml, settings.yaml already" in done.stderr
    assert (tmp_path / "recipe.yaml").read_text() == "mine"


@pytest.mark.slow
def test_the_wheel_holds_packages_settings_sample_and_templates_and_no_tests(tmp_path):
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".*", "tests", "runs", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    code = f"from setuptools import build_meta; print(build_meta.build_wheel({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True, env={**os.environ})
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shared = [name.partition(".data/data/share/mobilenet-pipeline/")[2] for name in names if ".data/data/" in name]
    committed = {str(path.relative_to(ROOT)) for path in (ROOT / "data" / "sample").rglob("*") if path.is_file()}
    assert {name for name in shared if name.startswith("data/")} == committed
    assert {"settings/local.yaml", "settings/vertex.yaml", "settings/kubeflow.yaml"} <= set(shared)
    assert {"pipeline/project/template/Makefile", "pipeline/family/file_sizes.json"} <= set(names)
    others = {name.split("/")[0] for name in names} - {"trainer", "components", "pipeline"}
    assert all(name.startswith("mobilenet_pipeline-") for name in others), others
