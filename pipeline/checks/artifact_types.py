"""Types of artifacts: TFX's entrypoint imports a class for each, by the title in its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from components.node import system_types
from pipeline.checks import modules
from pipeline.checks.parsed import Parsed, Problem, Target, Task, value_of
from pipeline.compiled.compiled_file import EXECUTOR_CLASS

# Those that TFX finds without their module: TITLE_TO_CLASS_PATH of its compiler_utils.
TFX = frozenset(
    f"tfx.{name}"
    for name in (
        "Boolean", "Dataset", "ExampleAnomalies", "ExampleStatistics", "Examples", "File", "Float", "HyperParameters",
        "InferenceResult", "InfraBlessing", "Integer", "JsonValue", "Metrics", "Model", "ModelBlessing",
        "ModelEvaluation", "ModelRun", "PushedModel", "Schema", "Statistics", "String", "TransformCache",
        "TransformGraph", "TunerResults",
    )
)  # fmt: skip
_TITLE = re.compile("[a-z][a-z0-9_-]{2,20}[.][A-Z][A-Za-z0-9_-]{2,49}")  # What TFX's compiler takes as a title.
_ENTRYPOINT = "components.node.entrypoint"  # Has a class for each of system_types.TYPES.
_OTHERS = ("system.", "google.")  # Kubeflow's and Vertex AI's own, which TFX cannot import.


def artifact_types(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of the inputs and outputs of what TFX runs, and of importers."""
    for task in pipeline.tasks:
        tfx = value_of(EXECUTOR_CLASS, task.arguments) is not None
        if not tfx and not task.executor.HasField("importer"):
            continue
        component = task.component
        for side, declared in (("input", component.input_definitions), ("output", component.output_definitions)):
            for name, artifact in sorted(declared.artifacts.items()):
                title = _title(artifact.artifact_type)
                if title in TFX or (not tfx and title.startswith(_OTHERS)):
                    continue
                if side == "output" and title in system_types.TYPES and _ENTRYPOINT in task.executor.container.command:
                    continue
                yield from _own(task, f"Its {side} {name!r}", title)


def _own(task: Task, what: str, title: str) -> Iterator[Problem]:
    if not title:
        yield task.problem(
            f"{what} has no type that can be read.", "Give it an instanceSchema with a title, such as tfx.Model."
        )
    elif not _TITLE.fullmatch(title) or modules.definition(title) is None:
        yield task.problem(
            f"{what} is of type {title!r:.120}, which is none of TFX's and no class that can be imported by that name.",
            "Name it PACKAGE.Class, importable as that, or take one of TFX's, such as tfx.Model.",
        )
    elif "PROPERTIES" in modules.assigned(title):
        yield task.problem(
            f"{what} is of type {title!r}, whose class has PROPERTIES: they do not reach the compiled file.",
            "Take PROPERTIES out of the class and set custom properties instead.",
        )


def _title(schema: Any) -> str:
    """Empty if there is none."""
    if schema.schema_title:
        return schema.schema_title
    try:
        described = yaml.load(schema.instance_schema, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""
    title = described.get("title") if isinstance(described, dict) else None
    return title if isinstance(title, str) else ""
