"""`mobilenet report`: which run it shows, what of it, and what it says where there is none."""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.report import report
from pipeline.report.report import ReportError
from pipeline.report.server import PageServer
from tests.pipeline.report.recorded_runs import Ran, record
from trainer.network.variant import Variant

ROOT = Path(__file__).parents[3]
SMALL, LARGE = Variant(0.25, 32), Variant(0.5, 64)
DIGEST = "6dcca1886a9a4d34"


def run_of(variant: Variant, workdir: Path, *, state: int = mlmd.Execution.COMPLETE) -> list[Ran]:
    """Ingestion, a training that left nothing to read, and an Evaluator in some state."""
    trainer = f"FloatTrainer-{variant.id}"
    return [
        Ran(
            "ImageNetExampleGen",
            {"examples": workdir / "artifacts" / "examples"},
            settings={"input_fingerprint": DIGEST},
            properties={"train_pictures": 2000, "tfx_version": "1.16.0"},
        ),
        Ran(
            trainer,
            {"model_run": workdir / "artifacts" / "model_run"},
            inputs=[("ImageNetExampleGen", "examples")],
            settings={"custom_config": '{"code": "c0de", "recipe": {"name": "tiny"}}', "run_fn": "trainer.task.run_fn"},
        ),
        Ran(f"Evaluator-{variant.id}", inputs=[("ImageNetExampleGen", "examples")], state=state),
    ]


@pytest.fixture
def workdir(tmp_path) -> Path:
    """A run of 0.50_64, and then one of 0.25_32 whose Evaluator failed."""
    folder = tmp_path / "runs"
    (folder / "artifacts" / "examples").mkdir(parents=True)
    (folder / "artifacts" / "examples" / "labels.txt").write_text("background\nant\nbee\n")
    failed = run_of(SMALL, folder, state=mlmd.Execution.FAILED)
    record(folder / "metadata.sqlite", run_of(LARGE, folder), failed)
    return folder


def test_it_shows_the_newest_run_and_what_failed_in_it(workdir):
    facts = report.facts(workdir)
    assert facts.title == "MobileNetV1 w025-r32"
    assert list(facts.labels) == ["background", "ant", "bee"]
    assert [(node.name, node.state) for node in facts.nodes] == [
        ("ImageNetExampleGen", "done"),
        ("FloatTrainer-w025-r32", "done"),
        ("Evaluator-w025-r32", "failed"),
    ]
    assert facts.faults[0].startswith("Evaluator-w025-r32 failed, and nothing behind it ran.")


def test_the_lineage_says_what_each_node_took_was_given_and_made(workdir):
    examples, trainer, evaluator = report.facts(workdir).nodes
    assert examples.settings == {"input_fingerprint": DIGEST}
    assert trainer.settings == {"code": "c0de", "run_fn": "trainer.task.run_fn"}  # The recipe is shown elsewhere.
    assert trainer.after == evaluator.after == ("ImageNetExampleGen",)
    [made] = examples.made
    assert (made.name, made.type, made.uri) == ("examples", "Model", "artifacts/examples")
    assert made.properties == {"train_pictures": "2000"}


def test_of_a_variant_it_shows_the_newest_run(workdir):
    facts = report.facts(workdir, variant=LARGE)
    assert {node.name for node in facts.nodes} == {
        "ImageNetExampleGen", "FloatTrainer-w050-r64", "Evaluator-w050-r64",
    }  # fmt: skip
    assert not any("failed" in fault for fault in facts.faults)


def test_the_page_is_written_whole_beside_the_artifacts_or_where_it_is_wanted(workdir, tmp_path):
    assert report.write(workdir) == workdir / "report.html"
    assert DIGEST in (workdir / "report.html").read_text()
    assert report.write(workdir, output=tmp_path / "mine.html") == tmp_path / "mine.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "runs"]


def test_where_there_is_no_run_it_says_what_was_wanted(workdir, tmp_path):
    with pytest.raises(ReportError, match=r"none is not a folder: wanted the --workdir of a mobilenet run"):
        report.facts(tmp_path / "none")
    with pytest.raises(ReportError, match=r"holds no metadata.sqlite: no mobilenet run was made there"):
        report.facts(tmp_path)
    assert not (tmp_path / "metadata.sqlite").exists()
    with pytest.raises(ReportError, match=r"no run of 1.0_224 in .*: there are w025-r32, w050-r64"):
        report.facts(workdir, variant=Variant(1.0, 224))
    record(tmp_path / "metadata.sqlite")
    with pytest.raises(ReportError, match="knows of no run"):
        report.facts(tmp_path)


def test_after_a_run_a_page_that_cannot_be_written_is_a_sentence(workdir):
    assert report.after_run(workdir, SMALL) == f"All of it on one page: {workdir / 'report.html'}"
    said = report.after_run(workdir, Variant(1.0, 224))
    assert said.startswith("No page was written: no run of 1.0_224 in ")
    assert said.endswith(f"mobilenet report {workdir} tries again.")


@pytest.fixture
def server(tmp_path):
    page = tmp_path / "report.html"
    page.write_text("<p>one</p>")
    (tmp_path / "secret.txt").write_text("secret")
    with PageServer(page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def status(server: PageServer, path: str = "", **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(server.address + path, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_server_listens_on_this_machine_alone_and_has_the_page_and_nothing_else(server):
    assert server.server_address[0] == "127.0.0.1"
    with urllib.request.urlopen(server.address) as answer:
        assert answer.read() == b"<p>one</p>"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert status(server, "report.html") == 200
    assert [status(server, path) for path in ("secret.txt", "../secret.txt", "%2e%2e/", "report.html/..")] == [404] * 4
    assert status(server, Host="attacker.example") == 404
    assert status(server, Host=f"localhost:{server.server_port}") == 200


def mobilenet(*arguments, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "report", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def test_served_until_ctrl_c(workdir):
    command = mobilenet(workdir, "--serve")
    assert command.stdout is not None
    assert command.stdout.readline() == f"{workdir / 'report.html'}\n"
    [address] = re.findall(r"^(http://127.0.0.1:\d+/) until Ctrl-C", command.stdout.readline())
    with urllib.request.urlopen(address) as answer:
        assert DIGEST.encode() in answer.read()
    command.send_signal(signal.SIGINT)
    said, complaints = command.communicate(timeout=30)
    assert (command.returncode, said, complaints) == (0, "", "")


def test_opened_in_the_browser_of_the_machine(workdir, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    command = mobilenet(workdir, "--open", env={**os.environ, "BROWSER": f"{browser} %s"})
    said, complaints = command.communicate(timeout=120)
    assert (command.returncode, said, complaints) == (0, f"{workdir / 'report.html'}\n", "")
    assert (tmp_path / "opened").read_text() == f"{(workdir / 'report.html').as_uri()}\n"


def test_without_a_browser_the_page_is_named_and_that_is_no_error(workdir, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    done = CliRunner().invoke(app, ["report", str(workdir), "--open"])
    assert (done.exit_code, done.stderr) == (0, "")
    page = workdir / "report.html"
    assert f"No browser could be started: open {page} yourself, or look at it with --serve." in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--open", "--serve"], "Error: got --open and --serve, wanted one of them."),
        (["--variant", "large"], "Error: 'large' is not a variant: wanted WIDTH_RESOLUTION"),
        (["--output", "/no/page.html"], "Error: /no/page.html cannot be written: No such file or directory. Give"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_exit_code_1(workdir, options, said):
    command = mobilenet(workdir, *options)
    screen, complaint = command.communicate(timeout=120)
    assert (command.returncode, screen) == (1, "")
    assert complaint.startswith(said)
