"""How far an ingestion is, told once a second from the results the workers leave: the same on every Beam runner."""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_LOGGER = logging.getLogger("mobilenet.progress")
_SECONDS = 1.0


@contextlib.contextmanager
def report_progress(results: Path, *, total: int) -> Iterator[None]:
    """Logs `{"task": "ingest", "done", "total", "refused", "bytes", "seconds"}` as `progress` while the block runs.

    All but the last two count files; `bytes` are those of the examples, `seconds` since the beginning.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(results, total, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _watch(results: Path, total: int, stop: threading.Event) -> None:
    seen: dict[str, tuple[int, int, int]] = {}
    started = time.monotonic()
    while True:
        last = stop.wait(_SECONDS)
        before = len(seen)
        with contextlib.suppress(OSError):  # The folder goes away with a failed ingestion.
            _read_new(results, seen)
        if len(seen) > before:
            _tell(seen, total, time.monotonic() - started)
        if last:
            return


def _read_new(results: Path, seen: dict[str, tuple[int, int, int]]) -> None:
    for path in results.glob("[!.]*.json"):
        if path.name not in seen:
            result = json.loads(path.read_text())
            counts = result["counts"]
            seen[path.name] = counts.get("pictures", 0), counts.get("refused", 0), result["bytes"]


def _tell(seen: dict[str, tuple[int, int, int]], total: int, seconds: float) -> None:
    written, refused, size = (sum(counts) for counts in zip(*seen.values(), strict=True))
    done = written + refused
    progress = {"task": "ingest", "done": done, "total": total, "refused": refused, "bytes": size, "seconds": seconds}
    _LOGGER.info(f"ingest {done:,} of {total:,} files, {refused:,} refused", extra={"progress": progress})
