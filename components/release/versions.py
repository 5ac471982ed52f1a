"""Where bundles are pushed to: `<base>/<variant>/<version>/`, versions 1, 2, 3, …, none ever written twice.

`<base>/<variant>/latest` is a file with the number of the newest version; it moves last, when that version is whole.

`base` is a folder on a file system, or `gs://bucket/prefix` (gcs_path.py). Where folders cannot be renamed, in a bucket
or in its mount on a cluster's node (cloud_paths.py), the manifest is written last, and is the mark of completeness.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from components.release import bundle, gcs_path
from components.release.gcs_path import BucketPath, Place
from trainer import lock
from trainer.outside_file import OutsideFileError
from trainer.release_info import LATEST
from trainer.whole import WRITING, move

_LONGEST_NUMBER = 20  # Bytes.
_SETTLED = 60  # Seconds: a younger one may be about to be locked.


class PushError(RuntimeError):
    """A bundle that could not be brought to its destination."""


def folder_of(base: str, variant: str) -> Place:
    """The folder of one variant's versions.

    Raises:
        PushError: a base that is neither a folder of a file system nor a place in Cloud Storage.
    """
    try:
        return gcs_path.place(base) / variant
    except ValueError as error:
        raise PushError(str(error)) from error


def find(folder: Place, source: Path) -> Place | None:
    """The newest whole version that is this very bundle, every byte of it, or None.

    Raises:
        PushError: the destination cannot be read.
    """
    wanted = (source / bundle.MANIFEST).read_bytes()
    try:
        for version in sorted(versions(folder), reverse=True):
            manifest = folder / str(version) / bundle.MANIFEST
            if manifest.is_file() and bundle.is_manifest(manifest, wanted) and not bundle.verify(manifest.parent):
                return manifest.parent
    except OSError as error:
        raise PushError(f"{folder} cannot be read: {error}. Give another destination, and run again.") from error
    return None


def versions(folder: Place) -> list[int]:
    """The numbers taken, whole or not, in order."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir())
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and name == str(int(name)))


def next_version(folder: Place) -> int:
    """One above the highest number taken."""
    return max(versions(folder), default=0) + 1


def push(source: Path, folder: Place) -> Place:
    """Copies a bundle to the next version's folder, whole or not at all; gives that folder.

    Raises:
        PushError: the bundle is damaged, or the destination is full, read-only or otherwise cannot be written.
    """
    if faults := bundle.verify(source):
        raise PushError(
            f"{source} is not a whole bundle, so it is not pushed: {'; '.join(faults[:5])}. Build it again."
        )
    try:
        if isinstance(folder, BucketPath):
            return _upload(source, folder)
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with _beside(folder) as beside:
            _copy(source, beside)
            return _claim(beside, folder)
    except OSError as error:
        raise PushError(
            f"{folder} cannot be written: {error}. Make room or give another destination, and run again."
        ) from error


def point(folder: Place) -> None:
    """Lets `latest` name the newest version that is there whole.

    Raises:
        PushError: it cannot be written.
    """
    try:
        # Again until it is so: of two pushers at once, the one with the lower number may be the last to write.
        while (newest := _newest(folder)) and newest != latest(folder):
            gcs_path.replace(folder / LATEST, f"{newest.name}\n".encode())
    except OSError as error:
        raise PushError(
            f"the bundle is pushed, but {folder / LATEST} cannot be written: {error}. Let it be a file, and run again."
        ) from error


def latest(folder: Place) -> Place | None:
    """The version that `latest` names, if it is there."""
    try:
        text = gcs_path.read(folder / LATEST, _LONGEST_NUMBER).strip()
    except (OSError, OutsideFileError):
        return None
    version = folder / text.decode("ascii", "replace")
    return version if text.isdigit() and version.is_dir() else None


def _newest(folder: Place) -> Place | None:
    """By its manifest, which comes last."""
    whole = (folder / str(version) for version in sorted(versions(folder), reverse=True))
    return next((version for version in whole if (version / bundle.MANIFEST).is_file()), None)


def resolve(path: Place) -> Place:
    """`…/<variant>/latest` as the folder that it names; every other path as it is."""
    named = latest(path.parent) if path.name == LATEST and not path.is_dir() else None
    return named or path


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A temporary folder in the same file system, locked while its process lives, and gone afterwards."""
    beside = Path(tempfile.mkdtemp(prefix=WRITING, dir=folder))
    try:
        with lock.held(beside, wait=True):
            yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # Renamed already where all went well.


def _sweep(folder: Path) -> None:
    """Removes what killed pushers left; another one at work holds the lock of its folder."""
    for left in folder.glob(f"{WRITING}*"):
        with contextlib.suppress(OSError), lock.held(left):
            if time.time() - left.stat().st_mtime > _SETTLED:
                left.unlink() if left.is_file() else shutil.rmtree(left, ignore_errors=True)


def _names(source: Path) -> list[str]:
    """Of a bundle's files, in the order in which they are written; the manifest is the last."""
    signed = [bundle.SIGNATURE] if (source / bundle.SIGNATURE).is_file() else []
    return [*bundle.read_manifest(source), *signed, bundle.MANIFEST]


def _copy(source: Path, beside: Path) -> None:
    """Copies, flushes to the disk and reads again: what gets a version number is what was built."""
    for name in _names(source):
        target = beside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
        _flush(target)
    beside.chmod(0o755)  # mkdtemp's are for the owner alone.
    for parent, _, _ in os.walk(beside):
        _flush(parent)
    if faults := bundle.verify(beside):
        raise PushError(f"the copy in {beside.parent} is damaged: {'; '.join(faults[:5])}. Check that disk.")


def _upload(source: Path, folder: BucketPath) -> BucketPath:
    """To the first free number. Whoever writes info.json there has it: the service lets one in, so pushers never mix.

    The service compares each file with its sum as it arrives. A version that a killed pusher left has no manifest; its
    number is not used again.
    """
    version = next_version(folder)
    while True:
        target = folder / str(version)
        try:
            (target / bundle.INFO).upload(source / bundle.INFO, new=True)
            break
        except FileExistsError:
            version += 1
    try:
        for name in _names(source):
            if name != bundle.INFO:
                (target / name).upload(source / name)
    except OSError:
        with contextlib.suppress(OSError):  # Not everyone who may write may delete.
            for name in target.objects():
                (target / name).unlink()
        raise
    return target


def _claim(beside: Path, folder: Path) -> Path:
    """Moves to the first free number. A folder that holds files cannot be replaced, so two pushers never mix."""
    version = next_version(folder)
    while True:
        target = folder / str(version)
        try:
            move(beside, target, last=bundle.MANIFEST)
        except OSError:
            if not os.path.lexists(target):
                raise
            version += 1
        else:
            _flush(folder)
            return target


def _flush(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
