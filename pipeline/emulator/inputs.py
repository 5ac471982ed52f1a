"""What a task is given: parameters and artifacts from the run, from around its DAG, or from the tasks before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.emulator import graph as ir_graph
from pipeline.emulator.backend import Values
from pipeline.emulator.result import Artifact, TaskError, TaskRun


@dataclass(frozen=True)
class Scope:
    """Of one DAG."""

    parameters: Mapping[str, Any]
    artifacts: Mapping[str, list[Artifact]]
    ended: Mapping[str, TaskRun]  # Its tasks, by their names in it.
    ended_well: str  # The backend's word for an exit handler.
    said: Mapping[str, str]  # What a constant such as {{$.pipeline_job_name}} stands for.
    values: Values
    twice: set[str] = field(default_factory=set)  # Tasks of it that ran more than once.


def parameters(task: Mapping[str, Any], component: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Typed as the component declares them.

    Raises:
      TaskError: a parameter has no value, or one of another type.
    """
    taken = task.get("inputs", {}).get("parameters", {})
    declared = component.get("inputDefinitions", {}).get("parameters", {})
    values = {
        name: _parameter(name, source, scope)
        for name, source in taken.items()
        if not (declared.get(name, {}).get("isOptional") and _left_out(source, scope))
    }
    return scope.values.task_values(component, values)


def artifacts(task: Mapping[str, Any], scope: Scope) -> dict[str, list[Artifact]]:
    """As recorded. What nothing produced is left out."""
    taken = task.get("inputs", {}).get("artifacts", {})
    found = {name: _artifacts(name, source, scope) for name, source in taken.items()}
    return {name: listed for name, listed in found.items() if listed}


def dag_outputs(dag: Mapping[str, Any], ended: Mapping[str, TaskRun]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a nested DAG hands on of its tasks' artifacts and parameters."""
    declared = dag.get("outputs", {})
    made: dict[str, list[Artifact]] = {}
    for name, output in declared.get("artifacts", {}).items():
        for selector in output.get("artifactSelectors", []):
            listed = ended[selector["producerSubtask"]].artifacts.get(selector["outputArtifactKey"], [])
            made[name] = [*made.get(name, []), *listed]
    values = {}
    for name, output in declared.get("parameters", {}).items():
        for selector in ir_graph.parameter_selectors(output):
            said = ended[selector["producerSubtask"]].parameters
            if selector["outputParameterKey"] in said:
                values.setdefault(name, said[selector["outputParameterKey"]])
    return made, values


def _left_out(source: Mapping[str, Any], scope: Scope) -> bool:
    """Whether it is a parameter that the run or the DAG around was not given."""
    return source.get("componentInputParameter", "") not in {"", *scope.parameters}


def _parameter(name: str, source: Mapping[str, Any], scope: Scope) -> Any:
    if "parameterExpressionSelector" in source:
        raise TaskError(f"parameter {name} is selected by an expression, which this runner does not evaluate.")
    if "componentInputParameter" in source:
        return _of_the_dag(name, source["componentInputParameter"], scope.parameters)
    if "taskOutputParameter" in source:
        output = source["taskOutputParameter"]
        _check_once(scope)
        made = scope.ended[output["producerTask"]].parameters
        return _of_the_dag(name, output["outputParameterKey"], made)
    if "taskFinalStatus" in source:
        return _final_status(source["taskFinalStatus"]["producerTask"], scope)
    if "constant" in source.get("runtimeValue", {}):
        value = source["runtimeValue"]["constant"]
        return scope.said.get(value, value) if isinstance(value, str) else value
    raise TaskError(f"parameter {name} comes from {', '.join(source) or 'nowhere'}, which no backend resolves in 2.1.")


def _check_once(scope: Scope) -> None:
    """Kubeflow's drivers look for a producer among all tasks of the DAG, and end where two have one name."""
    if scope.twice:
        raise TaskError(f'two tasks have the same task name "{min(scope.twice)}": no output of this DAG can be found.')


def _of_the_dag(name: str, key: str, values: Mapping[str, Any]) -> Any:
    if key not in values:
        raise TaskError(f"parameter {name} takes {key}, which is not there: only {', '.join(values) or 'nothing'}.")
    return values[key]


def _final_status(producer: str, scope: Scope) -> dict[str, Any]:
    ended = scope.ended[producer]
    return {
        "state": scope.ended_well if ended.succeeded else "FAILED",
        "pipelineTaskName": producer,
        "pipelineJobResourceName": scope.said["{{$.pipeline_job_resource_name}}"],
        "error": {"message": ended.error} if ended.error else {},
    }


def _artifacts(name: str, source: Mapping[str, Any], scope: Scope) -> list[Artifact]:
    if "componentInputArtifact" in source:
        return scope.artifacts.get(source["componentInputArtifact"], [])
    if "taskOutputArtifact" in source:
        output = source["taskOutputArtifact"]
        _check_once(scope)
        return scope.ended[output["producerTask"]].artifacts.get(output["outputArtifactKey"], [])
    raise TaskError(f"artifact {name} comes from {', '.join(source) or 'nowhere'}, wanted a task or the DAG.")
