"""Kubeflow's object store as a folder, and which files its launcher copies there and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.emulator.result import Artifact, TaskError


def in_store(store: Path, uri: str) -> Path:
    """An object's file or folder. A plain path, as of a volume, is itself; other stores lie beside the own one."""
    scheme, _, rest = uri.partition("://")
    return store.with_name(scheme) / rest if rest else Path(uri)


def copied(lists: Mapping[str, Any]) -> Iterator[Artifact]:
    """Those that the launcher copies: a plain path is none of them."""
    for listed in lists.values():
        yield from (artifact for artifact in listed["artifacts"] if "://" in artifact["uri"])


def files(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file with its name under `root`, which may be one itself."""
    if root.is_file():
        yield root, ""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path, str(path.relative_to(root))


def uploaded(root: Path) -> Iterator[tuple[Path, str]]:
    """As the launcher walks an output: by name, folder by folder. A link to a file is the file, one to a folder fails
    the task, and one to nothing ends the walk without a word."""
    if root.is_file():
        yield root, ""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() and not path.exists():
            return
        if path.is_symlink() and path.is_dir():
            raise TaskError(f"unable to complete copying {path.name}, a link to a folder, to remote storage")
        if path.is_file():
            yield path, str(path.relative_to(root))
