"""What a command that makes a folder says while it works: into a log beside the folder.

The log is a new file of a name of its own: a user may have redirected the command's output to `<output>.log`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.terminal.console import EXIT_INTERRUPTED, failed

if TYPE_CHECKING:
    from pipeline.terminal.progress import Follower


@contextlib.contextmanager
def following(
    console: Console, output: Path, *, nodes: int, keep_as: str = "", quiet: bool = False
) -> Iterator[Follower]:
    """Within: the log takes what is said, the follower shows how far it is.

    An error ends the command with a sentence that names the log.

    Args:
      nodes: how many parts the work has.
      keep_as: the log's name in the finished folder; without one the log is deleted when all went well.
      quiet: show nothing.
    """
    from pipeline.terminal import failures, progress

    log = _new_file(output)
    try:
        with progress.following(log, quiet=quiet) as follower:
            follower.nodes = nodes
            yield follower
    except KeyboardInterrupt:
        raise failed(console, "interrupted; nothing was written.", code=EXIT_INTERRUPTED) from None
    except Exception as error:
        raise failed(console, f"{failures.sentence(error)}\nThe whole story is in {log}.") from None
    if keep_as:
        log.rename(output / keep_as)
    else:
        log.unlink()


def _new_file(output: Path) -> Path:
    """`<output>.<random>.log`, a name that no file had before."""
    output.parent.mkdir(parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(prefix=f"{output.name}.", suffix=".log", dir=output.parent)
    os.close(file)
    return Path(name)
