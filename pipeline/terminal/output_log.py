"""What a command that makes a folder says while it works: into a log beside the folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.terminal.console import EXIT_INTERRUPTED, failed

if TYPE_CHECKING:
    from pipeline.terminal.progress import Follower


def path(output: Path) -> Path:
    """`<output>.log`."""
    return output.with_name(f"{output.name}.log")


@contextlib.contextmanager
def following(console: Console, output: Path, *, nodes: int, quiet: bool = False) -> Iterator[Follower]:
    """Within: the log takes what is said, the follower shows how far it is. An error ends the command, in a sentence.

    Args:
      nodes: how many parts the work has.
      quiet: show nothing.
    """
    from pipeline.terminal import failures, progress

    log = path(output)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with progress.following(log, quiet=quiet) as follower:
            follower.nodes = nodes
            yield follower
    except KeyboardInterrupt:
        raise failed(console, "interrupted; nothing was written.", code=EXIT_INTERRUPTED) from None
    except Exception as error:
        raise failed(console, f"{failures.sentence(error)}\nThe whole story is in {log}.") from None
