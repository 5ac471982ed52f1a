"""How far an ingestion is, told once a second from the results the workers leave: the same on every Beam runner."""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

_LOGGER = logging.getLogger("mobilenet.progress")
_SECONDS = 1.0


@contextlib.contextmanager
def report_progress(results: Path, *, total: int) -> Iterator[None]:
    """Logs `{"task": "ingest", "done", "total", "refused"}` (in files) as `progress` while the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(results, total, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _watch(results: Path, total: int, stop: threading.Event) -> None:
    seen: dict[str, tuple[int, int]] = {}
    while True:
        last = stop.wait(_SECONDS)
        before = len(seen)
        with contextlib.suppress(OSError):  # The folder goes away with a failed ingestion.
            _read_new(results, seen)
        if len(seen) > before:
            _tell(seen, total)
        if last:
            return


def _read_new(results: Path, seen: dict[str, tuple[int, int]]) -> None:
    for path in results.glob("[!.]*.json"):
        if path.name not in seen:
            counts = json.loads(path.read_text())["counts"]
            seen[path.name] = counts.get("pictures", 0), counts.get("refused", 0)


def _tell(seen: dict[str, tuple[int, int]], total: int) -> None:
    refused = sum(refused for _, refused in seen.values())
    done = refused + sum(written for written, _ in seen.values())
    progress = {"task": "ingest", "done": done, "total": total, "refused": refused}
    _LOGGER.info(f"ingest {done:,} of {total:,} files, {refused:,} refused", extra={"progress": progress})
