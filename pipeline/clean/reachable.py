"""What of a work directory's metadata stays: the newest runs, the releases, and all that either was made from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

# Contexts of one run or of one cache key: gone with the last of their executions. TFX's others are of all runs.
_OF_RUNS = ("pipeline_run", "node_of_run", "execution_cache")
_PUSHED = "PushedModel"
_CHUNK = 500  # Ids in one query.


@dataclass(frozen=True)
class Kept:
    """Ids in ML Metadata."""

    runs: list[str]  # Names, the newest first.
    executions: set[int]
    artifacts: set[int]


def kept(store: sqlite3.Connection, *, runs: int, now: Callable[[str], str]) -> Kept:
    """From the newest runs and the releases that are still at their destinations, back to what they were made from.

    Args:
      now: a recorded place → where it is now (pipeline/relocation.py).
    """
    newest = _newest_runs(store, runs)
    associated = _select(store, "select execution_id from Association where context_id in ({})", newest)
    artifacts, executions = set(_releases(store, now)), set[int]()
    waiting = {row[0] for row in associated} | _producers(store, artifacts)
    while waiting:
        executions |= waiting
        events = _select(store, "select artifact_id from Event where execution_id in ({})", waiting)
        found = {row[0] for row in events} - artifacts
        artifacts |= found
        waiting = _producers(store, found) - executions
    return Kept(list(newest.values()), executions, artifacts)


def delete_others(store: sqlite3.Connection, kept: Kept) -> None:
    """All that is not kept, in one transaction of the caller's."""
    for table, ids in (("Execution", kept.executions), ("Artifact", kept.artifacts)):
        store.execute(f"create temp table Kept{table} (id integer primary key)")
        store.executemany(f"insert into Kept{table} values (?)", ((each,) for each in ids))
        store.execute(f"delete from {table} where id not in (select id from Kept{table})")
        store.execute(f"drop table Kept{table}")
    _delete_orphans(store, ("Association", "Event", "ExecutionProperty"), "execution_id", "Execution")
    _delete_orphans(store, ("Attribution", "ArtifactProperty"), "artifact_id", "Artifact")
    _delete_orphans(store, ("EventPath",), "event_id", "Event")
    store.execute(
        "delete from Context where id not in (select context_id from Association) and type_id in "
        f"(select id from Type where name in ({', '.join('?' * len(_OF_RUNS))}))",
        _OF_RUNS,
    )
    _delete_orphans(store, ("Attribution", "ContextProperty", "ParentContext"), "context_id", "Context")


def count_runs(store: sqlite3.Connection, kept: Kept) -> tuple[int, int]:
    """All runs, and those of which something goes."""
    runs = _all_runs(store)
    parts = _select(store, "select execution_id, context_id from Association where context_id in ({})", runs)
    return len(runs), len({run for execution, run in parts if execution not in kept.executions})


def _newest_runs(store: sqlite3.Connection, whole: int) -> dict[int, str]:
    """Id → name of the newest, up to that one with which so many of them are whole: each of its nodes ended well.

    What failed or was killed takes the place of none: the next run goes on from the last that did not.
    """
    found: dict[int, str] = {}
    for run, name in _all_runs(store).items():
        if not whole:
            break
        found[run] = name
        whole -= _is_whole(store, run)
    return found


def _all_runs(store: sqlite3.Connection) -> dict[int, str]:
    """Id → name of those in which a node ran, the newest first."""
    query = (
        "select id, name from Context where type_id in (select id from Type where name = 'pipeline_run') "
        "and id in (select context_id from Association) order by create_time_since_epoch desc, id desc"
    )
    return dict(store.execute(query))


def _is_whole(store: sqlite3.Connection, run: int) -> bool:
    query = (
        "select 1 from Association join Execution on Execution.id = execution_id where context_id = ? "
        f"and last_known_state not in ({mlmd.Execution.COMPLETE}, {mlmd.Execution.CACHED})"
    )
    return store.execute(query, (run,)).fetchone() is None


def _releases(store: sqlite3.Connection, now: Callable[[str], str]) -> Iterable[int]:
    """Pushed models whose bundle is there still; each of a bucket, or of a destination that is not there, counts so."""
    query = (
        "select Artifact.id, string_value from Artifact join Type on Type.id = type_id join ArtifactProperty on "
        "artifact_id = Artifact.id where Type.name = ? and ArtifactProperty.name = 'pushed_destination'"
    )
    for artifact, folder in store.execute(query, (_PUSHED,)):
        if folder and (folder.startswith("gs://") or _may_be_there(Path(now(folder)))):
            yield artifact


def _may_be_there(bundle: Path) -> bool:
    """Of <destination>/<variant>/<version>: a destination that is gone as a whole may be a disk that is not mounted."""
    return bundle.is_dir() or not bundle.parents[1].is_dir()


def _producers(store: sqlite3.Connection, artifacts: Iterable[int]) -> set[int]:
    """The executions that made them; runs that took them from the cache have them as outputs too."""
    query = (
        "select execution_id from Event join Execution on Execution.id = execution_id "
        f"where type = {mlmd.Event.OUTPUT} and last_known_state = {mlmd.Execution.COMPLETE} and artifact_id in ({{}})"
    )
    return {row[0] for row in _select(store, query, artifacts)}


def _select(store: sqlite3.Connection, query: str, ids: Iterable[int]) -> list[tuple[int, ...]]:
    """The rows of a query over ids, however many."""
    waiting, rows = list(ids), []
    for start in range(0, len(waiting), _CHUNK):
        part = waiting[start : start + _CHUNK]
        rows += store.execute(query.format(", ".join("?" * len(part))), part).fetchall()
    return rows


def _delete_orphans(store: sqlite3.Connection, tables: Iterable[str], column: str, owner: str) -> None:
    for table in tables:
        store.execute(f"delete from {table} where {column} not in (select id from {owner})")
