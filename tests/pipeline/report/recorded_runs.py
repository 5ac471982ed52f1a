"""Runs as TFX's launcher records them in ML Metadata, without running anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

_COMPLETE = mlmd.Execution.COMPLETE


@dataclass(frozen=True)
class Ran:
    """A node's execution: inputs by the name of the node and output that made them."""

    node: str
    outputs: Mapping[str, str | Path] = field(default_factory=dict)  # Key → uri.
    inputs: Sequence[tuple[str, str]] = ()
    state: int = _COMPLETE
    settings: Mapping[str, str | int] = field(default_factory=dict)
    properties: Mapping[str, str | int] = field(default_factory=dict)  # Of the outputs.


def record(database: Path, *runs: Sequence[Ran]) -> None:
    """Writes the runs one after the other."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = metadata_store.MetadataStore(config)
    for number, run in enumerate(runs):
        _record(store, f"run {number}", run)


def _record(store: metadata_store.MetadataStore, name: str, run: Sequence[Ran]) -> None:
    context = mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name="pipeline_run")), name=name)
    node_type = store.put_context_type(mlmd.ContextType(name="node"))
    execution_type = store.put_execution_type(mlmd.ExecutionType(name="node"))
    names = ("Model", "PushedModel")
    model, pushed = (store.put_artifact_type(mlmd.ArtifactType(name=each)) for each in names)
    made: dict[tuple[str, str], int] = {}
    for ran in run:
        execution = mlmd.Execution(type_id=execution_type, last_known_state=ran.state)
        _set(execution.custom_properties, ran.settings)
        pairs = [(mlmd.Artifact(id=made[each]), _event(each[1], mlmd.Event.INPUT)) for each in ran.inputs]
        for key, uri in ran.outputs.items():
            artifact = mlmd.Artifact(type_id=pushed if key == "pushed_model" else model, uri=str(uri))
            _set(artifact.custom_properties, ran.properties)
            pairs.append((artifact, _event(key, mlmd.Event.OUTPUT)))
        stored = [(store.get_artifacts_by_id([each.id])[0] if each.id else each, event) for each, event in pairs]
        contexts = [context, mlmd.Context(type_id=node_type, name=f"mobilenet.{ran.node}")]
        _, ids, _ = store.put_execution(execution, stored, contexts, reuse_context_if_already_exist=True)
        made |= {(ran.node, key): id_ for key, id_ in zip(ran.outputs, ids[len(ran.inputs) :], strict=True)}


def _event(key: str, kind: int) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = key
    return event


def _set(properties, values: Mapping[str, str | int]) -> None:
    for name, value in values.items():
        setattr(properties[name], "int_value" if isinstance(value, int) else "string_value", value)
