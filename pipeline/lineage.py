"""What a run did, read back from ML Metadata: each node's state, time, settings, inputs and outputs.

Places in the work directory are those where it lies now, wherever it lay when the run was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline import relocation, workdir

NODE_OF_RUN = "node_of_run"  # The type of a context that is for one node in one run (pipeline/run/run_contexts.py).
Now = Callable[[str], str]  # Text as it was recorded → with places where the work directory lies now.
_STATES = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.RUNNING: "killed",
}


@dataclass(frozen=True)
class Output:
    """An artifact: where it lies and what is recorded on it."""

    uri: Path
    properties: dict[str, Any]
    id: int = 0
    type: str = ""


@dataclass(frozen=True)
class NodeRun:
    """One node's part in a run."""

    node: str
    state: str  # done, cached, failed or killed.
    seconds: float
    outputs: dict[str, Output]
    began: float = 0.0  # Seconds of Unix time.
    inputs: frozenset[int] = frozenset()  # Ids of artifacts.
    settings: dict[str, Any] = field(default_factory=dict)  # What the node was given besides artifacts.


def last_run(database: Path) -> dict[str, NodeRun]:
    """Node id → its execution in the newest pipeline run; empty where there was none."""
    return next(runs(database), {})


def runs(database: Path) -> Iterator[dict[str, NodeRun]]:
    """The same of every run, the newest first.

    Raises:
      FormatError: a newer version of this project has made the work directory.
    """
    workdir.check(database.parent)
    store, now = _open(database), relocation.mapping(database)
    contexts = store.get_contexts_by_type("pipeline_run")
    for context in sorted(contexts, key=lambda context: context.create_time_since_epoch, reverse=True):
        yield {node.node: node for node in _nodes(store, context.id, now)}


def _open(database: Path) -> metadata_store.MetadataStore:
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return metadata_store.MetadataStore(config)


def _nodes(store: metadata_store.MetadataStore, run: int, now: Now) -> Iterator[NodeRun]:
    for execution in sorted(store.get_executions_by_context(run), key=lambda execution: execution.id):
        contexts = store.get_contexts_by_execution(execution.id)
        [name] = {c.name.rsplit(".", 1)[-1] for c in contexts if c.type in ("node", NODE_OF_RUN)}
        seconds = (execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000
        yield NodeRun(
            node=name,
            state=_STATES.get(execution.last_known_state, "unknown"),
            seconds=seconds,
            outputs=_outputs(store, execution.id, now),
            began=execution.create_time_since_epoch / 1000,
            inputs=_inputs(store, execution.id),
            settings=_values((*execution.properties.items(), *execution.custom_properties.items()), now),
        )


def _inputs(store: metadata_store.MetadataStore, execution: int) -> frozenset[int]:
    events = store.get_events_by_execution_ids([execution])
    return frozenset(event.artifact_id for event in events if event.type == mlmd.Event.INPUT)


def _outputs(store: metadata_store.MetadataStore, execution: int, now: Now) -> dict[str, Output]:
    events = [e for e in store.get_events_by_execution_ids([execution]) if e.type == mlmd.Event.OUTPUT]
    artifacts = {a.id: a for a in store.get_artifacts_by_id([event.artifact_id for event in events])}
    return {
        event.path.steps[0].key: Output(
            uri=Path(now(artifacts[event.artifact_id].uri)),
            properties=_values(artifacts[event.artifact_id].custom_properties.items(), now),
            id=event.artifact_id,
            type=artifacts[event.artifact_id].type,
        )
        for event in events
    }


def _values(recorded: Iterable[tuple[str, mlmd.Value]], now: Now) -> dict[str, Any]:
    values = {name: getattr(value, value.WhichOneof("value") or "string_value") for name, value in recorded}
    return {name: now(value) if isinstance(value, str) else value for name, value in values.items()}
