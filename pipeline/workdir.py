"""workdir.json: the version of a work directory. A newer one is refused whole, since a part of it might be misread.

Version 1 is also that of 0.1.0, which wrote no such file. Its runs are kept and shown. A new run in it takes nothing
from its cache where code has changed, because each node's cache key holds the node's type and a digest of its code.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.settings.error import SettingsError
from trainer import lock
from trainer.file_format import FileFormat
from trainer.whole import write_file

FILE = "workdir.json"
FORMAT = FileFormat(FILE)


def check(folder: Path) -> None:
    """Raises FormatError where a newer version of this project has made the work directory."""
    if (folder / FILE).exists():
        FORMAT.read(folder / FILE)


def mark(folder: Path) -> None:
    """Checks, and writes the version where there is none."""
    check(folder)
    if not (folder / FILE).exists():
        write_file(folder / FILE, (json.dumps(FORMAT.stamped({})) + "\n").encode())


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One command at a time changes a work directory: sqlite and the resumable checkpoints are not for two.

    Raises:
      SettingsError: another run, or a clean, is at work in it, or a newer version has made it.
    """
    with lock.alone(folder, _busy(folder)):
        try:
            mark(folder)
        except ValueError as error:
            raise SettingsError(f"{error} Or give another --workdir DIR.") from error
        yield


def check_free(folder: Path) -> None:
    """Raises what `alone` would, and writes nothing."""
    try:
        check(folder)
        if (folder / lock.FILE).exists():
            with lock.held(folder / lock.FILE):
                pass
    except ValueError as error:
        raise SettingsError(f"{error} Or give another --workdir DIR.") from error
    except OSError as error:
        raise _busy(folder) from error


def _busy(folder: Path) -> SettingsError:
    return SettingsError(f"another run is at work in {folder}. Wait for it, or give another --workdir DIR.")
