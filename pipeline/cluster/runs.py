"""A run on a cluster: what is known of it, how it is followed to its end, and the error that a cluster gives."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

ENDED = frozenset({"succeeded", "failed", "canceled", "cancelled", "skipped"})
FIRST = 5.0  # Seconds between two looks at a run where something happens.
LONGEST = 60.0  # Where nothing does: tasks take minutes, and the API is shared.
PATIENCE = (
    20  # Looks in a row that may find nobody: a quarter of an hour, in which a network or a token proxy comes back.
)

Report = Callable[[str], None]


class ClusterError(OSError):
    """What kept a cluster from doing what it was asked: one sentence, with what to do."""


class Unreachable(ClusterError):
    """Nobody answered; asking again may help."""


class Gone(ClusterError):
    """There is no such run, or no longer."""


@dataclass(frozen=True)
class Run:
    """One run, as a list shows it."""

    id: str
    name: str
    state: str  # In lower case, as the cluster calls it: pending, running, succeeded, failed …
    started: datetime | None
    minutes: float | None  # Until its end, or until now.
    page: str  # For a browser.


@dataclass(frozen=True)
class Look:
    """What one look at a run shows."""

    run: Run
    tasks: Mapping[str, str] = field(default_factory=dict)  # Task → its state, and its error where there is one.
    error: str = ""
    notes: tuple[str, ...] = ()  # What to say once it has ended.

    @property
    def ended(self) -> bool:
        return self.run.state in ENDED


def follow(look: Callable[[], Look], report: Report, *, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Looks at a run until it ends and reports every change of a task's state and of its own.

    Raises:
      ClusterError: it cannot be looked at, or no longer.
      KeyboardInterrupt: Ctrl-C. The run is left alone in either case; that is reported first.
    """
    seen: Look | None = None
    wait, missed = FIRST, 0
    try:
        while True:
            try:
                before, seen = seen, look()
            except Unreachable as error:
                missed += 1
                if seen is None or missed > PATIENCE:
                    raise
                report(f"{error} Asking again.")
            else:
                missed = 0
                changed = _tell(before, seen, report)
                if seen.ended:
                    for note in seen.notes:
                        report(note)
                    return seen.run
                wait = FIRST if changed else min(wait * 1.5, LONGEST)
            sleep(wait)
    except (KeyboardInterrupt, ClusterError) as reason:
        if seen:
            where = "was deleted" if isinstance(reason, Gone) else f"goes on: {seen.run.page}"
            report(f"No longer following {seen.run.id}, which {where}")
        raise


def summed(details: Iterable[tuple[str, str, str]], calls: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """What is shown of each task: its state, with its error; of one that runs for each variant how many are where.

    Args:
      details: tasks, states, errors, in the order in which they are told.
      calls: how often the run calls each task; what is not in it is not shown.
    """
    states: dict[str, list[tuple[str, str]]] = {}
    for task, state, error in details:
        if task in calls and state:
            states.setdefault(task, []).append((state, error))
    for task, listed in states.items():
        errors = [f". {error}" for _, error in listed if error][:1]
        counts = Counter(state for state, _ in listed)
        said = ", ".join(f"{count} of {calls[task]} {state}" for state, count in sorted(counts.items()))
        yield task, "".join([said if calls[task] > 1 else listed[-1][0], *errors])


def minutes(started: datetime | None, ended: datetime | None) -> float | None:
    """From start to end, or to now; None before the start."""
    return None if started is None else ((ended or datetime.now(timezone.utc)) - started).total_seconds() / 60


def _tell(before: Look | None, now: Look, report: Report) -> bool:
    """Reports what is new; whether anything was."""
    known = before.tasks if before else {}
    lines = [f"{task}: {state}" for task, state in now.tasks.items() if known.get(task) != state]
    if before is None or before.run.state != now.run.state:
        lines.append(f"{now.run.name}: {now.run.state}" + (f". {now.error}" if now.error else ""))
    for line in lines:
        report(line)
    return bool(lines)
