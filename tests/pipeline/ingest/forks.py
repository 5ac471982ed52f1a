"""Ingestions to kill, each a process of its own; the imports are paid for once.

Each line on standard input is `DATA OUTPUT SECONDS`: it is killed after so many, or let run with 0. Each line on
standard output is how it ended: `killed SECONDS`, `done SECONDS` or `failed SECONDS`.
"""

import os
import signal
import sys
import time
from pathlib import Path

from pipeline.ingest.request import Request, ingest
from pipeline.terminal import progress


def main() -> None:
    for line in sys.stdin:
        data, output, seconds = line.split()
        begun = time.monotonic()
        child = os.fork()
        if not child:
            _ingest(Path(data), Path(output))
        if float(seconds):
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        said = "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "done"
        print(said, time.monotonic() - begun, flush=True)


def _ingest(data: Path, output: Path) -> None:
    code = 1
    try:
        with progress.following(output.with_name("log.txt"), quiet=True) as follower:
            ingest(Request(data=data, output=output), follower=follower)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
