"""What a run came to in a sentence that anybody reads, and which commands come next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from components.evaluation.scores import Scores
    from pipeline.run.local_run import Outcome, Ran

_UNEVEN = 2  # Times the mean of the classes, from which on the largest class's share is told.
_BEHIND = 0.05  # How far the mean over the classes may lie under the share of all pictures before it is told.


def in_a_sentence(outcome: Outcome, labels: Sequence[str] = ()) -> Iterator[str]:
    """How often the file that ships is right; of uneven classes, what that hides."""
    measured = outcome.evaluation
    file, float_ = (scores.top1_count / scores.pictures for scores in (measured.candidate, measured.baseline))
    yield (
        f"The int8 file is right on {100 * file:.0f} of 100 pictures that it was not trained on, and the float model "
        f"on {100 * float_:.0f}."
    )
    yield from _hidden(measured.candidate, labels)


def balanced(scores: Scores) -> float:
    """The mean of the classes' recalls: each class that has pictures counts alike."""
    counts = scores.confusion.sum(axis=1)
    there = np.flatnonzero(counts)
    return float(np.mean(np.diagonal(scores.confusion)[there] / counts[there]))


def next_commands(ran: Ran, workdir: Path) -> Iterator[str]:
    """Three commands, each with what it is for; of a file that was not released, those that show why."""
    done = ran.outcomes
    if not done:
        return
    best = max(done, key=lambda each: (each.pushed_to is not None, each.evaluation.candidate.top1_count))
    here = best.pushed_to if isinstance(best.pushed_to, Path) else best.bundle  # No command opens a file in a bucket.
    folder = shlex.quote(str(here))
    page = f"mobilenet report {shlex.quote(str(workdir))} --open"
    if len(ran.branches) > 1:
        page += f" --variant {best.branch.variant.name}"
    commands = {f"mobilenet predict {folder} FOLDER": "what it says of other pictures", page: "all of it on a page"}
    if best.pushed_to is None:
        yield f"The bundle that was not released, to try: {best.bundle}"
    elif isinstance(best.pushed_to, Path):
        commands[f"mobilenet benchmark {folder} --write"] = "how long a picture takes on this machine"
    yield "Next:"
    for command, purpose in commands.items():
        yield f"  {command}   # {purpose}"


def _hidden(scores: Scores, labels: Sequence[str]) -> Iterator[str]:
    """Where one class is most of the pictures, a share of all of them says little."""
    counts = scores.confusion.sum(axis=1)
    largest, classes = int(counts.argmax()), int(np.count_nonzero(counts))
    share, mean = counts[largest] / counts.sum(), balanced(scores)
    if share < _UNEVEN / classes and mean > scores.top1_count / scores.pictures - _BEHIND:
        return
    name = labels[largest] if largest < len(labels) else f"class {largest}"
    yield (
        f"Its balanced accuracy, the mean over {classes} classes, is {mean:.0%}: always answering {name} is right on "
        f"{share:.0%} of the pictures. The page has each class."
    )
