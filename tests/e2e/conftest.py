"""One tiny whole run that the end-to-end tests share: 0.25_32 on a part of the bundled pictures, Beam DAG runner."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAIN_PICTURES = 100  # Of each class.


def mobilenet(*arguments: str | Path, **options) -> subprocess.CompletedProcess:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "pipeline", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, **options)


@dataclass(frozen=True)
class WholeRun:
    """A finished `mobilenet run`."""

    workdir: Path
    data: Path
    done: subprocess.CompletedProcess

    @property
    def arguments(self) -> list[str]:
        return arguments(self.data, self.workdir)


def arguments(data: Path, workdir: Path) -> list[str]:
    chosen = ("--variant", "0.25_32", "--recipe", "tiny", "--seed", "3")
    return ["run", "--data", str(data), "--workdir", str(workdir), *chosen]


@pytest.fixture(scope="session")
def part_of_the_sample(tmp_path_factory) -> Path:
    """100 training pictures a class, and all 500 of the eval split: the gate wants so many."""
    folder = tmp_path_factory.mktemp("data")
    sample = ROOT / "data" / "sample"
    for path in sorted((sample / "train").glob("*/*.jpg")):
        target = folder / "train" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        if len(list(target.iterdir())) < TRAIN_PICTURES:
            shutil.copyfile(path, target / path.name)
    shutil.copytree(sample / "eval", folder / "eval")
    return folder


@pytest.fixture(scope="session")
def whole_run(part_of_the_sample, tmp_path_factory) -> WholeRun:
    workdir = tmp_path_factory.mktemp("beam") / "runs"
    done = mobilenet(*arguments(part_of_the_sample, workdir), "--runner", "beam")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{_end_of_log(workdir)}"
    return WholeRun(workdir, part_of_the_sample, done)


def _end_of_log(workdir: Path) -> str:
    log = workdir / "log.txt"
    return log.read_text(errors="replace")[-4000:] if log.is_file() else "no log"
