"""A release bundle, a folder or in a bucket: its manifest of SHA-256 sums, and whether it is still what was written."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from components.release.gcs_path import BucketPath, Place
from trainer.digest import sha256_file
from trainer.file_format import FileFormat, FormatError
from trainer.release_info import INFO, INFO_FORMAT

MANIFEST = "manifest.json"
SIGNATURE = "model.sig"  # Not in the manifest: it is made of it, and may be made later (signature.py).
MANIFEST_FORMAT = FileFormat(MANIFEST)
_SHA256 = re.compile(r"[0-9a-f]{64}")
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
    return {name: _sha256(folder / name) if _is_file(folder / name) else "" for name in found}


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
    if (folder / MANIFEST).read_bytes() != _manifest(wanted):
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
    if not (folder / name).exists():
        raise BundleError(f"{folder / name} is missing. Push the bundle again.")
    if fault := _changed(folder, name, wanted):
        raise BundleError(f"{folder}: {fault}. Push the bundle again.")
    return (folder / name).read_bytes()


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
    path = folder / name
    if not _is_file(path):
        return f"{name}: not a file but a link or a device"
    try:
        found = _sha256(path)
    except OSError as error:
        return f"{name}: cannot be read: {error}"
    return None if found == digest else f"{name}: changed: SHA-256 {found}, wanted {digest}"


def _sha256(path: Place) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if isinstance(path, BucketPath) else sha256_file(path)


def _is_file(path: Place) -> bool:
    return path.is_file() and not path.is_symlink()


def _stays_inside(name: str) -> bool:
    parts = name.split("/")
    return "\\" not in name and "\0" not in name and not any(part in ("", ".", "..") for part in parts)


def _read_json(path: Place, file_format: FileFormat) -> dict[str, Any]:
    try:
        if (size := path.stat().st_size) > _LARGEST_JSON:
            raise BundleError(f"{path}: {size} bytes, wanted at most {_LARGEST_JSON}. Is it a bundle's?")
        return file_format.checked(json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError as error:
        raise BundleError(
            f"{path} is missing: {path.parent} is not a release bundle. Give the folder that holds it."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        if isinstance(error, FormatError):
            raise BundleError(str(error)) from error
        raise BundleError(f"{path} cannot be read: {error}. Push the bundle again.") from error
