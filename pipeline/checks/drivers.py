"""What Kubeflow's compiler and drivers make of tasks and components that are fine each by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from google.protobuf import json_format

from pipeline.checks.parsed import Parsed, Problem, Target
from pipeline.checks.releases import EXIT_HOOKS, OWN_ADDRESSES, PAGED
from pipeline.emulator.kubeflow_values import as_text

_SEEN = 20  # Tasks of a DAG that a driver asks ML Metadata for, without the pages behind them.


def drivers(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of one release or another; see releases.py."""
    if target != "kubeflow":
        return
    yield from _artifact_iterators(pipeline)
    yield from _taken_for_another(pipeline)
    if pipeline.release < OWN_ADDRESSES:
        yield from _called_twice(pipeline)
    if pipeline.release < PAGED:
        yield from _unseen(pipeline)


def _artifact_iterators(pipeline: Parsed) -> Iterator[Problem]:
    for task in pipeline.tasks:
        if task.message.WhichOneof("iterator") == "artifact_iterator":
            fault = "It runs once for each artifact of a list (artifactIterator), which Kubeflow refuses."
            yield task.problem(fault, "Iterate over a parameter, or write the tasks out.")


def _taken_for_another(pipeline: Parsed) -> Iterator[Problem]:
    """Its compiler finds a component by its container: of two equal ones it takes the first."""
    if pipeline.release < EXIT_HOOKS:  # The same change brought both.
        return
    first: dict[str, tuple[str, str]] = {}
    for task in pipeline.containers:
        container = as_text(json_format.MessageToDict(task.executor.container))
        component = json_format.MessageToDict(task.component)
        component.pop("executorLabel", None)
        text, name = as_text(component), task.message.component_ref.name
        known, other = first.setdefault(container, (text, name))
        if known != text:
            yield task.problem(
                f"Its container is that of {other} to the byte: Kubeflow would give it {other}'s inputs and outputs.",
                "Give one of them another argument or variable of the environment.",
            )


def _called_twice(pipeline: Parsed) -> Iterator[Problem]:
    calls = Counter(task.message.component_ref.name for task in pipeline.tasks)
    for name, count in sorted(calls.items()):
        if count > 1 and name in {dag.name for dag in pipeline.dags}:
            yield Problem(
                name,
                f"It is called {count} times, and before Kubeflow Pipelines {OWN_ADDRESSES} all of them write to the "
                "same addresses.",
                f"Take Kubeflow Pipelines {OWN_ADDRESSES} or later, or compile one variant into a file.",
            )


def _unseen(pipeline: Parsed) -> Iterator[Problem]:
    for dag in pipeline.dags:
        if len(dag.tasks) > _SEEN:
            yield Problem(
                dag.name,
                f"It has {len(dag.tasks)} tasks, of which drivers before Kubeflow Pipelines {PAGED} see {_SEEN}.",
                f"Take Kubeflow Pipelines {PAGED} or later.",
            )
