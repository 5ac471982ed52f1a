"""`mobilenet tensorboard`: the server answers under readable names, shows what begins later, and ends quietly."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from pipeline import lineage
from pipeline.analysis import tensorboard
from pipeline.analysis.tensorboard import TensorBoardError
from pipeline.lineage import NodeRun, Output

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FLOAT, QAT = "FloatTrainer-w025-r64", "QatTrainer-w025-r64"


def train(workdir: Path, node: str, execution: int, *, losses: tuple[float, ...] = (2.0, 1.0)) -> Path:
    """Logs as a Trainer leaves them."""
    folder = workdir / "artifacts" / node / "model_run" / str(execution)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, loss in enumerate(losses, start=1):
            tf.summary.scalar("train/loss", loss, step=step)
    writer.close()
    return folder


@pytest.fixture
def workdir(tmp_path) -> Path:
    """Named so that --logdir_spec could not have it."""
    workdir = tmp_path / "runs, mine: all"
    for place, (node, execution) in enumerate(((FLOAT, 7), (QAT, 8), (FLOAT, 20))):
        [file] = train(workdir, node, execution).iterdir()
        os.utime(file, (1000 * place, 1000 * place))
    return workdir


@contextlib.contextmanager
def served(workdir: Path, *arguments: str, temporary: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The command on a free port → its process and the page's address."""
    command = [sys.executable, "-m", "pipeline", "tensorboard", str(workdir), "--port", "0", *arguments]
    environment = {**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), line
            yield process, line.split()[0]
        finally:
            process.kill()


def ask(url: str, path: str, wanted: Callable[[dict], bool]) -> dict:
    """The data API's answer as soon as it is what is wanted, or the last one."""
    answer, until = {}, time.monotonic() + 60
    while not wanted(answer) and time.monotonic() < until:
        with urllib.request.urlopen(url + path, timeout=30) as response:
            answer = json.load(response)
        time.sleep(0.2)
    return answer


def test_it_serves_the_losses_under_node_and_execution_and_what_begins_to_train_later(workdir, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with served(workdir, temporary=temporary) as (process, url):
        names = {f"{FLOAT}/7", f"{QAT}/8", f"{FLOAT}/20"}
        tags = ask(url, "data/plugin/scalars/tags", lambda answer: answer.keys() >= names)
        assert tags.keys() == names
        assert all(list(tags[name]) == ["train/loss"] for name in names)
        points = ask(url, f"data/plugin/scalars/scalars?run={FLOAT}/7&tag=train/loss", bool)
        assert [point[1:] for point in points] == [[1, 2.0], [2, 1.0]]
        train(workdir, QAT, 21)
        tags = ask(url, "data/plugin/scalars/tags", lambda answer: f"{QAT}/21" in answer)
        assert tags.keys() == names | {f"{QAT}/21"}
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, ("", ""))
    assert list(temporary.glob("mobilenet-tensorboard-*")) == []


def test_the_logs_are_named_and_the_oldest_comes_first(workdir):
    found = tensorboard.logs(workdir)
    assert list(found) == [f"{FLOAT}/7", f"{QAT}/8", f"{FLOAT}/20"]
    assert found[f"{FLOAT}/20"] == workdir / "artifacts" / FLOAT / "model_run" / "20"


def run_of(*nodes: NodeRun) -> Callable[[Path], dict[str, NodeRun]]:
    return lambda database: {node.node: node for node in nodes}


def node(name: str, state: str, outputs: dict[str, str], *, began: float = 0.0) -> NodeRun:
    return NodeRun(name, state, 1.0, {key: Output(Path(uri), {}) for key, uri in outputs.items()}, began=began)


def test_the_last_runs_logs_are_those_it_recorded_from_cache_too_and_those_of_a_node_at_work(workdir, monkeypatch):
    (workdir / "metadata.sqlite").touch()
    cached = node(FLOAT, "cached", {"model": "/moved/model/7", "model_run": "/moved/model_run/7"})
    train(workdir, QAT, 21)
    at_work = node(QAT, "killed", {}, began=time.time() - 60)
    monkeypatch.setattr(lineage, "last_run", run_of(cached, at_work))
    assert list(tensorboard.of_last_run(workdir)) == [f"{FLOAT}/7", f"{QAT}/21"]
    failed = node(QAT, "failed", {}, began=time.time() + 60)
    monkeypatch.setattr(lineage, "last_run", run_of(failed))
    with pytest.raises(TensorBoardError, match="has not trained yet: leave --latest out"):
        tensorboard.of_last_run(workdir)


def test_without_logs_or_metadata_it_says_what_is_wanted(workdir, tmp_path):
    with pytest.raises(TensorBoardError, match=r"no training logs in .*: wanted event files under artifacts/\. Give"):
        tensorboard.logs(tmp_path / "nothing")
    with pytest.raises(TensorBoardError, match=r"has no metadata\.sqlite, which tells the last run"):
        tensorboard.of_last_run(workdir)


def refused(workdir: Path, host: str, port: int) -> str:
    command = [sys.executable, "-m", "pipeline", "tensorboard", workdir, "--host", host, "--port", str(port)]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_an_address_that_cannot_be_had_is_one_clear_sentence(workdir):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refused(workdir, "127.0.0.1", port)
    assert re.fullmatch(rf"Error: .* port {port}, it was already in use: give another --port, or --port 0 .*\n", said)
    said = refused(workdir, "192.0.2.1", 0)
    assert re.fullmatch(r"Error: 192\.0\.2\.1:0 cannot be had: .*\. Give another --host\.\n", said)


@pytest.mark.parametrize(
    "header", ["localhost:6006", "127.0.0.1", "127.0.0.1:6006", "[::1]:6006", "10.0.0.7", "board:1"]
)
def test_an_address_or_a_name_of_this_machine_may_ask(header):
    assert tensorboard.asked_of_us(header, "board")


@pytest.mark.parametrize(
    "header", ["evil.example", "evil.example:6006", "localhost.evil.example", "", "127.0.0.1.evil.example"]
)
def test_a_name_that_somebody_else_made_point_here_may_not(header):
    assert not tensorboard.asked_of_us(header, "localhost")
