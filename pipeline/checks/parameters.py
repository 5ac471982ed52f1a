"""Parameters and inputs: declared, given, and of their type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from pipeline.checks.parsed import Parsed, Problem, Target, Task, messages

_VALUE_TYPES = {
    "string_value": {"STRING"},
    "number_value": {"NUMBER_DOUBLE", "NUMBER_INTEGER"},
    "bool_value": {"BOOLEAN"},
    "list_value": {"LIST"},
    "struct_value": {"STRUCT"},
}
_REFERENCE = re.compile(r"\{\{(?!\$)[^}]{0,40}|\$\([^)]{0,40}")
_PLAIN = "Write the value without {{ and $(."
_UNTYPED = "PARAMETER_TYPE_ENUM_UNSPECIFIED"


def defaults(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """A run's parameters have defaults of their type; backends look only when a run leaves one out."""
    for name, declared in sorted(pipeline.spec.root.input_definitions.parameters.items()):
        where, kind = f"parameter {name}", _type(declared)
        if kind == _UNTYPED:
            yield Problem(where, "It has no parameterType.", f"Give it one of {_known_types()}.")
        elif not declared.HasField("default_value"):
            if not declared.is_optional:
                yield Problem(
                    where,
                    "It has no defaultValue: a run that does not give it is refused.",
                    f"Add a defaultValue of type {kind}.",
                )
        elif not _fits(declared.default_value, kind):
            yield Problem(
                where,
                f"Its defaultValue is {_shown(declared.default_value)}, wanted {kind}.",
                f"Write a {kind} there, or change its parameterType.",
            )


def given(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Every input that a component asks for is given, optional or has a default."""
    for task in pipeline.tasks:
        inputs, asked = task.message.inputs, task.component.input_definitions
        iterated = {task.message.parameter_iterator.item_input, task.message.artifact_iterator.item_input}
        lacking = [
            f"parameter {name!r}"
            for name, declared in sorted(asked.parameters.items())
            if name not in {*inputs.parameters, *iterated}
            and not (declared.is_optional or declared.HasField("default_value"))
        ] + [
            f"artifact {name!r}"
            for name, declared in sorted(asked.artifacts.items())
            if name not in {*inputs.artifacts, *iterated} and not declared.is_optional
        ]
        for each in lacking:
            yield task.problem(
                f"It is not given {each}, which its component asks for.",
                "Add it to the task's inputs, or make it optional in the component's inputDefinitions.",
            )


def sources(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """A parameter's value is there when the task starts, and of the type that the component declares."""
    for task in pipeline.tasks:
        parent = task.dag.component.input_definitions.parameters
        for name, value in sorted(task.message.inputs.parameters.items()):
            taken = value.component_input_parameter
            if taken and taken not in parent:
                yield task.problem(
                    f"Its parameter {name!r} is the run's {taken!r}, which is not declared.",
                    f"Declare {taken} under {task.dag.name}.inputDefinitions.parameters, with a defaultValue.",
                )
            elif value.HasField("runtime_value") and not value.runtime_value.HasField("constant"):
                yield task.problem(
                    f"Its parameter {name!r} has a runtimeValue without a constant, a form before schema 2.1.",
                    "Write constant, or componentInputParameter for a parameter of the run.",
                )
            else:
                yield from _mistyped(pipeline, task, name, value)


def references(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Argo replaces `{{…}}` in values, and Kubernetes `$(…)`; Kubeflow's own `{{$…}}` are filled in before."""
    if target != "kubeflow":
        return
    for task in pipeline.tasks:
        for name, value in sorted(task.message.inputs.parameters.items()):
            if found := reference(json_format.MessageToDict(value.runtime_value.constant)):
                yield task.problem(f"Its parameter {name!r} has {found!r} in it, which Argo would replace.", _PLAIN)
    for name, declared in sorted(pipeline.spec.root.input_definitions.parameters.items()):
        if found := reference(json_format.MessageToDict(declared.default_value)):
            yield Problem(f"parameter {name}", f"Its default has {found!r} in it, which Argo would replace.", _PLAIN)


def reference(value: Any) -> str:
    """The first of them in a value; empty if there is none."""
    found = _REFERENCE.search(json.dumps(value, ensure_ascii=False))
    return found[0] if found else ""


def _mistyped(pipeline: Parsed, task: Task, name: str, value: Any) -> Iterator[Problem]:
    if name not in task.component.input_definitions.parameters or task.message.WhichOneof("iterator"):
        return
    wanted = _type(task.component.input_definitions.parameters[name])
    if value.HasField("runtime_value"):
        constant = value.runtime_value.constant
        if not _fits(constant, wanted):
            yield task.problem(
                f"Its parameter {name!r} is {_shown(constant)}, wanted {wanted}.",
                f"Write a {wanted} there, or change the component's parameterType.",
            )
        return
    made, where = _made(pipeline, task, value)
    if made and made != wanted and (made, wanted) != ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
        yield task.problem(
            f"Its parameter {name!r} is declared {wanted} and takes {where}, a {made}.",
            f"Declare it {made} in the component's inputDefinitions and in --json_serialized_inputs_spec_args.",
        )


def _made(pipeline: Parsed, task: Task, value: Any) -> tuple[str | None, str]:
    """The type of what a value is taken from, and what that is called; no type where it is not known."""
    parent = task.dag.component.input_definitions.parameters
    if (name := value.component_input_parameter) in parent:
        return _type(parent[name]), f"the run's {name!r}"
    output = value.task_output_parameter
    outputs = pipeline.task(task.dag, output.producer_task).component.output_definitions.parameters
    if output.output_parameter_key in outputs:
        return _type(outputs[output.output_parameter_key]), f"{output.producer_task}'s {output.output_parameter_key!r}"
    return None, ""


def _fits(value: Any, kind: str) -> bool:
    whole = value.WhichOneof("kind") != "number_value" or kind == "NUMBER_DOUBLE" or value.number_value.is_integer()
    return whole and kind in _VALUE_TYPES.get(value.WhichOneof("kind"), ())


def _shown(value: Any) -> str:
    kind = value.WhichOneof("kind") or "null_value"
    return "null" if kind == "null_value" else f"{getattr(value, kind)!r:.60} ({kind.removesuffix('_value')})"


def _type(declared: Any) -> str:
    """A number that the messages have no name for parses, and is no type."""
    known = messages().ParameterType.ParameterTypeEnum
    return known.Name(declared.parameter_type) if declared.parameter_type in known.values() else _UNTYPED


def _known_types() -> str:
    return ", ".join(sorted(set().union(*_VALUE_TYPES.values())))
