"""One run of the DAG in sections: both of TFX's local runners stop at the first failure, and branches must not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from tfx.dsl.compiler import constants
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline.run.run_contexts import RunContexts
from pipeline.terminal import failures, progress

Runner = Literal["local", "beam"]
_RUNNERS = {"local": LocalDagRunner, "beam": BeamDagRunner}


class NodeFailed(RuntimeError):
    """A node of the DAG failed; the message is the node's own."""

    def __init__(self, node: str, error: BaseException) -> None:
        super().__init__(f"{node} failed: {failures.sentence(error)}")
        self.node = node


class Sections:
    """One run of the DAG in several calls of its runner, each for some of the nodes.

    The run's id is put in before the runner would: what a section takes from another is then resolved as in any run,
    from what this very run has made or taken from the cache.
    """

    def __init__(self, pipeline: pipeline_pb2.Pipeline, runner: Runner, follower: progress.Follower) -> None:
        run_id = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.now().isoformat()}
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, run_id)
        self.pipeline, self.runner, self.follower = pipeline, runner, follower
        self._contexts = RunContexts(pipeline)
        self._counted = 0

    def run(self, wanted: Callable[[str], bool]) -> None:
        """Runs the nodes with such ids, in the DAG's order.

        Raises:
          NodeFailed: one failed; the section's others did not run.
        """
        section = pipeline_pb2.Pipeline()
        section.CopyFrom(self.pipeline)
        for node in (each.pipeline_node for each in section.nodes):
            if not wanted(node.node_info.id):
                node.execution_options.skip.SetInParent()
        self.follower.finished = self._counted  # A section that failed has not ticked off all of its nodes.
        self._counted += sum(1 for each in section.nodes if wanted(each.pipeline_node.node_info.id))
        try:
            _RUNNERS[self.runner]().run_with_ir(section)
        except Exception as error:
            raise NodeFailed(self.follower.node or "The pipeline", error) from error
        finally:
            self._contexts.complete(wanted)
