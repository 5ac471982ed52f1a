"""What is connected to what: components, executors, producers, dependencies."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.checks.parsed import Dag, Parsed, Problem, Target, Task


class Edge(NamedTuple):
    """An input that comes from another task."""

    input: str
    producer: str
    key: str
    kind: str  # `parameter` or `artifact`, of the output.


def edges(task: Task) -> Iterator[Edge]:
    """All of a task's, by name."""
    for name, value in sorted(task.message.inputs.parameters.items()):
        if value.HasField("task_output_parameter"):
            output = value.task_output_parameter
            yield Edge(name, output.producer_task, output.output_parameter_key, "parameter")
    for name, value in sorted(task.message.inputs.artifacts.items()):
        if value.HasField("task_output_artifact"):
            output = value.task_output_artifact
            yield Edge(name, output.producer_task, output.output_artifact_key, "artifact")


def implementations(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """A task has a component, and a component something that runs it."""
    if not pipeline.spec.root.dag.tasks:
        yield Problem("pipeline", "Its root has no tasks.", "Write the file with `mobilenet compile`.")
    for task in pipeline.tasks:
        named, label = task.message.component_ref.name, task.component.executor_label
        if named not in pipeline.spec.components:
            yield task.problem(
                f"Its componentRef is {named!r}, which is no component.",
                f"Name one of {_listed(pipeline.spec.components)}.",
            )
        elif not task.component.HasField("dag") and label not in pipeline.deployment.executors:
            yield task.problem(
                f"Its component's executorLabel is {label!r}, which is no executor.",
                "Add that executor under deploymentSpec.executors, or name one that is there.",
            )


def producers(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """An input's producer is a task beside it that has the output."""
    for task in pipeline.tasks:
        for edge in edges(task):
            if edge.producer not in task.dag.tasks:
                yield task.problem(
                    f"Its {edge.kind} {edge.input!r} comes from {edge.producer!r}, which is no task.",
                    f"Name one of {_listed(task.dag.tasks)} as producerTask.",
                )
                continue
            producer = pipeline.task(task.dag, edge.producer)
            outputs = producer.component.output_definitions
            made = outputs.parameters if edge.kind == "parameter" else outputs.artifacts
            if edge.key not in made and producer.message.component_ref.name in pipeline.spec.components:
                yield task.problem(
                    f"Its {edge.kind} {edge.input!r} is {edge.producer}'s output {edge.key!r}, which it does not make.",
                    f"Name one of its {edge.kind}s ({_listed(made)}) or add the output to its outputDefinitions.",
                )


def dependencies(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """What a task waits for is beside it, and no task waits for itself."""
    for dag in pipeline.dags:
        for name in sorted(dag.tasks):
            task = pipeline.task(dag, name)
            yield from _unknown(task)
            if target == "vertex":  # Kubeflow's compiler adds producers itself.
                yield from _unnamed(task)
        yield from _cycle(pipeline, dag)


def _unknown(task: Task) -> Iterator[Problem]:
    for name in task.message.dependent_tasks:
        if name not in task.dag.tasks:
            yield task.problem(
                f"Its dependentTasks name {name!r}, which is no task.",
                f"Name one of {_listed(task.dag.tasks)}, or take it out.",
            )


def _unnamed(task: Task) -> Iterator[Problem]:
    for name in sorted({edge.producer for edge in edges(task)} - {*task.message.dependent_tasks}):
        if name in task.dag.tasks:
            yield task.problem(
                f"It reads what {name} makes and does not wait for it.", f"Add {name} to its dependentTasks."
            )


def _cycle(pipeline: Parsed, dag: Dag) -> Iterator[Problem]:
    waits_for = {}
    for name in sorted(dag.tasks):
        task = pipeline.task(dag, name)
        waits_for[name] = {*task.message.dependent_tasks, *(edge.producer for edge in edges(task))}
    try:
        graphlib.TopologicalSorter(waits_for).prepare()
    except graphlib.CycleError as error:
        around = _from_the_first_name(error.args[1])
        yield pipeline.task(dag, around[0]).problem(
            f"It waits for itself: {' → '.join(around)}.",
            "Take one out of the next one's dependentTasks or inputs.",
        )


def _from_the_first_name(cycle: list[str]) -> list[str]:
    """The same circle, so that one file always gives one message."""
    start = cycle.index(min(cycle))
    return [*cycle[start:-1], *cycle[:start], cycle[start]]


def _listed(names: object) -> str:
    known = sorted(names)  # pyright: ignore[reportArgumentType]
    return ", ".join(known) or "none"
