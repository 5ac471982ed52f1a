"""`kill -9` at random moments of an ingestion, one after the other: the next one is as if they had not been."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.sources import small_ilsvrc

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
KILLS = 3


class Forks:
    """The process that forks ingestions."""

    def __init__(self) -> None:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.pipeline.ingest.forks"],
            cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ingest(self, output: Path, *, kill_after: float = 0) -> tuple[str, float]:
        """→ how it ended, and after how many seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(small_ilsvrc.SAMPLE, output, kill_after, file=self.process.stdin, flush=True)
        said, seconds = self.process.stdout.readline().split()
        return said, float(seconds)


@pytest.fixture
def forks() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.process.communicate()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_after_three_kills_there_is_no_output_and_the_next_one_makes_the_very_same_files(forks, tmp_path):
    said, whole = forks.ingest(tmp_path / "expected")
    assert said == "done"
    moments, out, killed, half_made = random.Random(4), tmp_path / "out", 0, 0
    for _ in range(10 * KILLS):
        said, seconds = forks.ingest(out, kill_after=moments.uniform(0.1, 0.8) * whole)
        if said == "done":  # The first one ran on a busier machine.
            whole = min(whole, seconds)
            shutil.rmtree(out)
            continue
        assert not out.exists()
        half_made += (tmp_path / "out.writing").exists()
        killed += 1
        if killed == KILLS:
            break
    assert killed == KILLS
    assert half_made > 0  # They were at work when they were killed.
    assert forks.ingest(out)[0] == "done"
    assert files(out) == files(tmp_path / "expected")
    (tmp_path / "log.txt").unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "out"]
