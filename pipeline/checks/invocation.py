"""How a container is called: TFX's entrypoint takes the types of its inputs from a copy among its arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import json_format

from pipeline.checks.parsed import Parsed, Problem, Target, Task, messages, value_of
from pipeline.compiled.compiled_file import EXECUTOR_CLASS, INPUTS_SPEC

INVOCATION = "--json_serialized_invocation_args"
_FILLED_IN = "{{$}}"  # The backend puts the ExecutorInput there.


def arguments(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of the executor, and of the driver before it where there is one."""
    for task in pipeline.containers:
        driver = task.executor.container.lifecycle.pre_cache_check
        if value_of(EXECUTOR_CLASS, task.arguments) is not None:
            yield from _call(task, task.arguments, "Its")
        if driver.command:
            yield from _call(task, driver.args, "Its driver's")


def _call(task: Task, given: Sequence[str], whose: str) -> Iterator[Problem]:
    if value_of(INVOCATION, given) != _FILLED_IN:
        yield task.problem(
            f"{whose} {INVOCATION} is {value_of(INVOCATION, given)!r:.60}, wanted {_FILLED_IN}.",
            f"Write {_FILLED_IN} there: the backend fills in what the node is to do.",
        )
    copy = value_of(INPUTS_SPEC, given)
    if copy is None:
        yield task.problem(
            f"{whose} arguments have no {INPUTS_SPEC}: TFX then reads no parameter.",
            f"Add {INPUTS_SPEC} with the component's inputDefinitions as JSON.",
        )
    elif differing := _differing(copy, task.component.input_definitions):
        yield task.problem(
            f"{whose} {INPUTS_SPEC} differs from the component's inputDefinitions in {differing}.",
            "Write the inputDefinitions there as JSON: TFX takes the types from this copy.",
        )


def _differing(copy: str, declared: Any) -> str:
    """What is not the same; empty if all is."""
    message = messages().ComponentInputsSpec()
    try:
        json_format.Parse(copy, message)
    except (json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return f"form ({str(error)[:100]})"
    if message == declared:
        return ""
    ours, theirs = json_format.MessageToDict(message), json_format.MessageToDict(declared)
    names = [
        f"{kind}.{name}"
        for kind in ("artifacts", "parameters")
        for name in sorted({*ours.get(kind, {}), *theirs.get(kind, {})})
        if json.dumps(ours.get(kind, {}).get(name)) != json.dumps(theirs.get(kind, {}).get(name))
    ]
    return ", ".join(names)
