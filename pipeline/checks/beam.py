"""What runs the Beam pipeline of a node: named, and given what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.parsed import Parsed, Problem, Target, Task, value_of
from pipeline.compiled.beam_flags import LOCAL
from pipeline.settings.nodes import BEAM_NODES, kind

_RUNNER = "--runner"
_DOWNLOADS = ("", "DirectRunner", "SwitchingDirectRunner", "PrismRunner")
# Runner, lower case → options without which it does not start.
_NEEDS = {
    "dataflowrunner": ("--project", "--region", "--temp_location", "--sdk_container_image"),
    "portablerunner": ("--job_endpoint",),
    "flinkrunner": ("--flink_master",),
    "sparkrunner": ("--spark_master_url",),
}
_BUCKET = ("--temp_location", "--staging_location")


def runners(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of the nodes that run Beam."""
    for task in pipeline.containers:
        if kind(task.key) in BEAM_NODES:
            yield from _runner(task)


def _runner(task: Task) -> Iterator[Problem]:
    named = value_of(_RUNNER, task.arguments) or ""
    if named in _DOWNLOADS:
        yield task.problem(
            f"Its Beam runner is {named or 'not named'}: newer Beams then download one when the node runs.",
            f"Add {_RUNNER}={LOCAL} to its arguments, as placing it with a settings file does.",
        )
    short = named.rpartition(".")[2].lower()
    short = short if short.endswith("runner") else f"{short}runner"
    lacking = [option for option in _NEEDS.get(short, ()) if not value_of(option, task.arguments)]
    if lacking:
        yield task.problem(
            f"Its Beam runner is {named}, without {', '.join(lacking)}.",
            "Give them under `beam: {options: …}` in the settings file.",
        )
    for option in _BUCKET if short == "dataflowrunner" else ():
        if (place := value_of(option, task.arguments)) and not place.startswith("gs://"):
            yield task.problem(
                f"Its {option} is {place!r}, wanted gs://BUCKET/FOLDER.",
                "Name a bucket: Dataflow's workers see no other.",
            )
