"""`mobilenet verify`: is a release bundle what was released, to the byte, and by whom?"""

from __future__ import annotations

from pathlib import Path

from components.release import bundle, signature
from components.release.bundle import BundleError
from components.release.gcs_path import Place
from trainer.network.variant import Variant

# What a signature leaves open: the folder's name is no part of it, so an older release can be passed off as a newer.
_UNBOUND = "The signature binds the files and the variant. It does not bind the version number, the folder's name."


def faults(folder: Place, key: Path | None, *, at_least: int | None = None) -> list[str]:
    """What is wrong with a bundle, one line per file; with a public key also with its signature.

    Args:
      at_least: the lowest version that will do, as it is signed.

    Raises:
      KeyFileError: `key` is no public key.
    """
    found = [*bundle.verify(folder), *_misplaced(folder)]
    if key or at_least is not None or (folder / bundle.SIGNATURE).exists():
        signed = signature.faults(folder, key, at_least=at_least)
        found += [fault for fault in signed if _file(fault) not in map(_file, found)]
    return found


def _misplaced(folder: Place) -> list[str]:
    """A bundle among the versions of another variant."""
    try:
        variant, lies_among = bundle.read_info(folder).get("variant"), Variant.parse(folder.parent.name).name
    except ValueError:  # No bundle, or no destination.
        return []
    if not folder.name.isdigit() or variant == lies_among:
        return []
    return [f"{bundle.INFO}: is of variant {variant!r}, and lies among the versions of {lies_among}"]


def check(path: Path, key: Path | None) -> None:
    """Raises BundleError where the bundle that `path` is, or lies in, is not what was released."""
    folder = next((each for each in (path, path.parent) if (each / bundle.MANIFEST).is_file()), None)
    if folder is None:
        raise BundleError(
            f"{path} is no release bundle and lies in none: there is no {bundle.MANIFEST} to verify it by. Give a "
            "bundle, or leave --verify out."
        )
    if path != folder and path.name not in {name.split("/")[0] for name in bundle.read_manifest(folder)}:
        raise BundleError(f"{path.name} is not in {folder / bundle.MANIFEST}. Give what the bundle holds.")
    if found := faults(folder, key):
        raise BundleError(f"{folder} is not what was released:\n  " + "\n  ".join(found))


def praise(folder: Place, key: Path | None) -> str:
    """What was checked and found right, in a sentence."""
    sums = bundle.read_manifest(folder)
    size = sum((folder / name).stat().st_size for name in sums)
    whole = f"{folder} is whole: {len(sums)} files, {size:,} bytes, each as its manifest has it"
    if key:
        return f"{whole}; signed with {key}. {_UNBOUND}"
    if (folder / bundle.SIGNATURE).exists():
        return f"{whole}. It is signed, but by whom was not checked: give --key."
    return f"{whole}. It is not signed."


def _file(fault: str) -> str:
    return fault.split(": ", 1)[0]
