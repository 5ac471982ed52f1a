"""Checks each file of a folder, in a process that may have 1.5 GB: `python -m` this module, FOLDER.

Prints as JSON, by file: [what became of it, why, CPU seconds, the process's most memory so far in bytes].
"""

import json
import resource
import sys
import time
from pathlib import Path

from trainer.pictures.check import Refused, normalise

MEMORY = 1_500_000_000


def main(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # All of its addresses, which is more than it uses.
    print(json.dumps({path.name: _handle(path.read_bytes()) for path in sorted(folder.iterdir())}))


def _handle(data: bytes) -> list:
    begun = time.process_time()
    try:
        converted = normalise(data).converted
        outcome = ["converted" if converted else "taken", converted or ""]
    except Refused as refused:
        outcome = ["refused", str(refused)]
    return [*outcome, time.process_time() - begun, _most_memory()]


def _most_memory() -> int:
    """Bytes. Not getrusage's, which begins with what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
