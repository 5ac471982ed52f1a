"""`mobilenet run`: the DAG on this machine, and what came of it, read from the artifacts."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.dsl.compiler import compiler
from tfx.dsl.placeholder import placeholder as ph
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.orchestration import pipeline_pb2

from components.conversion import artifact
from components.evaluation import tfma_module as evaluations
from components.evaluation.scores import Evaluation
from components.ingestion import report as ingestion_report
from components.ingestion import summary
from components.release import gcs_path, pusher
from components.release.gcs_path import Place
from components.zoo import files as zoo_files
from pipeline import lineage, relocation
from pipeline.branch import Branch
from pipeline.node_ids import ZOO
from pipeline.pipeline import BeamArgument, create_pipeline
from pipeline.run import early
from pipeline.run.sections import NodeFailed, Runner, Sections
from pipeline.settings.environment import BEAM_MODE, BEAM_WORKERS
from pipeline.settings.local import Settings
from pipeline.terminal import progress
from pipeline.workdir import alone as _alone
from trainer.imagenet import LABELS_FILE


@dataclass(frozen=True)
class Outcome:
    """What one branch came to."""

    branch: Branch
    report: dict[str, Any]  # Of the ingestion.
    report_file: Path  # The same in words.
    evaluation: Evaluation
    float_bytes: int
    int8_bytes: int
    blessed: bool
    reason: str
    pushed_to: Place | None  # None unless the bundle lies there whole, now.
    signed: bool = False  # By this run.
    bundle: Path = Path()  # Where it was built, pushed or not.
    labels: tuple[str, ...] = ()  # Of the outputs.


@dataclass(frozen=True)
class Failure:
    """A branch that did not come to its end; the others went on."""

    branch: Branch
    error: NodeFailed


@dataclass(frozen=True)
class Ran:
    """What a run came to, branch by branch in their order."""

    branches: tuple[Outcome | Failure, ...]
    zoo: Place | NodeFailed  # The folder of the zoo's table and page, beside the bundles.

    @property
    def outcomes(self) -> list[Outcome]:
        return [each for each in self.branches if isinstance(each, Outcome)]

    @property
    def failures(self) -> list[Failure]:
        return [each for each in self.branches if isinstance(each, Failure)]


def run(
    settings: Settings,
    branches: Sequence[Branch],
    *,
    follower: progress.Follower,
    runner: Runner = "local",
    from_node: str | None = None,
    sign: Callable[[Place], None] | None = None,
) -> Ran:
    """Runs the DAG: what all share, then branch after branch, then ZooReport.

    Both runners stop at the first failure, so these are sections of one run, one call of the runner each: a branch that
    fails or is not blessed does not stop those after it.

    Args:
        sign: called with the folder of each bundle that was pushed, or lay there already.

    Raises:
        NodeFailed: a node that all share failed; nothing behind it ran.
        SettingsError: no such node, another run is at work in this work directory, or a newer version has made it.
    """
    pipeline = compiler.Compiler().compile(local_pipeline(settings, branches))
    if from_node:
        _run_again_from(from_node, pipeline)
    follower.nodes = len(pipeline.nodes)
    with _alone(settings.workdir), relocation.at_home(settings.metadata):
        _sweep(settings.artifacts)
        sections = Sections(pipeline, runner, follower)
        sections.run(lambda node: "-" not in node and node != ZOO)
        ran = []
        for number, branch in enumerate(branches, start=1):
            if len(branches) > 1:
                follower.say(f"Branch {number} of {len(branches)}: {branch.variant.name}")
            ran.append(_run_branch(branch, sections, settings, sign))
        return Ran(tuple(ran), _run_zoo(sections, settings))


def _run_branch(
    branch: Branch, sections: Sections, settings: Settings, sign: Callable[[Place], None] | None
) -> Outcome | Failure:
    try:
        sections.run(lambda node: node.endswith(f"-{branch.variant.id}"))
        outcome = _outcome(branch, lineage.last_run(settings.metadata))
        return _signed(outcome, sign) if sign else outcome
    except NodeFailed as error:
        return _said(Failure(branch, error), sections.follower)
    except (OSError, KeyError, ValueError) as error:
        return _said(Failure(branch, NodeFailed("Reading the results", error)), sections.follower)


def _signed(outcome: Outcome, sign: Callable[[Place], None]) -> Outcome:
    if outcome.pushed_to is None:
        return outcome
    try:
        sign(outcome.pushed_to)
    except (OSError, ValueError) as error:
        raise NodeFailed(f"{outcome.pushed_to} is pushed, but signing it", error) from error
    return dataclasses.replace(outcome, signed=True)


def _said(failure: Failure, follower: progress.Follower) -> Failure:
    follower.fail(str(failure.error))
    return failure


def _run_zoo(sections: Sections, settings: Settings) -> Place | NodeFailed:
    """The files come from the cache where the bundles are those of last time; their copy is then made good."""
    try:
        sections.run(lambda node: node == ZOO)
        page = lineage.last_run(settings.metadata)[ZOO].outputs["html"].uri
        return zoo_files.deliver(page.parent, gcs_path.place(settings.destination))
    except NodeFailed as error:
        sections.follower.fail(str(error))
        return error
    except (OSError, KeyError, ValueError) as error:
        return NodeFailed(ZOO, error)


def _run_again_from(node: str, pipeline: pipeline_pb2.Pipeline) -> None:
    """No cache for this node and all behind it. TFX's partial run would take the rest unseen, changed or not."""
    nodes = {each.pipeline_node.node_info.id: each.pipeline_node for each in pipeline.nodes}
    early.check_node(node, list(nodes))
    waiting = [node]
    while waiting:
        again = nodes[waiting.pop()]
        again.execution_options.caching_options.enable_cache = False
        waiting.extend(again.downstream_nodes)


def local_pipeline(settings: Settings, branches: Sequence[Branch]) -> Pipeline:
    """The DAG with this machine's metadata and Beam."""
    return create_pipeline(
        settings,
        branches,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(settings.metadata)),
        beam_pipeline_args=_beam_pipeline_args(),
    )


def _beam_pipeline_args() -> list[BeamArgument]:
    """Placeholders, resolved when a node runs: another number of workers is not another result.

    The runner is named because Beam's default, from 2.68 on, first tries to download another one.
    """
    return [
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=" + ph.environment_variable(BEAM_MODE),
        "--direct_num_workers=" + ph.environment_variable(BEAM_WORKERS),
    ]


def _outcome(branch: Branch, nodes: dict[str, lineage.NodeRun]) -> Outcome:
    def output(node: str, key: str) -> lineage.Output:
        return nodes[f"{node}-{branch.variant.id}"].outputs[key]

    report = nodes["IngestionReport"].outputs["report"].uri
    files = output("TFLiteConverter", "tflite").uri / artifact.SERVING
    blessing = output("AccuracyGate", "blessing").properties
    pushed = output("Pusher", "pushed_model").properties
    return Outcome(
        branch=branch,
        report=summary.read(str(report)),
        report_file=report / ingestion_report.TEXT_FILE,
        labels=tuple(
            (nodes["ImageNetExampleGen"].outputs["examples"].uri / LABELS_FILE).read_text("utf-8").splitlines()
        ),
        evaluation=evaluations.read(str(output("Evaluator", "evaluation").uri)),
        float_bytes=(files / artifact.FLOAT).stat().st_size,
        int8_bytes=(files / artifact.INT8).stat().st_size,
        blessed=blessing["blessed"] == 1,
        reason=blessing["reason"],
        pushed_to=gcs_path.place(pushed["pushed_destination"]) if pusher.is_pushed(pushed) else None,
        bundle=output("BundleBuilder", "bundle").uri / artifact.SERVING,
    )


def _sweep(artifacts: Path) -> None:
    """Removes what killed nodes had half written. TFX gives their folders to nobody again."""
    for pattern in (".ingesting-*", ".writing-*", "*.writing"):
        for left in artifacts.glob(f"*/*/*/{pattern}"):
            shutil.rmtree(left, ignore_errors=True)
