"""Metadata and files of runs that nothing kept was made from, found and deleted together.

The metadata goes first, in one transaction: after a kill, folders are left that no metadata knows, and the next clean
finds them. Only what TFX made is looked at, `artifacts/<node>/<output>/<number>` and its `.system` folders. Bundles at
the push destination, resumable checkpoints and the log are left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import relocation
from pipeline.clean import reachable
from pipeline.clean.reachable import Kept

DATABASE, ARTIFACTS = "metadata.sqlite", "artifacts"
_RESUME, _SYSTEM = "resume", ".system"
_EXECUTIONS = "executor_execution"  # In .system: a folder of each execution.


class CleanError(ValueError):
    """It cannot be told what stays, or the metadata cannot be read or changed."""


@dataclass(frozen=True)
class Plan:
    """What goes, and what stays."""

    kept: Kept
    runs: int  # All that there are,
    going: int  # and those of which something goes.
    folders: list[Path]
    folder_bytes: int
    metadata_bytes: int


def check(workdir: Path) -> None:
    """Before anything is written to a folder that may be none of ours.

    Raises:
      CleanError: it is not the work directory of a run.
    """
    if not (workdir / DATABASE).is_file():
        raise CleanError(f"{workdir} holds no {DATABASE}: wanted the --workdir of mobilenet runs.")


def plan(workdir: Path, *, runs: int) -> Plan:
    """Finds what can go; deletes nothing.

    Raises:
      CleanError: what it holds was recorded elsewhere.
    """
    database = workdir / DATABASE
    with _opened(database) as store:
        store.execute("select 1 from Artifact").fetchone()  # Opened to write, so that what a killed run left is undone.
        now = relocation.mapping(database)
        kept = reachable.kept(store, runs=runs, now=now)
        recorded = store.execute("select id, uri from Artifact").fetchall()
        uris = [now(uri) for artifact, uri in recorded if artifact in kept.artifacts]
        folders = sorted(_unreachable(workdir.absolute() / ARTIFACTS, uris, kept))
        counts = reachable.count_runs(store, kept)
    return Plan(kept, *counts, folders, sum(map(_size, folders)), database.stat().st_size)


def delete(workdir: Path, plan: Plan) -> int:
    """Deletes it; → the bytes of metadata that are left.

    Raises:
      CleanError: the metadata cannot be changed.
      OSError: a folder cannot be deleted; the others are.
    """
    database = workdir / DATABASE
    with _opened(database) as store, store:
        reachable.delete_others(store, plan.kept)
    failed: list[OSError] = []
    for folder in plan.folders:
        shutil.rmtree(folder, onerror=lambda *said: failed.append(said[2][1]))
    with contextlib.suppress(CleanError), _opened(database) as store:
        store.execute("vacuum")  # Wants as much room again: where there is none, the next runs fill what is free in it.
    if failed:
        raise failed[0]
    return database.stat().st_size


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(database)) as store:
            yield store
    except sqlite3.Error as error:
        raise CleanError(f"{database} cannot be read or changed: {error}.") from error


def _unreachable(artifacts: Path, uris: list[str], kept: Kept) -> Iterator[Path]:
    """Folders of executions that no kept artifact lies in.

    Raises:
      CleanError: kept artifacts lie elsewhere.
    """
    places = {place for uri in uris if (place := _place(artifacts, uri))}
    if uris and not places:
        raise CleanError(
            f"what {artifacts.parent} holds was recorded elsewhere, such as {uris[0]}: nothing is deleted, "
            "since it cannot be told what belongs together. A new --workdir takes less room."
        )
    executions = {str(execution) for execution in kept.executions}
    for folder in artifacts.glob(f"*/{_SYSTEM}/{_EXECUTIONS}/*"):
        if folder.name.isdigit() and folder.name not in executions:
            yield folder
    for folder in artifacts.glob("*/*/*"):
        parts = folder.relative_to(artifacts).parts
        if folder.name.isdigit() and parts[1] not in (_RESUME, _SYSTEM) and parts not in places:
            yield folder


def _place(artifacts: Path, uri: str) -> tuple[str, ...] | None:
    """`…/artifacts/Evaluator-x/evaluation/7/…` → (Evaluator-x, evaluation, 7); None: it lies elsewhere."""
    try:
        return Path(uri).relative_to(artifacts).parts[:3]
    except ValueError:
        return None


def _size(folder: Path) -> int:
    return sum(os.lstat(Path(parent, name)).st_size for parent, _, names in os.walk(folder) for name in names)
