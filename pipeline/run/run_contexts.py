"""Where a run's nodes look for each other's outputs: among this run's executions, however many runs came before.

TFX reads every execution of each context that an input's channel names, and the contexts `pipeline` and `node` hold
those of all runs: after 1,000 runs, one that takes all from the cache cost ten times as much. While it runs, a node is
therefore in two contexts, its run's and one for itself in this run. Afterwards it is put into TFX's own two as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import pipeline_pb2

from pipeline.lineage import NODE_OF_RUN

_OF_ALL_RUNS = (constants.PIPELINE_CONTEXT_TYPE_NAME, constants.NODE_CONTEXT_TYPE_NAME)


class RunContexts:
    """Changes a pipeline, whose run id is set, so that its nodes look into this run alone."""

    def __init__(self, pipeline: pipeline_pb2.Pipeline) -> None:
        self._run = pipeline.runtime_spec.pipeline_run_id.field_value.string_value
        self._database = _connection(pipeline)
        self._of_tfx: dict[str, pipeline_pb2.NodeContexts] = {}
        for node in (each.pipeline_node for each in pipeline.nodes):
            self._of_tfx[node.node_info.id] = pipeline_pb2.NodeContexts()
            self._of_tfx[node.node_info.id].CopyFrom(node.contexts)
            self._narrow(node.contexts.contexts, node.node_info.id)
            for channel in (channel for taken in node.inputs.inputs.values() for channel in taken.channels):
                self._narrow(channel.context_queries, channel.producer_node_query.id)
        with metadata.Metadata(self._database) as handle:  # The run's context is to have the pipeline's as its parent.
            context_lib.prepare_contexts(handle, next(iter(self._of_tfx.values())))

    def complete(self, wanted: Callable[[str], bool]) -> None:
        """Puts what nodes with such ids have done in this run into TFX's own contexts too, for whoever looks there."""
        with metadata.Metadata(self._database) as handle:
            for node in filter(wanted, self._of_tfx):
                done = handle.store.get_context_by_type_and_name(NODE_OF_RUN, self._name(node))
                if done is None:
                    continue
                contexts = context_lib.prepare_contexts(handle, self._of_tfx[node])
                executions = handle.store.get_executions_by_context(done.id)
                artifacts = handle.store.get_artifacts_by_context(done.id)
                handle.store.put_attributions_and_associations(
                    [mlmd.Attribution(context_id=c.id, artifact_id=a.id) for c in contexts for a in artifacts],
                    [mlmd.Association(context_id=c.id, execution_id=e.id) for c in contexts for e in executions],
                )

    def _narrow(self, contexts: Any, node: str) -> None:
        """Of a node, or of a channel's queries: the run's stays, and the node's own takes the place of the others."""
        for at in reversed(range(len(contexts))):
            if contexts[at].type.name in _OF_ALL_RUNS:
                del contexts[at]
        own = contexts.add()
        own.type.name = NODE_OF_RUN
        own.name.field_value.string_value = self._name(node)

    def _name(self, node: str) -> str:
        return f"{self._run}.{node}"


def _connection(pipeline: pipeline_pb2.Pipeline) -> mlmd.ConnectionConfig:
    deployment = pipeline_pb2.IntermediateDeploymentConfig()
    pipeline.deployment_config.Unpack(deployment)
    connection = mlmd.ConnectionConfig()
    deployment.metadata_connection_config.Unpack(connection)
    return connection
