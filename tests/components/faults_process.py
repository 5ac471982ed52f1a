"""Checks each file of a folder, in a process that may have 1.5 GB: `python -m tests.components.faults_process FOLDER`.

Prints as JSON, by file: [what became of it, why, seconds, the process's most memory so far in bytes].
"""

import json
import resource
import sys
import time
from pathlib import Path

from components.picture import Refused, normalise

MEMORY = 1_500_000_000


def main(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # All of its addresses, which is more than it uses.
    print(json.dumps({path.name: _handle(path.read_bytes()) for path in sorted(folder.iterdir())}))


def _handle(data: bytes) -> list:
    begun = time.perf_counter()
    try:
        converted = normalise(data).converted
        outcome = ["converted" if converted else "taken", converted or ""]
    except Refused as refused:
        outcome = ["refused", str(refused)]
    return [*outcome, time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
