"""What a run of a compiled file came to: each task's state, time and outputs, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

State = Literal["done", "cached", "failed", "skipped", "not triggered"]
Artifact = dict[str, Any]  # A RuntimeArtifact as JSON has it: name, uri, type, metadata.

_STYLES = {"done": "green", "cached": "cyan", "failed": "bold red", "skipped": "dim", "not triggered": "dim"}


class CompiledRunError(ValueError):
    """The file, the parameters or this machine will not do; nothing has started."""


class TaskError(RuntimeError):
    """A task that cannot run, or ran and failed."""


@dataclass(frozen=True)
class TaskRun:
    """One task's part in a run."""

    task: str  # A nested DAG's as DAG/TASK.
    state: State
    seconds: float = 0.0
    artifacts: Mapping[str, list[Artifact]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)  # Output → where it lies on this machine.
    error: str = ""
    log: Path | None = None

    @property
    def succeeded(self) -> bool:
        return self.state in ("done", "cached")


@dataclass(frozen=True)
class RunResult:
    """All tasks in the order in which they ended; a nested DAG comes after its own."""

    run: str
    tasks: tuple[TaskRun, ...]

    @property
    def ok(self) -> bool:
        """As the backend calls the run: nothing failed. What a condition held back is no failure."""
        return not self.failed

    @property
    def failed(self) -> list[TaskRun]:
        return [each for each in self.tasks if each.state == "failed"]

    def __getitem__(self, task: str) -> TaskRun:
        found = {each.task: each for each in self.tasks}
        if task not in found:
            raise KeyError(f"no task {task!r} in the run: there are {', '.join(found)}.")
        return found[task]

    def in_state(self, state: State) -> set[str]:
        return {each.task for each in self.tasks if each.state == state}


def table(result: RunResult) -> Table:
    """Task, state, seconds, and what went wrong."""
    shown = Table(title=f"Run {result.run}")
    for name in ("task", "state", "seconds", "error"):
        shown.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for each in result.tasks:
        state = f"[{_STYLES[each.state]}]{each.state}"
        error = f"{each.error} ({each.log})" if each.error and each.log else each.error
        shown.add_row(each.task, state, f"{each.seconds:.1f}", error.replace("[", r"\["))
    return shown
