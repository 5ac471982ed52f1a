"""Four variants in one run, killed in the third and started again; then one that fails among others. Writes zoo.md.

Command: .venv/bin/pytest -m proof proof/test_zoo.py
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from components.release import bundle
from components.zoo import bundles, tables
from pipeline import lineage
from tests import browser

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("zoo.md")
VARIANTS = {"0.25_32": "w025-r32", "0.25_64": "w025-r64", "0.50_32": "w050-r32", "0.50_64": "w050-r64"}
THIRD = "w050-r32"
SHARED = {"ImageNetExampleGen", "IngestionReport", "StatisticsGen", "LabelSchema", "ExampleValidator", "DataGate"}
KINDS = (
    "FloatTrainer", "QatTrainer", "TFLiteConverter", "Evaluator", "AccuracyGate", "ReportBuilder", "BundleBuilder",
    "Pusher",
)  # fmt: skip
FAILING = "0.25_48"


def test_killed_in_the_third_of_four_branches_it_repeats_nothing_and_a_branch_that_fails_stops_no_other(tmp_path):
    for package in ("trainer", "components", "pipeline"):  # A copy: an edit meanwhile would train again.
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    workdir = tmp_path / "runs"
    _kill_in_the_third(tmp_path)
    before = lineage.last_run(workdir / "metadata.sqlite")
    done = _run(tmp_path, "--variants", ",".join(VARIANTS))
    assert done.returncode == 0, done.stdout
    after = lineage.last_run(workdir / "metadata.sqlite")
    _nothing_was_repeated(before, after, workdir)
    zoo = bundles.read(workdir / "models")
    _eight_models(zoo, workdir)
    again = _run(tmp_path, "--variants", ",".join(VARIANTS))
    assert again.returncode == 0
    assert {node.state for node in lineage.last_run(workdir / "metadata.sqlite").values()} == {"cached"}
    failed = _one_fails(tmp_path, workdir)
    _write_report(done.stdout, failed.stdout, tables.as_markdown(zoo))


def _kill_in_the_third(tree: Path) -> None:
    """SIGKILL when its float training has left a checkpoint that is not its last."""
    command = _command(tree, "--variants", ",".join(VARIANTS))
    process = subprocess.Popen(command, cwd=tree, env=_environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 3600
    artifacts = tree / "runs" / "artifacts"
    try:
        while not list(artifacts.glob(f"FloatTrainer-{THIRD}/resume/*/checkpoint")):
            assert process.poll() is None, "the run ended before its third branch left a checkpoint"
            assert not (artifacts / f"QatTrainer-{THIRD}").exists(), "its checkpoint was not seen while it was there"
            assert time.monotonic() < deadline, "the third branch left no checkpoint"
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()


def _nothing_was_repeated(before: dict, after: dict, workdir: Path) -> None:
    done_before = {name for name, node in before.items() if node.state == "done"}
    done_after = {name for name, node in after.items() if node.state == "done"}
    branches = list(VARIANTS.values())
    assert done_before == SHARED | {f"{kind}-{branch}" for kind in KINDS for branch in branches[:2]}
    assert done_after == {f"{kind}-{branch}" for kind in KINDS for branch in branches[2:]} | {"ZooReport"}
    assert {name for name, node in after.items() if node.state == "cached"} == done_before
    assert "tiny_float: going on from step" in (workdir / "log.txt").read_text(errors="replace")


def _eight_models(zoo, workdir: Path) -> None:
    assert Counter(model.variant for model in zoo.models) == dict.fromkeys(VARIANTS, 2)
    assert all(model.compared and model.pictures == 500 for model in zoo.models)
    written = json.loads((workdir / "models" / "zoo" / "zoo.json").read_text())
    assert {(each["variant"], each["kind"]): each["top1"] for each in written["models"]} == {
        (model.variant, model.kind): model.top1 for model in zoo.models
    }
    if browser.path():
        with browser.launched() as chromium, browser.opened(chromium, workdir / "models" / "zoo" / "zoo.html") as seen:
            assert (seen.requests, seen.complaints) == ([], [])
            assert seen.page.locator("table.models tbody tr").count() == 8
            assert seen.page.locator("[data-chart] svg").count() == 2  # Of MACs and bytes; no latency was measured.


def _one_fails(tree: Path, workdir: Path) -> subprocess.CompletedProcess:
    """A file stands where a trainer's folder would be; behind it, a bundle has to be pushed again."""
    (workdir / "artifacts" / "FloatTrainer-w025-r48").write_text("in the way")
    shutil.rmtree(workdir / "models" / "0.50_64")
    done = _run(tree, "--variants", f"0.25_32,{FAILING},0.50_64")
    assert done.returncode == 1
    assert f"{FAILING}: FloatTrainer-w025-r48 failed:" in done.stdout
    assert bundle.verify(workdir / "models" / "0.50_64" / "1") == []
    ran = {name for name, node in lineage.last_run(workdir / "metadata.sqlite").items() if node.state == "done"}
    assert ran - {"ZooReport"} == {"Pusher-w050-r64"}
    return done


def _run(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(_command(tree, *arguments), cwd=tree, env=_environment(), text=True, stdout=subprocess.PIPE)


def _command(tree: Path, *arguments: str) -> list[str]:
    chosen = ["--data", str(ROOT / "data" / "sample"), "--workdir", str(tree / "runs"), "--recipe", "tiny"]
    return [sys.executable, "-m", "pipeline", "run", *chosen, *arguments]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"COLUMNS": "120"}


def _write_report(whole: str, failed: str, table: str) -> None:
    screens = ("\n".join(line.rstrip() for line in _last_screen(text).splitlines()) for text in (whole, failed))
    resumed, broken = (f"```\n{screen}\n```" for screen in screens)
    REPORT.write_text(
        "# Four variants in one run\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_zoo.py`. `mobilenet run --recipe tiny --variants "
        f"{','.join(VARIANTS)}` was killed (SIGKILL) in FloatTrainer-{THIRD} and started again: the {6 + 16} nodes "
        "that had finished came from the cache, the training went on from its checkpoint, and every node has run "
        "once.\n\n"
        f"The last screen:\n\n{resumed}\n\n"
        f"A branch made to fail, and a bundle that was deleted before (exit code 1; of the others only Pusher-w050-r64 "
        f"ran):\n\n{broken}\n\n"
        f"{table.replace('# Models', '## Models', 1)}",
        encoding="utf-8",
    )


def _last_screen(text: str) -> str:
    """The table, and how each branch ended, without this machine's folders."""
    lines = text[text.index("MobileNetV1, ") :].splitlines()
    shown = [line for line in lines if not line.startswith(("All of it", "The whole story"))]
    return "\n".join(re.sub(r"/\S*/runs/", "runs/", line) for line in shown)
