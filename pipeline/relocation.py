"""Work directories that were moved, copied or unpacked elsewhere: what ML Metadata says of the former place.

TFX records absolute URIs, and its cache keys hold them. Here a place in the work directory is read as one in the
directory where the database lies now, and in a cache key it is the place where the directory was made. What does not
lie here, and still lies there, stays as it was recorded.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARTIFACTS = "artifacts"  # As TFX lays them out: <workdir>/artifacts/<node>/<output>/<execution>.
_PLACED = re.compile(rf"(?P<root>/.+)/{ARTIFACTS}/[^/]+/[^/]+/\d+(/[^/]+)?")
_START = r"(?<![\w.-])"  # So that /runs is not found in /a/runs,
_END = r"(?=[/\"'\\]|$)"  # nor /a/runs in /a/runs2.
_TEXTS = (("Artifact", "uri"), ("ArtifactProperty", "string_value"), ("ExecutionProperty", "string_value"))
_BIRTHPLACE = ".birthplace"  # A file of the work directory, which goes with it.


def mapping(database: Path) -> Callable[[str], str]:
    """What turns recorded text with places in the work directory into the same of where it lies now."""
    here = str(database.parent.absolute())
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        former = [root for root in _roots(connection) if root != here]
    return _replacing(former, here)


@contextlib.contextmanager
def at_home(database: Path) -> Iterator[None]:
    """Within: a run in the work directory takes what it made before it came here. Nobody else may use the database."""
    born = birthplace(database)
    adopt(database)
    with movable_cache(database.parent, born):
        yield


def adopt(database: Path) -> bool:
    """Writes the present place over every former one; says whether there was any.

    The directory that this one was copied from is not touched: it has a database of its own.
    """
    if not database.exists():
        return False
    here = str(database.parent.absolute())
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        former = [root for root in _roots(connection) if root != here]
        replace = _replacing(former, here)
        for root in former:
            for table, column in _TEXTS:
                _rewrite(connection, table, column, root, replace)
    return bool(former)


def birthplace(database: Path) -> str:
    """Where the work directory was when its first run began; written down in it, so that it is known after a move.

    Before `adopt`: a directory that an older version made, and that was moved since, tells it by its artifacts.
    """
    workdir = database.parent.absolute()
    file = workdir / _BIRTHPLACE
    if not file.exists():
        beside = file.with_name(f"{_BIRTHPLACE}.{os.getpid()}")
        beside.write_text(_told_by_artifacts(database) or str(workdir), encoding="utf-8", errors="surrogateescape")
        beside.replace(file)
    return file.read_text(encoding="utf-8", errors="surrogateescape")


def _told_by_artifacts(database: Path) -> str | None:
    if not database.exists():
        return None
    with contextlib.closing(sqlite3.connect(database)) as connection:
        roots = _roots(connection)
        uris = [uri for (uri,) in connection.execute("SELECT uri FROM Artifact")] if roots else []
    now = _replacing(roots, str(database.parent.absolute()))
    came_along = any(now(uri) != uri and os.path.exists(now(uri)) for uri in uris)
    return roots[0] if len(roots) == 1 and came_along else None


@contextlib.contextmanager
def movable_cache(workdir: Path, birthplace: str) -> Iterator[None]:
    """Within: TFX's cache keys are those that they would be where the work directory was made."""
    from tfx.orchestration.portable import cache_utils

    portable = _replacing([str(workdir.absolute())], birthplace, everywhere=True)
    original = cache_utils.get_cache_context

    def get_cache_context(*given: Any, **named: Any) -> Any:
        if named.get("input_artifacts"):
            named["input_artifacts"] = _portable_artifacts(named["input_artifacts"], portable)
        if named.get("parameters"):
            named["parameters"] = {key: portable(str(value)) for key, value in named["parameters"].items()}
        return original(*given, **named)

    cache_utils.get_cache_context = get_cache_context
    try:
        yield
    finally:
        cache_utils.get_cache_context = original


@dataclass(frozen=True)
class _Recorded:
    """All of an artifact that goes into a key."""

    mlmd_artifact: Any


def _portable_artifacts(
    artifacts: Mapping[str, Sequence[Any]], portable: Callable[[str], str]
) -> dict[str, list[_Recorded]]:
    return {
        key: [_Recorded(_portable(each.mlmd_artifact, portable)) for each in found] for key, found in artifacts.items()
    }


def _portable(recorded: Any, portable: Callable[[str], str]) -> Any:
    moved = type(recorded)()
    moved.CopyFrom(recorded)
    moved.uri = portable(moved.uri)
    for values in (moved.properties, moved.custom_properties):
        for value in values.values():
            if value.HasField("string_value"):
                value.string_value = portable(value.string_value)
    return moved


def _roots(connection: sqlite3.Connection) -> list[str]:
    """Every folder that was the work directory when an artifact was made."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Artifact'").fetchone():
        return []
    uris = connection.execute(
        "SELECT DISTINCT uri FROM Artifact JOIN Type ON Type.id = type_id WHERE uri LIKE '/%' AND Type.name != ?",
        ("PushedModel",),  # Which lies wherever the user wants it, under a folder `artifacts` too.
    )
    return sorted({match["root"] for (uri,) in uris if (match := _PLACED.fullmatch(uri))}, key=len, reverse=True)


def _replacing(roots: Sequence[str], new: str, *, everywhere: bool = False) -> Callable[[str], str]:
    """The new root for former ones; not of an artifact that is there under its former name alone, unless everywhere.

    What was pushed is no artifact of that kind: a copy without its models/ pushes into its own.
    """
    if not roots:
        return lambda text: text
    pattern = re.compile(f"{_START}(?:{'|'.join(map(re.escape, roots))}){_END}")

    def replaced(text: str) -> str:
        moved = pattern.sub(lambda _: new, text)
        stayed = not everywhere and f"/{ARTIFACTS}/" in text and os.path.exists(text) and not os.path.exists(moved)
        return text if stayed else moved

    return replaced


def _rewrite(connection: sqlite3.Connection, table: str, column: str, root: str, replace: Callable[[str], str]) -> None:
    rows = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE instr({column}, ?)", (root,)).fetchall()
    changed = [(replace(text), row) for row, text in rows if isinstance(text, str)]
    connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed)
