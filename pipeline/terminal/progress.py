"""What a person sees while the nodes run: the node, the epoch, pictures a second, time left. All else goes to the log.

TFX, TensorFlow and Beam write to the process's output at will; so it is turned into the log file for the while,
Python's and C++'s alike, and the console writes to what the output was before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import absl.logging
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.terminal.console import is_live

_CACHED = re.compile(r"A cached execution \d+ is used\.")
_NODE = re.compile(r"(?:Component|node) (\S+) is (running|finished)\.")  # As both local runners say it.
LINE_SECONDS = 10.0  # Between lines where the output is no terminal.


class Follower(logging.Handler):
    """Turns log records into progress: TFX's about nodes, ours (`mobilenet.progress`) about the work in them."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console, self.nodes = console, 0  # The runner fills in how many there are.
        self.live = is_live(console)
        self.node, self.cached, self.finished = "", False, 0
        self.started = self.said = 0.0
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn())
        # What goes to stdout and stderr is for the log: rich must not take it for the terminal.
        self.progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self.live,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.bar: TaskID | None = None

    def emit(self, record: logging.LogRecord) -> None:
        values = getattr(record, "progress", None)
        if isinstance(values, dict):
            self._work(values)
        elif _CACHED.fullmatch(record.getMessage()):
            self.cached = True
        elif match := _NODE.fullmatch(record.getMessage()):
            self.start(match[1]) if match[2] == "running" else self.finish(match[1])

    def start(self, node: str) -> None:
        """A node, or another piece of work, begins."""
        self.node, self.cached = node, False
        self.started = self.said = time.monotonic()
        self._clear()
        self.bar = self.progress.add_task(self._place(), total=None)
        if not self.live:
            self.console.print(self._place(), highlight=False)

    def finish(self, node: str) -> None:
        """It is done."""
        self._clear()
        self.finished += 1
        note = "from cache" if self.cached else f"{time.monotonic() - self.started:.1f} s"
        self.console.print(f"[green]✓[/] {node} [dim]{note}[/]", highlight=False)

    def fail(self, sentence: str) -> None:
        """It is not done, and what does not wait for it goes on."""
        self._clear()
        self.console.print(Text.assemble(("✗ ", "bold red"), sentence), soft_wrap=True, highlight=False)

    def say(self, text: str) -> None:
        """A line that stays on the screen."""
        self._clear()
        self.console.print(Text(text, "bold"), soft_wrap=True, highlight=False)

    def _work(self, values: dict) -> None:
        text, done, total = _describe(values)
        if values["task"] in ("evaluate", "resume", "warning") or values.get("step") == values.get("steps", -1):
            self.console.print(f"  {text}", highlight=False)  # Stays on the screen.
            return
        if self.bar is not None:
            self.progress.update(self.bar, description=f"{self._place()} {text}", completed=done, total=total)
        if not self.live and time.monotonic() - self.said >= LINE_SECONDS:
            self.said = time.monotonic()
            self.console.print(f"  {text}", highlight=False)

    def _place(self) -> str:
        return f"[{self.finished + 1}/{self.nodes}] {self.node}"

    def _clear(self) -> None:
        for task in self.progress.task_ids:
            self.progress.remove_task(task)
        self.bar = None


def _describe(values: dict) -> tuple[str, int, int | None]:
    if values["task"] == "train":
        text = (
            f"step {values['step']:,} of {values['steps']:,}: epoch {values['epoch']}/{values['epochs']}, "
            f"loss {values['loss']:.3f}, top-1 {values['top1']:.1%}, {values['images_per_second']:,.0f} images/s"
        )
        return text, values["step"], values["steps"]
    if values["task"] == "resume":
        return f"going on from step {values['step']:,} of {values['steps']:,}", 0, None
    if values["task"] == "warning":
        return values["text"], 0, None
    if values["task"] == "evaluate":
        return f"step {values['step']:,} of {values['steps']:,}: eval top-1 {values['top1']:.1%}", 0, None
    refused = f", {values['refused']:,} refused" if values.get("refused") else ""
    speed = f", {values['bytes'] / 1e6 / max(values['seconds'], 1e-3):,.1f} MB/s" if values.get("seconds") else ""
    return f"{values['done']:,} pictures{refused}{speed}", values["done"], values.get("total")


@contextlib.contextmanager
def following(log: Path, *, quiet: bool = False) -> Iterator[Follower]:
    """Within: the process's output is the log file, and the follower's console is what the output was, unless quiet."""
    with output_to(log) as terminal:
        follower = Follower(Console(file=terminal, quiet=quiet))
        with _records_to(follower, log), follower.progress:
            follower.progress.add_task("importing TFX and TensorFlow", total=None)
            yield follower


@contextlib.contextmanager
def _records_to(follower: Follower, log: Path) -> Iterator[None]:
    """Every log record at INFO goes to the follower and into the log file; absl, TFX's logger, has its own level."""
    file = logging.FileHandler(log)
    file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)
    for handler in (follower, file):
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in (follower, file):
            root.removeHandler(handler)
        root.setLevel(level)
        file.close()


@contextlib.contextmanager
def output_to(log: Path) -> Iterator:
    """Points file descriptors 1 and 2 at the log, for C++ and child processes too; gives the former output."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as file, os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as terminal:
        kept = [os.dup(1), os.dup(2)]
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, former in enumerate(kept, start=1):
                os.dup2(former, number)
                os.close(former)
