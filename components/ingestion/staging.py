"""Where an ingestion makes what it makes: a folder of its own, which no other one touches while it runs.

The kernel lets go of a lock with the process that holds it, so what lies in a folder that can be locked was left by a
killed one. File systems without such locks (mounted buckets) are worked on without: their folders are not shared.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from components.data_error import DataError
from trainer import imagenet, lock
from trainer.whole import move

_PREFIX = ".ingesting-"
_MADE = "made"
_ELSEWHERE = "Give a folder that can be written with --workdir or --output."


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Within, no other ingestion is in this folder, which is made if missing. False where that cannot be told.

    Raises:
        DataError: another one is at work there, or it cannot be written.
    """
    descriptor = _opened(folder)
    try:
        yield _locked(descriptor, folder)
    finally:
        os.close(descriptor)


def _opened(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DataError(f"Cannot write to {folder}: {error.strerror}. {_ELSEWHERE}") from error


def _locked(descriptor: int, folder: Path) -> bool:
    busy = f"Another ingestion into {folder} is at work. Wait until it is done, or give another folder."
    try:
        lock.take(descriptor)
    except BlockingIOError:
        raise DataError(busy) from None
    except OSError:
        return False
    if not folder.exists() or not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
        raise DataError(busy)  # It was done, and moved its folder away, between opening and locking.
    return True


@contextlib.contextmanager
def fresh(destination: Path) -> Iterator[Path]:
    """A new hidden folder under the destination, gone afterwards whatever happened. Those of killed ones are swept.

    Raises:
        DataError: another ingestion is at work, one has finished there, or the file system fails.
    """
    with alone(destination) as locked:
        check_empty(destination)
        for left in destination.glob(f"{_PREFIX}*") if locked else ():
            shutil.rmtree(left, ignore_errors=True)
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=destination))
        except OSError as error:
            raise DataError(f"Cannot write to {destination}: {error.strerror}. {_ELSEWHERE}") from error
        try:
            yield folder
        except OSError as error:
            free = shutil.disk_usage(destination).free / 1e6
            raise DataError(
                f"Ingestion into {destination} failed: {error} ({free:,.1f} MB free). Nothing of it is kept."
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_empty(destination: Path) -> None:
    """The report is what comes last.

    Raises:
        DataError: it is there.
    """
    if (destination / imagenet.REPORT_FILE).exists():
        raise DataError(f"{destination} already holds a finished ingestion. Give an empty folder or remove it first.")


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` if all went well; beside it, in `<target>.writing`, until then.

    Where a user's own file has that name, in `<target>.1.writing`, and so on: what is not ours stays as it is.

    Raises:
        DataError: another ingestion into the target is at work, or the file system fails.
    """
    beside = _workplace(target)
    with alone(beside):
        made = beside / _MADE
        shutil.rmtree(made, ignore_errors=True)  # Of a killed one.
        try:
            yield made
            move(made, target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
            with contextlib.suppress(OSError):  # Not empty: somebody has put something there meanwhile.
                beside.rmdir()


def _workplace(target: Path) -> Path:
    """The first name that is free, or that of an ingestion, killed or at work: two into one target meet there."""
    numbers = itertools.chain([""], (f".{number}" for number in itertools.count(1)))
    places = (target.with_name(f"{target.name}{number}.writing") for number in numbers)
    return next(place for place in places if not os.path.lexists(place) or _is_workplace(place))


def _is_workplace(folder: Path) -> bool:
    """Nothing is in it but what we put there."""
    return folder.is_dir() and not folder.is_symlink() and {path.name for path in folder.iterdir()} <= {_MADE}
