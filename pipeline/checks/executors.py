"""What runs a task, and when: resolvers, importers, conditions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pipeline.checks.parsed import Parsed, Problem, Target, Task

_READ = re.compile(r"""inputs\.(artifacts|parameter_values|parameters)\s*\[\s*(['"])(.+?)\2\s*\]""")
_TEXT = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_NOT_CEL = re.compile(r"\b(and|or|not|is|if|else|lambda|for|await|yield)\b|:=|\*\*|//|~|@|;")
_STORES = {"vertex": "[a-z][a-z0-9+.-]*://.+", "kubeflow": r"(gs|s3|minio)://[^/?]+(/[^?]*)?(\?.+)?|oci://.+"}
_WANTED = {"vertex": "a URI such as gs://BUCKET/FOLDER", "kubeflow": "gs://, s3://, minio:// or oci://"}


def kinds(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Vertex AI alone has resolvers and jobs of its own."""
    for task in pipeline.tasks:
        kind = task.executor.WhichOneof("spec")
        if task.component.executor_label in pipeline.deployment.executors and kind is None:
            yield task.problem(
                f"Its executor {task.component.executor_label!r} has neither container nor importer.", "Give it one."
            )
        if target == "kubeflow" and kind in ("resolver", "custom_job"):
            yield task.problem(
                f"It is a {kind.replace('_', ' ')}, which Kubeflow Pipelines does not run.",
                "Take the node out, and give its output another way, such as an Importer with the URI as parameter.",
            )


def conditions(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """A condition sees the task's inputs and nothing else."""
    for task in pipeline.tasks:
        condition = task.message.trigger_policy.condition
        if condition and target == "kubeflow" and task.executor.HasField("importer"):
            yield task.problem(
                "It is an importer with a condition, which Kubeflow Pipelines refuses.",
                "Take the importer out of its Cond; what reads it may stay there.",
            )
        if condition and not _is_expression(condition):
            yield task.problem(
                f"Its condition {condition!r:.120} is no expression of CEL.",
                "Write one such as inputs.parameter_values['x'] == 'y'.",
            )
            continue
        for kind, _, name in _READ.findall(condition):
            yield from _condition(task, kind, name)


def _is_expression(condition: str) -> bool:
    """By Python's parser: CEL's operators bind as its own do, and its `a ? b : c` is a tuple's worth of brackets."""
    bare = _TEXT.sub("''", condition)
    if _NOT_CEL.search(bare):
        return False
    python = re.sub(r"!(?!=)", "~", bare.replace("&&", " and ").replace("||", " or "))
    try:
        ast.parse(python.replace("?", " and ").replace(":", " or ").strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _condition(task: Task, kind: str, name: str) -> Iterator[Problem]:
    if kind == "parameters":
        yield task.problem(
            f"Its condition reads inputs.parameters[{name!r}], which is empty in schema 2.1.",
            f"Write inputs.parameter_values[{name!r}].",
        )
        return
    inputs = task.message.inputs.artifacts if kind == "artifacts" else task.message.inputs.parameters
    if name not in inputs:
        yield task.problem(
            f"Its condition reads inputs.{kind}[{name!r}], which the task is not given.",
            f"Add {name} to the task's inputs and to its component's inputDefinitions, or take it out here.",
        )


def importers(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """What is imported lies where the backend can name it."""
    for task in pipeline.tasks:
        if not task.executor.HasField("importer"):
            continue
        uri = task.executor.importer.artifact_uri
        if name := uri.runtime_parameter:
            given = task.message.inputs.parameters
            if name not in given or not given[name].component_input_parameter:
                yield task.problem(
                    f"Its URI is the task's parameter {name!r}, which is no parameter of the run.",
                    f"Give the task {name} as componentInputParameter.",
                )
        elif not re.fullmatch(_STORES[target], uri.constant.string_value):
            yield task.problem(
                f"It imports {uri.constant.string_value!r}, wanted {_WANTED[target]}.",
                "Copy what is to be imported to the cluster's object store and give that address.",
            )
