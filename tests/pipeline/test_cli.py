"""The command line: instant help, one clear sentence for what cannot work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from trainer import recipe

ROOT = Path(__file__).parents[2]


def mobilenet(*arguments: str, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, **options)


def test_help_names_the_commands_and_imports_neither_tensorflow_nor_tfx():
    probe = (
        "import sys; from typer.testing import CliRunner; from pipeline.cli import app\n"
        "for arguments in (['--help'], ['run', '--help']):\n"
        "    result = CliRunner().invoke(app, arguments); assert result.exit_code == 0; print(result.output)\n"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'tf_keras', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("run", "predict", "--data", "--workdir", "--variant", "--recipe", "--beam-workers", "--from-scratch"):
        assert word in done.stdout


def invoked(*arguments: str):
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


@pytest.mark.parametrize(("alias", "command"), [("train", "run"), ("val", "evaluate"), ("infer", "predict")])
def test_what_others_call_a_command_is_that_command_and_the_help_lists_it_once(alias, command):
    ours, theirs = (invoked(name, "--help").stdout.splitlines() for name in (command, alias))
    assert f" {alias} [OPTIONS]" in theirs[1] and theirs[2:] == ours[2:]
    assert f" {alias} " not in invoked("--help").stdout


def test_export_is_no_command_and_is_told_what_exports():
    done = invoked("export")
    assert done.exit_code == 2
    assert "No such command 'export'. A run exports: its bundle in WORKDIR/models" in done.stderr


def test_the_help_of_run_is_in_panels_and_names_recipes_nodes_and_examples():
    said = invoked("run", "--help").stdout
    assert re.findall(r"╭─ (\w+) ─", said) == ["Options", "Data", "Running", "Training", "Release"]
    for words in ("mobilenet run --data PICTURES --epochs 5", *recipe.names(), "DataGate", "QatTrainer", "ZooReport"):
        assert words in said, words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variant", "0.25"], "'0.25' is not a variant: wanted WIDTH_RESOLUTION, such as 0.25_128"),
        (["--variant", "0.25_16"], "resolution is 16, wanted at least 32 pixels"),
        (["--recipe", "resnet"], "no recipe 'resnet': there are"),
        (["--data", "/no/such/folder"], "/no/such/folder is not a folder: wanted pictures in train/<class>/"),
        (["--beam-workers", "0"], "--beam-workers is 0, wanted at least 1"),
        (["--margin", "0.05"], "--margin is 0.05, wanted a fraction from 0 up to 0.05, such as 0.01"),
        (["--floor", "80"], "--floor is 80.0, wanted a fraction from 0 to 1"),
        (["--max-lost", "3"], "--max-lost is 3.0, wanted a fraction from 0 to 1"),
        (["--sign", "/no/such/key.pem"], "--sign: [Errno 2] No such file or directory: '/no/such/key.pem'"),
        (
            ["--push-destination", "s3://models"],
            "--push-destination: s3://models is neither a folder nor a place in",
        ),
        (["--float-checkpoint", "a", "--init-checkpoint", "b"], "wanted one of them"),
        (["--variants", "0.25_32,"], "--variants is '0.25_32,', wanted names with commas between"),
        (
            ["--variants", "0.25_32", "--variant", "0.5_32"],
            "--variant 0.5_32 and --variants 0.25_32: wanted one of them",
        ),
        (["--variants", "0.25_*", "--float-checkpoint", "a"], "a is of one width: wanted one --variant with it, got 4"),
        (["--seed", "-1"], "seed is -1, wanted 0 up to 2**32 - 1"),
    ],
)
def test_what_cannot_work_is_one_clear_sentence_before_anything_is_written(arguments, message, tmp_path):
    done = mobilenet("run", "--workdir", str(tmp_path / "runs"), *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(tmp_path.glob("runs/*"))


def test_settings_come_from_a_file_and_options_stand_over_it(tmp_path):
    file = tmp_path / "here.yaml"
    file.write_text(f"target: local\nworkdir: {tmp_path / 'runs'}\nmargin: 0.02\nfloor: 0.7\n")
    code = (
        "import sys; from unittest import mock; from pipeline import cli\n"
        "with mock.patch('pipeline.run.commands._run', side_effect=OSError) as run:\n"
        "    try: cli.main()\n"
        "    except SystemExit: print(run.call_args.args[1])\n"
    )
    command = [sys.executable, "-c", code, "run", "--settings", str(file), "--floor", "0.8", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"workdir=PosixPath('{tmp_path / 'runs'}')" in done.stdout, done.stderr
    assert "floor=0.8, margin=0.02" in done.stdout
    assert "enable_cache=False" in done.stdout


def test_settings_for_a_cluster_are_not_for_run(tmp_path):
    done = mobilenet("run", "--workdir", str(tmp_path / "runs"), "--settings", "settings/vertex.yaml")
    assert done.returncode == 1
    assert "settings/vertex.yaml is for vertex, wanted target: local" in done.stderr


def test_a_checkpoint_that_cannot_be_read_is_one_clear_sentence(tmp_path):
    done = mobilenet("run", "--workdir", str(tmp_path / "runs"), "--float-checkpoint", str(tmp_path / "no.ckpt"))
    assert done.returncode == 1
    assert f"{tmp_path / 'no.ckpt'}" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["log.txt"]


def test_a_read_only_work_directory_is_an_error_that_names_it(tmp_path):
    mounted = tmp_path / "read-only"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(mounted)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        mounted.chmod(0o500)
        if os.access(mounted, os.W_OK):
            pytest.skip("may neither mount nor be kept out by mode bits here")
    try:
        done = mobilenet("run", "--workdir", str(mounted / "runs"))
    finally:
        subprocess.run(["umount", str(mounted)], capture_output=True)
    assert done.returncode == 1
    assert f"the work directory {mounted / 'runs'} cannot be written" in done.stderr
    assert "Give --workdir DIR" in done.stderr
