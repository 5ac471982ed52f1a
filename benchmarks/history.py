"""A cached run in a work directory of many runs against one in a young directory: CPU time and the ratio.

    python -m benchmarks.history WORKDIR [--runs 1000] [--variants 0.25_32,0.25_40] [--runner local|beam] [--data DIR]

The first runs are real; the last of them is then written into ML Metadata as often as is wanted, as if it had been made
then. WORKDIR stays as the directory of so many runs. Wanted: a ratio of at most 1.2; exit code 1 else.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

WANTED = 1.2
_OF_ONE_RUN = ("pipeline_run", "node_of_run")  # Types of contexts; the others are of all runs.


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--variants", default="0.25_32")
    parser.add_argument("--runner", choices=["local", "beam"], default="local")
    parser.add_argument("--data", help="few pictures are enough")
    parser.add_argument("--repeats", type=int, default=2, help="cached runs before and after; the least time counts")
    arguments = parser.parse_args()
    options = ["--variants", arguments.variants, "--recipe", "tiny", "--runner", arguments.runner]
    options += ["--data", arguments.data] if arguments.data else []
    command = [sys.executable, "-m", "pipeline", "run", "--workdir", str(arguments.workdir), *options]
    cpu_seconds(command)
    young = min(cpu_seconds(command) for _ in range(arguments.repeats))
    database = arguments.workdir / "metadata.sqlite"
    repeat_last_run(database, arguments.runs - count_runs(database))
    old = min(cpu_seconds(command) for _ in range(arguments.repeats))
    print(
        f"{arguments.variants}, {arguments.runner}: {young:.1f} CPU s at {1 + arguments.repeats} runs, {old:.1f} at "
        f"{count_runs(database):,}: ratio {old / young:.2f}, wanted at most {WANTED}."
    )
    return int(old > WANTED * young)


def cpu_seconds(command: Sequence[str]) -> float:
    """Of the command and its children; 3 is the exit code of a model that was not blessed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def count_runs(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as store:
        query = "select count(*) from Context join Type on Type.id = type_id where Type.name = 'pipeline_run'"
        return store.execute(query).fetchone()[0]


def repeat_last_run(database: Path, times: int) -> None:
    """The newest run so many times more, under other ids: its contexts, executions and events."""
    with contextlib.closing(sqlite3.connect(database)) as store, store:
        run = _newest_run(store)
        for number in range(times):
            _repeat(store, run, number)


def _newest_run(store: sqlite3.Connection) -> tuple[list[int], list[int]]:
    """Ids of its contexts and of its executions."""
    query = "select max(Context.id) from Context join Type on Type.id = type_id where Type.name = 'pipeline_run'"
    [run] = store.execute(query).fetchone()
    executions = _column(store, "select execution_id from Association where context_id = ? order by 1", run)
    query = (
        "select distinct context_id from Association join Context on Context.id = context_id join Type on Type.id = "
        f"type_id where execution_id in ({_list(executions)}) and Type.name in ({_list(_OF_ONE_RUN)}) order by 1"
    )
    return _column(store, query), executions


def _repeat(store: sqlite3.Connection, run: tuple[list[int], list[int]], number: int) -> None:
    contexts = _copied(store, "Context", run[0], {"name": f"'{number}#' || name"})
    executions = _copied(store, "Execution", run[1], {"name": f"'{number}#' || name"})
    events = _copied(store, "Event", _column(store, f"select id from Event where execution_id in ({_list(run[1])})"), {
        "execution_id": _renamed("execution_id", executions)
    })  # fmt: skip
    either = {"context_id": _renamed("context_id", contexts), "execution_id": _renamed("execution_id", executions)}
    for table, owner, new, changes in (
        ("ExecutionProperty", "execution_id", executions, {}),
        ("EventPath", "event_id", events, {}),
        ("ParentContext", "context_id", contexts, {}),
        ("Attribution", "context_id", contexts, {"id": "null"}),
        ("Association", "execution_id", executions, {"id": "null", "context_id": either["context_id"]}),
    ):
        _insert(store, table, owner, list(new), {owner: _renamed(owner, new), **changes})


def _copied(store: sqlite3.Connection, table: str, ids: Sequence[int], changes: Mapping[str, str]) -> dict[int, int]:
    """Copies rows under new ids; → old id → new id."""
    [last] = store.execute(f"select max(id) from {table}").fetchone()
    new = {old: last + 1 + at for at, old in enumerate(ids)}
    _insert(store, table, "id", ids, {"id": _renamed("id", new), **changes})
    return new


def _insert(
    store: sqlite3.Connection, table: str, owner: str, owners: Sequence[int], changes: Mapping[str, str]
) -> None:
    """Copies the rows whose column `owner` is one of `owners`, with SQL in place of some columns."""
    columns = [row[1] for row in store.execute(f"pragma table_info({table})")]
    values = ", ".join(changes.get(column, column) for column in columns)
    store.execute(f"insert into {table} select {values} from {table} where {owner} in ({_list(owners)})")


def _renamed(column: str, ids: Mapping[int, int]) -> str:
    cases = " ".join(f"when {old} then {new}" for old, new in ids.items())
    return f"case {column} {cases} else {column} end"


def _list(values: Sequence[object]) -> str:
    return ", ".join(repr(value) for value in values)


def _column(store: sqlite3.Connection, query: str, *parameters: int) -> list[int]:
    return [row[0] for row in store.execute(query, parameters)]


if __name__ == "__main__":
    sys.exit(main())
