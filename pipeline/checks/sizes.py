"""How large a run may be on Kubeflow: an argument for the kernel, a Workflow with the states of its nodes for Argo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from pipeline.checks.parsed import Parsed, Problem, Target
from pipeline.checks.releases import ARGO_4, LARGE_PARAMETERS
from pipeline.compiled.compiled_file import called
from pipeline.emulator.kubeflow_values import as_text

ARGUMENT = 131_071  # Bytes. The kernel's MAX_ARG_STRLEN, without the zero behind it.
WORKFLOW = 1_048_576  # Argo's, where it keeps no states elsewhere: Kubeflow does not set that up.
PARAMETERS = 10_000
# Of the Workflow that the real compiler (2.17.0) made of 1, 3 and 16 variants, and of what Argo 4.0.5 added to it.
_TEMPLATES, _PER_TASK, _PER_NODE = 20_000, 1_500, 4_000
_FEWER = "Compile fewer variants into one file, or submit them in several runs."


@dataclass(frozen=True)
class Sizes:
    """Of a file, in bytes."""

    arguments: Mapping[str, int]  # Component → its text, which its driver gets as one argument; `root` among them.
    workflow: int  # With the states of all nodes: an estimate.

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Sizes:
        """Of a PipelineSpec as JSON has it."""
        components = {"root": spec.get("root", {}), **spec.get("components", {})}
        texts = {name: as_text(component) for name, component in components.items()}
        containers = [as_text(each) for each in (spec.get("deploymentSpec", {}).get("executors") or {}).values()]
        tasks = sum(len(each.get("dag", {}).get("tasks", {})) for each in components.values())
        kept = [*texts.values(), *containers, _defaults(spec)]
        states = _PER_NODE * sum(1 for _ in called(spec))
        workflow = _TEMPLATES + _PER_TASK * tasks + sum(len(json.dumps(text)) for text in kept) + states
        return cls({name: len(text.encode()) for name, text in texts.items()}, workflow)

    def __str__(self) -> str:
        name, size = max(self.arguments.items(), key=lambda item: item[1])
        return (
            f"Largest argument: {size:,} of {ARGUMENT:,} bytes ({name}). Argo's Workflow: about {self.workflow:,} of "
            f"{WORKFLOW:,} bytes at the end of a run."
        )


def sizes(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of arguments, of the run's parameters and of the Workflow."""
    if target != "kubeflow":
        return
    yield from _constants(pipeline)
    spec = json_format.MessageToDict(pipeline.spec)
    found = Sizes.of(spec)
    for name, size in sorted(found.arguments.items() if pipeline.release < ARGO_4 else ()):
        if size > ARGUMENT:
            fault = f"It is {size:,} bytes of JSON, which its driver gets as one argument: wanted at most {ARGUMENT:,}."
            yield Problem(name, fault, _FEWER)
    given = len(_defaults(spec).encode())
    if given > PARAMETERS and pipeline.release < LARGE_PARAMETERS:
        before = f"before Kubeflow Pipelines {LARGE_PARAMETERS}"
        fault = f"Its parameters are {given:,} bytes, wanted at most {PARAMETERS:,} {before}."
        yield Problem("pipeline", fault, _FEWER)
    if found.workflow > WORKFLOW:
        fault = f"A run of it would take about {found.workflow:,} bytes in Argo, wanted at most {WORKFLOW:,}."
        yield Problem("pipeline", fault, _FEWER)


def _constants(pipeline: Parsed) -> Iterator[Problem]:
    for task in pipeline.tasks:
        for name, value in sorted(task.message.inputs.parameters.items()):
            if value.HasField("runtime_value"):
                size = len(json_format.MessageToJson(value.runtime_value.constant).encode())
                if size > ARGUMENT:
                    fault = f"Its parameter {name!r} is {size:,} bytes, wanted at most {ARGUMENT:,}, as an argument is."
                    yield task.problem(fault, "Put it into a file that the node reads.")
    for task in pipeline.containers:
        for argument in task.arguments:
            if len(argument.encode()) > ARGUMENT:
                fault = (
                    f"An argument of its container is {len(argument.encode()):,} bytes, wanted at most {ARGUMENT:,}."
                )
                yield task.problem(fault, "Put it into a file that the node reads.")


def _defaults(spec: Mapping[str, Any]) -> str:
    declared = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    return as_text({name: each.get("defaultValue") for name, each in sorted(declared.items())})
