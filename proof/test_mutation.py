"""Mutation tests of the gate: mutmut changes its code in one place at a time, and a test must fail. Writes mutation.md.

Command: .venv/bin/pytest -m proof proof/test_mutation.py
What is changed, and by which tests it must be seen, is in pyproject.toml under tool.mutmut.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from mutmut.stats import status_by_exit_code

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("mutation.md")
FLOOR = 0.9
# A survivor's name, as mutmut gives it → why no test can tell it from the code, in one sentence.
EQUIVALENT: dict[str, str] = {}


def test_nine_of_ten_changes_are_seen_and_a_timeout_is_not_a_sight():
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([mutmut, "run"], cwd=ROOT, check=True)
    found = statuses(ROOT / "mutants")
    survivors = {name: difference(mutmut, name) for name, status in found.items() if status != "killed"}
    REPORT.write_text(report(found, survivors), encoding="utf-8")
    assert set(EQUIVALENT) <= set(survivors), "a mutant that is called equivalent was killed, or is there no more"
    assert score(found) >= FLOOR


def statuses(folder: Path) -> dict[str, str]:
    """Every mutant of the last run → how it ended, as mutmut calls it."""
    metas = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.py.meta"))]
    return {name: status_by_exit_code[code] for meta in metas for name, code in meta["exit_code_by_key"].items()}


def score(found: Mapping[str, str]) -> float:
    """The share that was killed of all that are not equivalent."""
    counted = [status for name, status in found.items() if name not in EQUIVALENT]
    return counted.count("killed") / len(counted)


def difference(mutmut: Path, name: str) -> str:
    """The lines that the mutant changes."""
    done = subprocess.run([mutmut, "show", name], cwd=ROOT, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def report(found: Mapping[str, str], survivors: Mapping[str, str]) -> str:
    modules: dict[str, Counter] = {}
    for name, status in found.items():
        modules.setdefault(name.rpartition(".")[0], Counter())[status] += 1
    rows = [
        f"| {module} | {sum(counts.values())} | {counts['killed']} | {counts['timeout']} | {counts['no tests']} |"
        for module, counts in sorted(modules.items())
    ]
    told = [
        f"`{name}`: {found[name]}{EQUIVALENT.get(name, '') and ', equivalent: ' + EQUIVALENT[name]}"
        f"\n\n```diff\n{changed}\n```\n"
        for name, changed in survivors.items()
    ]
    return "\n".join([
        "# Mutation tests of the gate",
        "",
        "Made by: `.venv/bin/pytest -m proof proof/test_mutation.py`",
        "",
        f"{score(found):.1%} of the mutants that are not equivalent are killed.",
        "",
        "| module | mutants | killed | timeouts | without a test |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        "## Those that were not killed",
        "",
        *told,
    ])  # fmt: skip
