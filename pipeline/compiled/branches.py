"""The branches of all variants as one component, `Variant`, in a DAG of their own, `branches`; ZooReport behind it.

Kubeflow from 2.4 on takes a task that runs however others ended out of its DAG and hangs it as an exit hook on each
task that it waits for: behind three Pushers it would run three times, and break the run. Behind `branches` alone it
runs once. And sixteen variants with components of their own are more than the 1 MiB that Argo has for a run and its
state; so what variants share is written once, and what differs between them is a parameter of the component.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.compiled.compiled_file import BRANCHES, VARIANT, WHATEVER_CAME_BEFORE

Json = dict[str, Any]
Types = Mapping[tuple[str, str], Json]  # (producer, output) → artifactType.


def nest(spec: Json, variants: Sequence[str], *, last: str) -> None:
    """Gives a flat spec this shape, in place.

    Args:
      variants: ids; a task `FloatTrainer-w025-r64` is one of w025-r64's.
      last: the task that runs behind all of them, whatever became of them.
    """
    groups: list[list[_Branch]] = []  # Those of a group differ in parameters' values alone: a trained and an imported
    for branch in [_Branch.cut(spec, variant) for variant in variants]:  # model need components of their own.
        alike = [group for group in groups if group[0].fits(branch)]
        (alike[0] if alike else groups.append(group := []) or group).append(branch)
    declared = spec["root"]["inputDefinitions"]["parameters"]
    made = _made(spec)
    tasks: Json = {}
    for group in groups:
        tasks |= _fold(spec, group, declared, made)
    component, inputs, waits = _dag(tasks, declared, made)
    spec["components"][BRANCHES] = component
    spec["root"]["dag"]["tasks"][BRANCHES] = _task(BRANCHES, BRANCHES, inputs, waits)
    spec["root"]["dag"]["tasks"][last] |= {
        "dependentTasks": [BRANCHES],
        "triggerPolicy": {"strategy": WHATEVER_CAME_BEFORE},
    }


def separate(spec: Json, placement: Callable[[str], Any]) -> None:
    """Gives variants whose nodes are placed differently components of their own, in place.

    Args:
      placement: what a node is given, by its id.
    """
    groups: dict[str, list[tuple[Any, str]]] = {}  # Component → each distinct placement of its nodes, and who has it.
    calls = spec["components"].get(BRANCHES, {}).get("dag", {}).get("tasks", {})
    for name, task in sorted(calls.items()):
        component, variant = task["componentRef"]["name"], name.removeprefix(f"{VARIANT}-")
        placed = [placement(f"{bare}-{variant}") for bare in sorted(spec["components"][component]["dag"]["tasks"])]
        known = groups.setdefault(component, [])
        owner = next((owner for other, owner in known if other == placed), None)
        if owner is None:
            owner = component if not known else _copied(spec, component, variant)
            known.append((placed, owner))
        task["componentRef"]["name"] = owner


def _copied(spec: Json, component: str, variant: str) -> str:
    """The name of a copy, which has components and executors of its own."""
    copied = copy.deepcopy(spec["components"][component])
    executors = spec["deploymentSpec"]["executors"]
    for bare, task in copied["dag"]["tasks"].items():
        node = copy.deepcopy(spec["components"][task["componentRef"]["name"]])
        name, label = f"{bare}-{variant}", f"{bare}-{variant}_executor"
        executors[label] = copy.deepcopy(executors[node["executorLabel"]])
        spec["components"][name] = node | {"executorLabel": label}
        task["componentRef"]["name"] = name
    spec["components"][f"{VARIANT}-{variant}"] = copied
    return f"{VARIANT}-{variant}"


@dataclass(frozen=True)
class _Branch:
    """A variant's tasks, by their names without its id, what each is and what runs it."""

    variant: str
    tasks: dict[str, Json]
    components: dict[str, Json]
    executors: dict[str, Json]

    @classmethod
    def cut(cls, spec: Json, variant: str) -> _Branch:
        """Takes them out of the spec."""
        end, all_tasks = f"-{variant}", spec["root"]["dag"]["tasks"]
        branch = cls(variant, {}, {}, {})
        for name in sorted(name for name in all_tasks if name.endswith(end)):
            bare, task = name.removesuffix(end), all_tasks.pop(name)
            component = spec["components"].pop(task["componentRef"]["name"])
            branch.executors[bare] = spec["deploymentSpec"]["executors"].pop(component.pop("executorLabel"))
            branch.components[bare] = component
            branch.tasks[bare] = task
            task["taskInfo"] = {"name": bare}
            for value in task["inputs"].get("artifacts", {}).values():
                output = value["taskOutputArtifact"]
                output["producerTask"] = output["producerTask"].removesuffix(end)
            task["dependentTasks"] = [before.removesuffix(end) for before in task.get("dependentTasks", [])]
        return branch

    def fits(self, other: _Branch) -> bool:
        """Whether they differ in values of parameters alone."""
        return (self.components, self.executors) == (other.components, other.executors) and (
            _but_values(self.tasks) == _but_values(other.tasks)
        )

    def value(self, task: str, parameter: str) -> Json:
        """Where the task takes it from."""
        return self.tasks[task]["inputs"]["parameters"][parameter]

    def owns(self, value: Mapping[str, Any]) -> bool:
        """Whether it is a parameter of the run for this variant alone: `float_recipe_w025_r64`."""
        return value.get("componentInputParameter", "").endswith(f"_{self.variant.replace('-', '_')}")


def _but_values(tasks: Mapping[str, Json]) -> Json:
    but = copy.deepcopy(dict(tasks))
    for task in but.values():
        del task["componentRef"]
        task["inputs"]["parameters"] = sorted(task["inputs"].get("parameters", {}))
    return but


def _fold(spec: Json, group: Sequence[_Branch], declared: Mapping[str, Json], made: Types) -> Json:
    """Adds one component for the whole group; gives a task for each of its variants."""
    first = group[0]
    end = f"-{first.variant}" if VARIANT in spec["components"] else ""  # The first group's names have none.
    tasks, own, types = first.tasks, list(_own(group)), {}
    values = {branch.variant: {f"{task}_{name}": branch.value(task, name) for task, name in own} for branch in group}
    for task, name in own:
        types[f"{task}_{name}"] = {**first.components[task]["inputDefinitions"]["parameters"][name]}
        tasks[task]["inputs"]["parameters"][name] = {"componentInputParameter": f"{task}_{name}"}
    for bare, task in tasks.items():
        name, label = f"{bare}{end}", f"{bare}{end}_executor"
        task["componentRef"] = {"name": name}
        spec["components"][name] = first.components[bare] | {"executorLabel": label}
        spec["deploymentSpec"]["executors"][label] = first.executors[bare]
    component, inputs, waits = _dag(tasks, {**declared, **types}, made)
    spec["components"][f"{VARIANT}{end}"] = component
    calls = {}
    for variant, given in values.items():
        its_own = copy.deepcopy(inputs)
        its_own.setdefault("parameters", {}).update(given)
        calls[f"{VARIANT}-{variant}"] = _task(f"{VARIANT}-{variant}", f"{VARIANT}{end}", its_own, waits)
    return calls


def _own(group: Sequence[_Branch]) -> Iterator[tuple[str, str]]:
    """Tasks and parameters of theirs that are not the same for all variants, or are one variant's by their names."""
    for task, each in sorted(group[0].tasks.items()):
        for name, value in sorted(each["inputs"].get("parameters", {}).items()):
            if group[0].owns(value) or any(branch.value(task, name) != value for branch in group):
                yield task, name


def _dag(tasks: Json, declared: Mapping[str, Json], made: Types) -> tuple[Json, Json, list[str]]:
    """A component of these tasks: what they take from around it becomes its inputs.

    Returns:
      The component, the inputs of the task that calls it, and what that waits for.
    """
    definitions: Json = {}
    inputs: Json = {}
    waits: set[str] = set()
    for task in tasks.values():
        before = task.pop("dependentTasks", [])
        waits |= {*before} - {*tasks}
        if within := [name for name in before if name in tasks]:
            task["dependentTasks"] = within
        for value in task["inputs"].get("parameters", {}).values():
            if name := value.get("componentInputParameter"):
                kind = declared[name]["parameterType"]
                definitions.setdefault("parameters", {})[name] = {"parameterType": kind}
                inputs.setdefault("parameters", {})[name] = {"componentInputParameter": name}
        for value in task["inputs"].get("artifacts", {}).values():
            if value["taskOutputArtifact"]["producerTask"] not in tasks:
                output = value.pop("taskOutputArtifact")
                name = _input_name(output, inputs.setdefault("artifacts", {}))
                artifact_type = made[output["producerTask"], output["outputArtifactKey"]]
                definitions.setdefault("artifacts", {})[name] = {"artifactType": copy.deepcopy(artifact_type)}
                inputs["artifacts"][name] = {"taskOutputArtifact": output}
                value["componentInputArtifact"] = name
    return {"dag": {"tasks": tasks}, "inputDefinitions": definitions}, inputs, sorted(waits)


def _input_name(output: Mapping[str, str], taken: Mapping[str, Json]) -> str:
    """The output's name, where no other producer has one of that name."""
    name = output["outputArtifactKey"]
    other = taken.get(name, {}).get("taskOutputArtifact", output) != output
    return f"{output['producerTask']}-{name}" if other else name


def _task(name: str, component: str, inputs: Json, waits: Sequence[str]) -> Json:
    waiting = {"dependentTasks": [*waits]} if waits else {}
    return {"taskInfo": {"name": name}, "componentRef": {"name": component}, "inputs": inputs, **waiting}


def _made(spec: Json) -> dict[tuple[str, str], Json]:
    """The types of what the root's tasks make."""
    return {
        (name, output): declared["artifactType"]
        for name, task in spec["root"]["dag"]["tasks"].items()
        for output, declared in spec["components"][task["componentRef"]["name"]]
        .get("outputDefinitions", {})
        .get("artifacts", {})
        .items()
    }
