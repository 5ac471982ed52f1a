"""The tasks of a compiled file: what each waits for, and what no backend or not this runner can run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.compiled.compiled_file import WHATEVER_CAME_BEFORE, dags
from pipeline.emulator.result import CompiledRunError

Task = Mapping[str, Any]
_PRODUCERS = ("taskOutputArtifact", "taskOutputParameter", "taskFinalStatus")


def order(tasks: Mapping[str, Task]) -> list[str]:
    """Each task behind all that it waits for; otherwise by name, so that two runs go alike."""
    graph = {name: sorted(upstream(tasks[name])) for name in sorted(tasks)}
    return list(TopologicalSorter(graph).static_order())


def upstream(task: Task) -> set[str]:
    """What a task waits for: named so, or a producer of what it takes."""
    return {*task.get("dependentTasks", []), *(producer for _, producer in _producers(task))}


def is_exit(task: Task) -> bool:
    """Whether it runs however those before it ended."""
    return task.get("triggerPolicy", {}).get("strategy") == WHATEVER_CAME_BEFORE


def exit_hooks(tasks: Mapping[str, Task]) -> dict[str, str]:
    """As Kubeflow hangs them from 2.4 on: task → what runs behind it; one that waits for two runs twice."""
    return {before: name for name in sorted(tasks) if is_exit(tasks[name]) for before in upstream(tasks[name])}


def executor(spec: Mapping[str, Any], component: Mapping[str, Any]) -> Mapping[str, Any]:
    """A container, an importer or a resolver; empty for a nested DAG."""
    return spec.get("deploymentSpec", {}).get("executors", {}).get(component.get("executorLabel"), {})


def check(spec: Mapping[str, Any]) -> None:
    """Before anything runs.

    Raises:
      CompiledRunError: a producer that is no task, a circle, or a construct that this runner does not know.
    """
    try:
        faults = [fault for dag in dags(spec) for fault in _faults(spec, dag)]
    except (KeyError, TypeError, AttributeError) as error:
        raise CompiledRunError(
            f"the compiled file is not whole: {error!r}. Write it with `mobilenet compile`."
        ) from error
    if faults:
        raise CompiledRunError(f"the compiled file cannot run: {'; '.join(faults)}. `mobilenet check` tells more.")


def _faults(spec: Mapping[str, Any], dag: Mapping[str, Any]) -> Iterator[str]:
    tasks: Mapping[str, Task] = dag["tasks"]
    for producer in sorted(set(_subtasks(dag)) - set(tasks)):
        yield f"a DAG hands on what {producer} makes, which is no task of it"
    for name, task in tasks.items():
        for what, producer in _producers(task):
            if producer not in tasks:
                yield f"{name} takes {what} from {producer}, which is no task: there are {', '.join(sorted(tasks))}"
        for before in set(task.get("dependentTasks", [])) - set(tasks):
            yield f"{name} waits for {before}, which is no task"
        yield from (f"{name}: {fault}" for fault in _unknown(spec, task))
    try:
        if all(upstream(task) <= set(tasks) for task in tasks.values()):
            order(tasks)
    except CycleError as error:
        yield f"tasks wait for each other in a circle: {' → '.join(error.args[1])}"


def _unknown(spec: Mapping[str, Any], task: Task) -> Iterator[str]:
    name = task["componentRef"]["name"]
    component = spec["components"].get(name)
    if component is None:
        yield f"no component {name}"
        return
    for kind in ("parameterIterator", "artifactIterator"):
        if kind in task:
            yield f"this runner has no loops, got {kind}"
    has = executor(spec, component)
    if "dag" not in component and not {"container", "importer"} & set(has):
        yield f"wanted a container, an importer or a DAG, got {', '.join(has) or 'no executor'}"


def _subtasks(dag: Mapping[str, Any]) -> Iterator[str]:
    outputs = dag.get("outputs", {})
    for output in outputs.get("artifacts", {}).values():
        yield from (selector["producerSubtask"] for selector in output.get("artifactSelectors", []))
    for output in outputs.get("parameters", {}).values():
        yield from (selector["producerSubtask"] for selector in parameter_selectors(output))


def parameter_selectors(output: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where a DAG's output value may come from: one place, or the first of several that has it."""
    if "valueFromParameter" in output:
        return [output["valueFromParameter"]]
    return output.get("valueFromOneof", {}).get("parameterSelectors", [])


def _producers(task: Task) -> Iterator[tuple[str, str]]:
    inputs = task.get("inputs", {})
    for name, taken in {**inputs.get("artifacts", {}), **inputs.get("parameters", {})}.items():
        for kind in _PRODUCERS:
            if kind in taken:
                yield name, taken[kind]["producerTask"]
