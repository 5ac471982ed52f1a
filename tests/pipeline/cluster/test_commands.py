"""The commands for clusters as they are typed: what they print, how they end, what they leave behind."""

import io
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from pipeline.cluster import commands
from pipeline.cluster.runs import Run
from tests.pipeline.cluster import submissions
from tests.pipeline.cluster.kubeflow_server import KubeflowServer
from tests.pipeline.test_cli import ROOT, mobilenet

FILE = str(ROOT / "pipeline.yaml")
DAMAGED = "pipelineInfo: {name: x}\nschemaVersion: 2.1.0\n"


@pytest.fixture
def server():
    with KubeflowServer() as running:
        yield running


def settings(folder: Path, host: str) -> str:
    said = submissions.kubeflow_settings(host).model_dump(mode="json", exclude_unset=True)
    (folder / "settings.yaml").write_text(yaml.safe_dump(said))
    return str(folder / "settings.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "--variants", ""], "--variants is '', wanted names with commas between, such as 0.25_64,0.5_128"),
        (["compile", "--variants", "0.25_64,*"], r"'\*' is no pattern: wanted \*_RESOLUTION or WIDTH_\*"),
        (["compile", "--variants", "0.25"], "'0.25' is not a variant"),
        (["compile", "--settings", "settings/local.yaml"], "settings/local.yaml is for this machine"),
        (["check", "no.yaml"], "no.yaml cannot be read: .* Write it with `mobilenet compile`"),
        (["check", FILE, "--settings", "settings/vertex.yaml", "--target", "kubeflow"], "is not for kubeflow"),
        (["submit", "vertex"], "--settings FILE says where: start from settings/vertex.yaml"),
        (["submit", "vertex", "--settings", "settings/kubeflow.yaml"], "is for kubeflow, wanted target: vertex"),
        (["runs", "kubeflow", "--settings", "no.yaml"], "no.yaml cannot be read: .* See settings/ for examples"),
        (["run-compiled", FILE, "--parameter", "floor"], "--parameter is 'floor', wanted NAME=VALUE"),
        (["run-compiled", FILE, "--workdir", "/proc/x"], "/proc/x cannot be written.*Give --workdir"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_clear_sentence_and_writes_nothing(arguments, message, tmp_path):
    output = ["--output", str(tmp_path / "out.yaml")] if arguments[0] == "compile" else []
    done = mobilenet(*arguments, *output)
    assert done.returncode == 1, done.stderr
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["check", "submit", "run-compiled"])
def test_a_damaged_file_is_told_and_not_thrown(command, tmp_path):
    (tmp_path / "damaged.yaml").write_text(DAMAGED)
    damaged = str(tmp_path / "damaged.yaml")
    done = {
        "check": lambda: mobilenet("check", damaged),
        "submit": lambda: mobilenet("submit", "vertex", "--settings", "settings/vertex.yaml", "--pipeline", damaged),
        "run-compiled": lambda: mobilenet("run-compiled", damaged, "--workdir", str(tmp_path / "runs")),
    }[command]()
    assert done.returncode == 1
    said = done.stdout + done.stderr  # The faults that were found, and the error.
    assert "Write the file with `mobilenet compile`" in said or "the compiled file is not whole" in said
    assert "Traceback" not in done.stdout + done.stderr


def test_a_checked_file_is_told_with_what_placed_it():
    done = mobilenet("check", FILE, "--target", "kubeflow")
    assert (done.returncode, done.stderr) == (0, "")
    assert "placed with the example, settings/kubeflow.yaml: nothing that kubeflow would stumble over" in done.stdout


def test_submit_prints_the_runs_page_and_runs_lists_it(tmp_path, server):
    where = settings(tmp_path, server.host)
    done = mobilenet("submit", "kubeflow", "--settings", where, "--pipeline", FILE, "--recipe-set", "epochs=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"run-1: pending\n{server.host}/#/runs/details/run-1\n" in done.stdout
    listed = mobilenet("runs", "kubeflow", "--settings", where)
    assert listed.returncode == 0
    assert "run-1" in listed.stdout and f"{server.host}/#/runs/details/run-1" in listed.stdout


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_runs_id_and_page_are_whole_at_any_width(width):
    identity = "9390a535-032c-45a8-8354-17ed293f84f5"
    page = f"https://kubeflow.example/pipeline/#/runs/details/{identity}"
    written = io.StringIO()
    shown = Console(file=written, width=width)
    commands._show_runs(shown, [Run(identity, "mobilenet-1", "succeeded", None, 12.0, page)])
    assert written.getvalue().count(identity) == 2  # The page ends with it.
    assert page in written.getvalue()


@pytest.mark.parametrize(("ended", "code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_who_waits_gets_the_runs_end_as_exit_code(ended, code, tmp_path, server):
    server.state.script = [{"state": ended}]
    arguments = ("--settings", settings(tmp_path, server.host), "--pipeline", FILE, "--wait")
    done = mobilenet("submit", "kubeflow", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert ended.lower() in done.stdout


def test_ctrl_c_while_waiting_leaves_the_run_alone_and_says_so(tmp_path, server):
    server.state.script = [{"state": "RUNNING"}] * 9
    command = [sys.executable, "-m", "pipeline", "submit", "kubeflow", "--settings", settings(tmp_path, server.host)]
    waiting = subprocess.Popen(
        [*command, "--wait"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not any(path.endswith("/runs/run-1") for _, path, _ in server.state.asked) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)  # It sleeps now, before it looks again.
    waiting.send_signal(signal.SIGINT)
    said, errors = waiting.communicate(timeout=30)
    assert waiting.returncode == 130, said + errors
    assert f"No longer following run-1, which goes on: {server.host}/#/runs/details/run-1" in said
    assert "Traceback" not in said + errors
