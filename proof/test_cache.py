"""What a second run costs, and what makes nodes run again. Writes cache.md.

Command: .venv/bin/pytest -m proof proof/test_cache.py
"""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import lineage

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
TRAINERS = {"FloatTrainer-w025-r32", "QatTrainer-w025-r32"}
REPORT = Path(__file__).with_name("cache.md")


def test_nothing_runs_twice_and_an_edited_file_that_trains_trains_again(tmp_path):
    for package in ("trainer", "components", "pipeline"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    lines = [("first run", *_run(tmp_path)), ("the same again", *_run(tmp_path))]
    lines.append(("with `--beam-workers 2`", *_run(tmp_path, "--beam-workers", "2")))
    for file in ("gate/accuracy_gate", "release/pusher"):
        _edit(tmp_path / "components" / f"{file}.py")
    lines.append(("after an edit of accuracy_gate.py and pusher.py", *_run(tmp_path)))
    _edit(tmp_path / "trainer" / "training" / "schedule.py")
    lines.append(("after an edit of schedule.py", *_run(tmp_path)))
    rows = [f"| {what} | {', '.join(sorted(done)) or 'none'} | {seconds:.0f} |" for what, done, seconds in lines]
    REPORT.write_text(
        "# What a second run costs\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_cache.py`: `mobilenet run --recipe tiny --variant 0.25_32`.\n\n"
        "| run | nodes that ran, all others from cache | CPU seconds |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n",
        encoding="utf-8",
    )
    ran = [done for _, done, _ in lines]
    assert len(ran[0]) == 15
    assert ran[1] == ran[2] == set()
    assert lines[1][2] <= 40
    assert "AccuracyGate-w025-r32" in ran[3] and not TRAINERS & ran[3]
    assert ran[4] >= TRAINERS and "ImageNetExampleGen" not in ran[4]


def _run(tree: Path, *arguments: str) -> tuple[set[str], float]:
    """The nodes that ran, and the CPU seconds that it took."""
    chosen = ["--data", str(ROOT / "data" / "sample"), "--workdir", str(tree / "runs")]
    command = [sys.executable, "-m", "pipeline", "run", "--recipe", "tiny", "--variant", "0.25_32", *chosen, *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tree, env=environment, text=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout
    nodes = lineage.last_run(tree / "runs" / "metadata.sqlite")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {name for name, node in nodes.items() if node.state == "done"}, seconds


def _edit(file: Path) -> None:
    with file.open("a", encoding="utf-8") as text:
        text.write("# edited\n")
