"""Work directories that were moved, copied or unpacked elsewhere: what ML Metadata says of the former place.

TFX records absolute URIs, and its cache keys hold them. Here a place in the work directory is read as one in the
directory where the database lies now, and is the same place in a cache key wherever the directory lies.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARTIFACTS = "artifacts"  # As TFX lays them out: <workdir>/artifacts/<node>/<output>/<execution>.
_PLACED = re.compile(rf"(?P<root>/.+)/{ARTIFACTS}/[^/]+/[^/]+/\d+(/[^/]+)?")
_END = r"(?=[/\"'\\]|$)"  # So that /a/runs is not found in /a/runs2.
_TEXTS = (("Artifact", "uri"), ("ArtifactProperty", "string_value"), ("ExecutionProperty", "string_value"))
_ANYWHERE = "{workdir}"


def mapping(database: Path) -> Callable[[str], str]:
    """What turns recorded text with places in the work directory into the same of where it lies now."""
    here = str(database.parent.absolute())
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        former = [root for root in _roots(connection) if root != here]
    return _replacing(former, here)


def adopt(database: Path) -> bool:
    """Writes the present place over every former one; says whether there was any. Nobody else may use the database.

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


@contextlib.contextmanager
def movable_cache(workdir: Path) -> Iterator[None]:
    """Within: TFX's cache keys are those of a work directory that lies anywhere."""
    from tfx.orchestration.portable import cache_utils

    portable = _replacing([str(workdir.absolute())], _ANYWHERE)
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
    uris = connection.execute("SELECT DISTINCT uri FROM Artifact WHERE uri LIKE '/%'")
    return sorted({match["root"] for (uri,) in uris if (match := _PLACED.fullmatch(uri))}, key=len, reverse=True)


def _replacing(roots: Sequence[str], new: str) -> Callable[[str], str]:
    if not roots:
        return lambda text: text
    pattern = re.compile(f"(?:{'|'.join(map(re.escape, roots))}){_END}")
    return lambda text: pattern.sub(lambda _: new, text)


def _rewrite(connection: sqlite3.Connection, table: str, column: str, root: str, replace: Callable[[str], str]) -> None:
    rows = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE instr({column}, ?)", (root,)).fetchall()
    changed = [(replace(text), row) for row, text in rows if isinstance(text, str)]
    connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed)
