"""The two stacks beside each other: a run on each, and each reads what the other made. Writes stacks.md.

Command, with .venv on Python 3.10: .venv/bin/pytest -m proof proof/test_stacks.py   (20 minutes on 2 cores)
As root, where glibc is older than 2.39: `make test-current` says why.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.release import versions

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("stacks.md")
VARIANT = "0.25_64"
STACKS = ("older", "current")
SEEDS = (2, 3)  # Beside the recipe's own, 1.


@dataclass
class Side:
    """The command line on one stack. `shared` has the same path on both."""

    stack: str
    shared: Path

    def __call__(self, *arguments: str | Path) -> str:
        """What it printed."""
        older = self.stack == "older"
        command = [sys.executable, "-m", "pipeline"] if older else ["sh", "tests/current.sh", ".venv/bin/mobilenet"]
        environment = {**os.environ, "SHARED": str(self.shared), "COLUMNS": "200"}
        done = subprocess.run(
            [*command, *map(str, arguments)], cwd=ROOT, env=environment, text=True, capture_output=True
        )
        assert done.returncode == 0, f"{self.stack}: {arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def run(self, name: str, *options: str) -> Path:
        """`mobilenet run` on the bundled pictures → its work directory."""
        workdir = self.shared / name
        self("run", "--data", self.shared / "pictures", "--workdir", workdir, *options)
        return workdir


@pytest.fixture(scope="module")
def sides(tmp_path_factory) -> dict[str, Side]:
    if sys.version_info >= (3, 11):
        pytest.skip("this is the current stack: the older one is asked from .venv of Python 3.10")
    shared = tmp_path_factory.mktemp("stacks")
    shutil.copytree(ROOT / "data" / "sample", shared / "pictures")
    return {stack: Side(stack, shared) for stack in STACKS}


@pytest.fixture(scope="module")
def runs(sides) -> dict[str, dict[str, Any]]:
    """info.json of the release that each stack pushed; and of the older one's with other seeds."""
    workdirs = {stack: side.run(stack) for stack, side in sides.items()}
    workdirs |= {f"older, seed {seed}": sides["older"].run(f"seed{seed}", "--seed", str(seed)) for seed in SEEDS}
    return {name: json.loads((release(workdir) / "info.json").read_text()) for name, workdir in workdirs.items()}


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, str]]:
    """What is read by the other stack, and how; written when all has been tried."""
    lines: dict[str, str] = {}
    yield lines
    if "runs" in lines:
        runs_table = lines.pop("runs")
        rows = "".join(f"| {what} | {how} |\n" for what, how in lines.items())
        REPORT.write_text(
            "# The two stacks, beside each other\n\n"
            "Command: `.venv/bin/pytest -m proof proof/test_stacks.py`. The older is TFX 1.16 on Python 3.10, the "
            "current one TFX 1.21 on Python 3.13 in Debian 13; one\nmachine, the bundled pictures, recipe `sample`, "
            f"{VARIANT}.\n\n{runs_table}\n| made on one, read on the other, both ways | |\n| --- | --- |\n{rows}",
            encoding="utf-8",
        )


def release(workdir: Path) -> Path:
    return Path(str(versions.resolve(workdir / "models" / VARIANT / versions.LATEST)))


def top1(info: dict[str, Any], kind: str) -> int:
    return int(info["results"][kind]["top1_count"])


def test_each_stack_pushes_and_they_differ_by_no_more_than_two_seeds_do(runs, found):
    seeds = [top1(info, "int8") for name, info in runs.items() if name != "current"]
    apart = abs(top1(runs["current"], "int8") - top1(runs["older"], "int8"))
    lines = ["| | float top-1 | int8 top-1 |", "| --- | --- | --- |"]
    for name, info in runs.items():
        shares = [f"{top1(info, kind) / info['results']['pictures']:.2%}" for kind in ("float", "int8")]
        lines.append(f"| {name} | {' | '.join(shares)} |")
    spread = max(seeds) - min(seeds)
    lines.append(f"\nIn int8 the stacks are {apart} of 500 pictures apart; three seeds on one stack, up to {spread}.\n")
    found["runs"] = "\n".join(lines)
    assert apart <= spread


def test_a_release_of_one_is_whole_on_the_other_and_gives_the_same_answers(sides, runs, found):
    del runs
    pictures = sides["older"].shared / "pictures" / "eval"
    for maker, reader in both_ways(sides):
        folder = release(maker.shared / maker.stack)
        reader("verify", folder)
        answers = [json.loads(side("predict", folder, pictures, "--json")) for side in (maker, reader)]
        assert len(answers[0]) == 500
        differing = sum(one != other for one, other in zip(*answers, strict=True))
        found[f"a release, made on the {maker.stack}"] = f"verified; of 500 pictures' answers {differing} differ"
        assert differing == 0


def test_a_checkpoint_of_one_is_evaluated_on_the_other_to_the_same_counts(sides, runs, found):
    for maker, reader in both_ways(sides):
        checkpoint = release(maker.shared / maker.stack) / f"mobilenet_v1_{VARIANT}.ckpt"
        output = maker.shared / f"{maker.stack}_checkpoint"
        said = reader(
            "evaluate", checkpoint, "--data", maker.shared / "pictures" / "eval", "--output", output,
            "--central-fraction", "1", "--json",
        )  # fmt: skip
        [scores] = json.loads(said)["models"].values()
        wanted = top1(runs[maker.stack], "float")
        counts = f"top-1 {scores['top1_count']} of 500, wanted {wanted}"
        found[f"its checkpoint (TF1), made on the {maker.stack}"] = counts
        assert scores["top1_count"] == wanted


def test_a_work_directory_of_one_goes_on_on_the_other_and_is_still_whole_for_the_first(sides, runs, found):
    del runs
    for maker, reader in both_ways(sides):
        again = ["run", "--data", maker.shared / "pictures", "--workdir", maker.shared / maker.stack]
        ran, cached = (side(*again).count("from cache") for side in (reader, maker))
        found[f"its work directory, made on the {maker.stack}"] = (
            f"goes on, {ran} of 15 nodes from the cache; then on the {maker.stack} again, {cached} of 15"
        )
        assert cached >= 10  # All but the gate and what asks the destination, where there is another release now.


def test_the_compiled_files_differ_in_the_sdks_version_alone_and_each_stack_runs_the_others(sides, found):
    files = {stack: side.shared / f"{stack}.yaml" for stack, side in sides.items()}
    for stack, side in sides.items():
        side("compile", "--variants", "0.25_32", "--recipe", "tiny", "--output", files[stack])
    lines = [file.read_text(encoding="utf-8").splitlines() for file in files.values()]
    changed = [line for line in difflib.unified_diff(*lines, n=0, lineterm="") if re.match(r"[+-][^+-]", line)]
    assert [line[1:].strip().partition(":")[0] for line in changed] == ["sdkVersion", "sdkVersion"], changed
    for maker, reader in both_ways(sides):
        workdir = maker.shared / f"{maker.stack}_compiled"
        reader(
            "run-compiled", files[maker.stack], "--workdir", workdir,
            "--parameter", f"data={maker.shared / 'pictures'}",
        )  # fmt: skip
        reader("verify", workdir / "models" / "0.25_32" / "latest")
        found[f"a compiled file, made on the {maker.stack}"] = "run as on Vertex AI, its bundle pushed and whole"


def both_ways(sides: dict[str, Side]) -> list[tuple[Side, Side]]:
    """Maker and reader."""
    older, current = sides["older"], sides["current"]
    return [(older, current), (current, older)]
