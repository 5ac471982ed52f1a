"""The schema's version, and names that each backend takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.checks.parsed import Parsed, Problem, Target
from pipeline.compiled.compiled_file import SCHEMA_VERSION

# Vertex AI names a run NAME-YYYYMMDDhhmmss, of at most 128 characters. Kubeflow's database has 128 for a name.
_PIPELINE = {
    "vertex": (
        re.compile("[a-z][a-z0-9-]{0,112}"),
        "lower-case letters, digits and -, a letter first, up to 113",
    ),
    "kubeflow": (re.compile("[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?"), "lower-case letters, digits, . and -, up to 128"),
}
# Argo's bound is 128 as well, and Kubeflow adds `-driver`; names that begin with a digit cannot be waited for.
_TASK = {"vertex": re.compile("[A-Za-z][A-Za-z0-9-]{0,127}"), "kubeflow": re.compile("[A-Za-z][A-Za-z0-9-]{0,120}")}
_DRIVER = "-driver"
_PARAMETER = re.compile("[A-Za-z_][A-Za-z0-9_]{0,127}")


def version(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Kubeflow takes no other; Vertex AI would look for values where this one does not have them."""
    if (got := pipeline.spec.schema_version) != SCHEMA_VERSION:
        yield Problem(
            "pipeline",
            f"Its schemaVersion is {got!r}, wanted {SCHEMA_VERSION!r}.",
            "Write the file with `mobilenet compile`.",
        )


def pipeline_name(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of the pipeline."""
    pattern, wanted = _PIPELINE[target]
    if not pattern.fullmatch(name := pipeline.spec.pipeline_info.name):
        yield Problem(
            "pipeline",
            f"pipelineInfo.name is {_shown(name)}: wanted {wanted} characters.",
            "Rename it, by `name` in the settings file.",
        )


def task_names(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of tasks: Kubeflow gives each a driver beside it, by its name."""
    for task in pipeline.tasks:
        if not _TASK[target].fullmatch(task.key):
            yield task.problem(
                f"Its name {_shown(task.key)} is not letters, digits and hyphens, a letter first, up to "
                f"{128 if target == 'vertex' else 121} characters.",
                "Rename the node with with_id() in pipeline/pipeline.py.",
            )
        if not task.message.task_info.name:
            yield task.problem("It has no taskInfo.name.", f"Write name: {task.key} under its taskInfo.")
        if target == "kubeflow" and task.key.removesuffix(_DRIVER) in {*task.dag.tasks} - {task.key}:
            yield task.problem(
                f"It has the name that Kubeflow gives the driver of {task.key.removesuffix(_DRIVER)}.",
                "Rename the node with with_id() in pipeline/pipeline.py.",
            )


def parameter_names(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of the run's parameters: what `--parameter NAME=VALUE` and both backends' forms take."""
    for name in sorted(pipeline.spec.root.input_definitions.parameters):
        if not _PARAMETER.fullmatch(name):
            yield Problem(
                f"parameter {name}",
                f"Its name {_shown(name)} is not letters, digits and underscores, up to 128 characters.",
                "Rename it in pipeline/pipeline.py.",
            )


def _shown(name: str) -> str:
    return f"{name!r:.80} ({len(name)} characters)"
