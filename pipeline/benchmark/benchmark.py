"""How long .tflite files take: each in processes of its own, in turn, so that a busy machine is as hard on all of them.

A process keeps the luck that it had with its memory: the same file differs by some percent from one to the next, and
far less within one. So each file gets several, and intervals come from resampling processes and not runs.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from trainer.tflite.graph import TFLiteError

BLOCK = 25  # Runs of one file before the next file's turn.
_RESAMPLES = 4000
_ROOT = Path(__file__).parents[2]


class BenchmarkError(ValueError):
    """A file that cannot be measured, or options that measure nothing."""


@dataclass(frozen=True)
class How:
    """Args:
    threads: of the interpreter.
    xnnpack: the kernels that phones use; False: TFLite's built-in ones.
    warmup: runs of each process before any is measured.
    repeats: measured runs of each file, in all its processes; rounded up to whole blocks.
    processes: of each file, one after the other.
    """

    threads: int = 1
    xnnpack: bool = True
    warmup: int = 20
    repeats: int = 500
    processes: int = 10

    def check(self) -> None:
        """Raises BenchmarkError for what measures nothing."""
        if self.repeats < 1:
            raise BenchmarkError(f"--repeats is {self.repeats}, wanted at least 1; 500 is a good number.")
        if self.threads < 1 or self.warmup < 0:
            raise BenchmarkError(f"got {self.threads} threads and a warm-up of {self.warmup}, wanted at least 1 and 0.")

    @property
    def blocks(self) -> int:
        """Of each process."""
        return math.ceil(self.repeats / (self.processes * BLOCK))

    @property
    def kernels(self) -> str:
        return "XNNPACK" if self.xnnpack else "built-in"


@dataclass(frozen=True)
class Ratio:
    """One file's median by another's, with the 95 % interval of it."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """What was measured of one file."""

    file: Path
    ns: np.ndarray  # Int64 [processes, runs]: of each invocation, in order.
    loaded: int  # Bytes that a process had more than an empty one, once the file was loaded: the median.
    peak: int  # And at most.

    def ms(self, quantile: float) -> float:
        return float(np.quantile(self.ns, quantile)) / 1e6

    @property
    def median_ms(self) -> float:
        return self.ms(0.5)

    @property
    def median_interval_ms(self) -> tuple[float, float]:
        """95 %, by resampling processes."""
        low, high = np.quantile(_medians(self.ns, _resamples(len(self.ns))), (0.025, 0.975)) / 1e6
        return float(low), float(high)


def measure(files: Sequence[Path], how: How, *, follow: Callable[[int, int], None] | None = None) -> list[Timing]:
    """Times the files in turn, A B A B; with one file it is that one's blocks.

    Args:
      follow: is told after each block how many are done, of how many.

    Raises:
      BenchmarkError, TFLiteError: not measured at all.
    """
    how.check()
    sets = []
    for done in range(how.processes):
        sets.append(_one_of_each(files, how, backwards=done % 2 == 1))
        if follow:
            follow(done + 1, how.processes)
    return [_together([one[place] for one in sets]) for place in range(len(files))]


def _one_of_each(files: Sequence[Path], how: How, *, backwards: bool) -> list[Timing]:
    """One process of each file; what runs is one of them at a time."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(_child(file, how)) for file in files]
        for child in children:
            child.run(how.warmup)
        ns: list[list[int]] = [[] for _ in files]
        for turn in range(how.blocks):
            # Whoever goes first in one turn goes last in the next: no file is always the one after another.
            order = list(range(len(files)))
            for place in reversed(order) if (turn % 2 == 1) != backwards else order:
                ns[place] += children[place].run(BLOCK)
        return [
            Timing(child.file, np.array([runs], np.int64), child.loaded, child.peak)
            for child, runs in zip(children, ns, strict=True)
        ]


def _together(timings: Sequence[Timing]) -> Timing:
    """The processes of one file."""
    ns = np.concatenate([timing.ns for timing in timings])
    loaded = int(np.median([timing.loaded for timing in timings]))
    return Timing(timings[0].file, ns, loaded, max(timing.peak for timing in timings))


def ratio(ours: Timing, peer: Timing) -> Ratio:
    """The ratio of medians; its interval by resampling the processes that stood side by side."""
    if len(ours.ns) != len(peer.ns):
        raise BenchmarkError(f"{len(ours.ns)} and {len(peer.ns)} processes, wanted as many: measure both in one go.")
    chosen = _resamples(len(ours.ns))
    ratios = _medians(ours.ns, chosen) / _medians(peer.ns, chosen)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Ratio(float(np.median(ours.ns) / np.median(peer.ns)), float(low), float(high))


def machine() -> str:
    """Processor, CPUs and system, in words."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}"


def runtime() -> str:
    return f"ai-edge-litert {metadata.version('ai-edge-litert')}"


def _resamples(count: int) -> np.ndarray:
    """Int [resamples, count]: which processes each resample has; the same whenever it is asked."""
    return np.random.default_rng(1).integers(0, count, (_RESAMPLES, count))


def _medians(ns: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Float [resamples]: the medians of all runs of the chosen processes."""
    return np.array([np.median(ns[processes]) for processes in chosen])


class _Child:
    """A process that holds one file."""

    def __init__(self, file: Path, process: subprocess.Popen[str]) -> None:
        self.file = file
        self._process = process
        said = self._said()
        self._empty = said["empty"]
        self.loaded = self.peak = said["loaded"] - self._empty

    def run(self, count: int) -> list[int]:
        """Nanoseconds of each of so many invocations."""
        stdin = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # What it said of its end is told below.
            if stdin:
                stdin.write(f"{count}\n")
                stdin.flush()
        said = self._said()
        self.peak = said["memory"] - self._empty
        return said["ns"]

    def _said(self) -> dict[str, Any]:
        stdout, stderr = self._process.stdout, self._process.stderr
        line = stdout.readline() if stdout else ""
        if not line:
            said = (stderr.read() if stderr else "").strip().splitlines()
            raise TFLiteError(f"{self.file} cannot be run: {said[-1] if said else 'its process ended.'}")
        return json.loads(line)


@contextlib.contextmanager
def _child(file: Path, how: How) -> Iterator[_Child]:
    if not file.is_file():
        raise BenchmarkError(f"{file} is no file. Give a .tflite file or a release bundle.")
    kernels = "xnnpack" if how.xnnpack else "plain"
    command = [sys.executable, "-m", "pipeline.benchmark.process", str(file.absolute()), str(how.threads), kernels]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=_ROOT)
    try:
        yield _Child(file, process)
    finally:
        process.kill()
        process.communicate()
