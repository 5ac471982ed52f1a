"""Twenty honest runs, each with another seed: none may be blocked at the default bounds. Writes honest_runs.md.

Command: .venv/bin/pytest -m proof proof/test_honest_runs.py

They share a work directory and hence a destination, so that each is compared with the release before it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import lineage

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("honest_runs.md")
SEEDS = range(1, 21)
VARIANT, RECIPE = "0.25_32", "tiny"
GATE = "AccuracyGate-w025-r32"


def test_none_of_twenty_honest_runs_is_blocked(tmp_path):
    verdicts: dict[int, dict[str, Any]] = {}
    for seed in SEEDS:
        code = _run(tmp_path, seed)
        verdicts[seed] = _verdict(tmp_path)
        _write(verdicts)
        assert code == (0 if verdicts[seed]["blessed"] else 3)
    assert {seed: verdict["reason"] for seed, verdict in verdicts.items() if not verdict["blessed"]} == {}


def _run(workdir: Path, seed: int) -> int:
    chosen = ["--workdir", str(workdir), "--variant", VARIANT, "--recipe", RECIPE, "--seed", str(seed)]
    done = subprocess.run([sys.executable, "-m", "pipeline", "run", *chosen], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return done.returncode


def _verdict(workdir: Path) -> dict[str, Any]:
    gate = lineage.last_run(workdir / "metadata.sqlite")[GATE]
    assert gate.state == "done"
    return json.loads((gate.outputs["blessing"].uri / "verdict.json").read_text(encoding="utf-8"))


def _write(verdicts: dict[int, dict[str, Any]]) -> None:
    blocked = sum(not verdict["blessed"] for verdict in verdicts.values())
    REPORT.write_text(
        "# Honest runs\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_honest_runs.py`: "
        f"`mobilenet run --variant {VARIANT} --recipe {RECIPE} --seed N`, all with one destination.\n\n"
        f"{blocked} of {len(verdicts)} were blocked at the default bounds. Bounds are in points, and block above 1.\n\n"
        "| seed | float top-1 | int8 top-1 | lost, gained | drop's lower bound | since the release before | verdict |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        + "".join(_row(seed, verdict) for seed, verdict in verdicts.items()),
        encoding="utf-8",
    )


def _row(seed: int, verdict: dict[str, Any]) -> str:
    counts = verdict["evidence"][0]["facts"]
    release = counts["release"]
    since = f"{100 * release['drop_lower_bound']:.2f} ({release['top1']:.1%})" if "top1" in release else "first"
    said = "blessed" if verdict["blessed"] else verdict["reason"].replace("\n", " ")
    return (
        f"| {seed} | {counts['baseline_top1']:.1%} | {counts['candidate_top1']:.1%} | {counts['only_baseline']}, "
        f"{counts['only_candidate']} | {100 * counts['drop_lower_bound']:.2f} | {since} | {said} |\n"
    )
