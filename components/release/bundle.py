"""A release bundle, a folder or in a bucket: its manifest of SHA-256 sums, and whether it is still what was written."""

import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from components.release import gcs_path
from components.release.gcs_path import BucketPath, Place
from trainer import outside_file
from trainer.digest import sha256_of
from trainer.file_format import FileFormat, FormatError
from trainer.outside_file import OutsideFileError
from trainer.release_info import INFO, INFO_FORMAT

MANIFEST = "manifest.json"
SIGNATURE = "model.sig"  # Not in the manifest: it is made of it, and may be made later (signature.py).
MANIFEST_FORMAT = FileFormat(MANIFEST)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST_FILE = 4 << 30  # Bytes. A bundle's largest of our own has 20 million.
_LARGEST_JSON = 16 << 20  # Bytes. A manifest of our own has a few kilobytes.


class BundleError(ValueError):
    """A folder that is not a bundle, or a bundle that must not be made."""


def write_manifest(folder: Path) -> None:
    """Writes manifest.json over every other file of the folder; it comes last and makes the bundle complete."""
    found = {name: digest for name, digest in sums(folder).items() if name != MANIFEST}
    (folder / MANIFEST).write_bytes(_manifest(found))


def sums(folder: Place) -> dict[str, str]:
    """Relative path → SHA-256 of every file of the folder but the signature; what is no file has the sum "".

    A link is not followed: what it points to is not in the bundle.
    """
    found = [name for name in _files(folder) if name != SIGNATURE]
    return {name: _sha256(folder, name) if _is_file(folder / name) else "" for name in found}


def verify(folder: Place) -> list[str]:
    """What is wrong with a bundle, one line per file; empty when it is whole and every byte is as written."""
    try:
        wanted = read_manifest(folder)
        found = _files(folder)
    except BundleError as error:
        return [str(error)]
    except OSError as error:
        return [f"{folder}: cannot be read: {error}"]
    faults = [f"{name}: missing" for name in wanted if name not in found]
    known = {*wanted, MANIFEST, SIGNATURE}
    faults += [f"{name}: added, not in {MANIFEST}" for name in found if name not in known]
    if SIGNATURE in found and not _is_file(folder / SIGNATURE):
        faults.append(f"{SIGNATURE}: not a file but a link or a device")
    faults += [fault for name, digest in wanted.items() if name in found if (fault := _changed(folder, name, digest))]
    if gcs_path.read(folder / MANIFEST, _LARGEST_JSON, within=folder) != _manifest(wanted):
        faults.append(f"{MANIFEST}: changed: not as it was written")
    return sorted(faults)


def read_manifest(folder: Place) -> dict[str, str]:
    """Relative path → SHA-256 of each file; paths that lead out of the folder are refused.

    Raises:
        BundleError: no manifest, or not one of ours.
    """
    manifest = _read_json(folder / MANIFEST, MANIFEST_FORMAT)
    wanted = manifest.get("sha256")
    if not isinstance(wanted, dict) or not wanted:
        raise BundleError(f"{folder / MANIFEST}: not a manifest: wanted sums under sha256. Build the bundle again.")
    for name, digest in wanted.items():
        if not _stays_inside(name):
            raise BundleError(f"{folder / MANIFEST}: {name!r} leads out of the bundle. Do not use this bundle.")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise BundleError(
                f"{folder / MANIFEST}: {name!r} has no SHA-256 sum but {digest!r}. Build the bundle again."
            )
    return wanted


def is_manifest(path: Place, wanted: bytes) -> bool:
    """Whether a file is this very manifest."""
    try:
        return gcs_path.read(path, len(wanted)) == wanted
    except OutsideFileError:
        return False


def read_info(folder: Place) -> dict[str, Any]:
    """info.json of a bundle, checked against the manifest.

    Raises:
        BundleError: the folder is no bundle, or its info.json is missing, changed or cannot be read.
    """
    read_file(folder, INFO)
    return _read_json(folder / INFO, INFO_FORMAT)


def read_file(folder: Place, name: str) -> bytes:
    """One file of a bundle, checked against the manifest; the rest of the bundle need not be there.

    Raises:
        BundleError: not in the manifest, missing or changed.
    """
    wanted = read_manifest(folder).get(name)
    if wanted is None:
        raise BundleError(f"{name!r} is not in {folder / MANIFEST}. Is the bundle of an older version? Build it again.")
    try:
        content = gcs_path.read(folder / name, _LARGEST_FILE, within=folder)
    except FileNotFoundError as error:
        raise BundleError(f"{folder / name} is missing. Push the bundle again.") from error
    except (OSError, OutsideFileError) as error:
        raise BundleError(f"{folder}: {_unreadable(name, error)}. Push the bundle again.") from error
    if (found := hashlib.sha256(content).hexdigest()) != wanted:
        raise BundleError(f"{folder}: {_other(name, found, wanted)}. Push the bundle again.")
    return content


def write_json(path: Path, value: Any) -> None:
    """Writes sorted, indented JSON: the same value gives the same bytes."""
    path.write_bytes(_json(value))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _manifest(wanted: dict[str, str]) -> bytes:
    return _json(MANIFEST_FORMAT.stamped({"sha256": wanted}))


def _files(folder: Place) -> list[str]:
    """Relative paths of everything but folders, sorted. A link is listed by its own name and never followed."""
    if isinstance(folder, BucketPath):
        return folder.objects()
    found = []
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [Path(parent, name).relative_to(folder).as_posix() for name in files + links]
    return sorted(found)


def _changed(folder: Place, name: str, digest: str) -> str | None:
    try:
        found = _sha256(folder, name)
    except (OSError, OutsideFileError) as error:
        return _unreadable(name, error)
    return None if found == digest else _other(name, found, digest)


def _other(name: str, found: str, wanted: str) -> str:
    return f"{name}: changed: SHA-256 {found}, wanted {wanted}"


def _unreadable(name: str, error: OSError | OutsideFileError) -> str:
    """A link is what the system says of too many links, or of a folder on the way that is none."""
    if isinstance(error, OutsideFileError) or error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return f"{name}: not a file but a link or a device"
    return f"{name}: cannot be read: {error}"


def _sha256(folder: Place, name: str) -> str:
    if isinstance(folder, BucketPath):
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()
    with outside_file.opened(folder / name, within=folder) as (file, _):
        return sha256_of(file)


def _is_file(path: Place) -> bool:
    return path.is_file() and not path.is_symlink()


def _stays_inside(name: str) -> bool:
    parts = name.split("/")
    return "\\" not in name and "\0" not in name and not any(part in ("", ".", "..") for part in parts)


def _read_json(path: Place, file_format: FileFormat) -> dict[str, Any]:
    try:
        content = gcs_path.read(path, _LARGEST_JSON, within=path.parent)
        return file_format.checked(outside_file.parse_json(content, path), path)
    except FileNotFoundError as error:
        raise BundleError(
            f"{path} is missing: {path.parent} is not a release bundle. Give the folder that holds it."
        ) from error
    except FormatError as error:
        raise BundleError(str(error)) from error
    except (OSError, OutsideFileError) as error:
        raise BundleError(f"{path} cannot be read: {error}. Push the bundle again.") from error
