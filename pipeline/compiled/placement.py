"""Settings applied to a compiled file: images, resources, GPUs, Beam, training jobs, volumes, caching and the name."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.compiled.beam_flags import beam_flags
from pipeline.compiled.branches import separate
from pipeline.compiled.compiled_file import EXECUTOR_CLASS, INPUTS_SPEC, Compiled, dags
from pipeline.compiled.training_job import EXECUTOR, IN_THE_NODE, training_job_flag
from pipeline.settings.cluster import Cluster, KubeflowSettings, VertexSettings
from pipeline.settings.error import SettingsError
from pipeline.settings.nodes import BEAM_NODES, DEFAULT, KINDS, TRAINERS, Beam, Training, kind, of_node
from pipeline.settings.pods import executor_config

_GIGABYTES = {"M": 1e-3, "G": 1, "T": 1e3, "Mi": 2**20 / 1e9, "Gi": 2**30 / 1e9, "Ti": 2**40 / 1e9}


def place(compiled: Compiled, settings: VertexSettings | KubeflowSettings) -> Compiled:
    """The compiled file as its target shall run it; `compiled` stays as it is.

    Raises:
      SettingsError: settings for a node that the file does not have.
    """
    _check_nodes(compiled, settings)
    spec = copy.deepcopy(compiled.spec)
    spec["pipelineInfo"]["name"] = settings.name
    separate(spec, functools.partial(of_node, settings.node_settings))
    placed = Compiled(spec)
    for dag in dags(spec):
        for task in dag["tasks"].values():
            if not settings.cache:
                task.pop("cachingOptions", None)
    for node, container in containers(placed):
        _place_container(container, node, settings)
        _retry(placed.nodes[node].task, of_node(settings.node_settings, node).get("retries", 0))
    if isinstance(settings, KubeflowSettings):
        return Compiled(spec, _on_kubernetes(placed, settings, compiled.platform))
    return placed


def containers(compiled: Compiled) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each node's id and its container, which several variants may share."""
    for node, label in _executors(compiled):
        yield node, compiled.spec["deploymentSpec"]["executors"][label]["container"]


def write_executor_flags(container: dict[str, Any], flags: list[str]) -> None:
    """Puts flags for the executor behind TFX's own arguments, instead of those that are there."""
    args = container["args"]
    fixed = args.index(INPUTS_SPEC) + 2 if INPUTS_SPEC in args else len(args)
    container["args"] = [*args[:fixed], *flags]


def _check_nodes(compiled: Compiled, settings: Cluster) -> None:
    there = [node for node, _ in _executors(compiled)]
    known = {*there, *KINDS, DEFAULT}
    faults = [
        f"nodes.{name}: the compiled file has no such node" for name in settings.node_settings if name not in known
    ]
    if faults:
        raise SettingsError(f"{'; '.join(faults)}. Wanted one of {', '.join(sorted(there))}, or a kind of node.")


def _place_container(container: dict[str, Any], node: str, settings: VertexSettings | KubeflowSettings) -> None:
    chosen: Mapping[str, Any] = of_node(settings.node_settings, node)
    container["image"] = chosen.get("image") or settings.image
    if kind(node) in BEAM_NODES:
        beam = chosen.get("beam") or Beam()
        write_executor_flags(container, beam_flags(beam, image=container["image"], settings=settings))
    training = chosen.get("training")
    if kind(node) in TRAINERS:
        _place_training(container, training, settings)
    # A node that only waits for its job needs no GPU.
    resources = _resources(chosen, None if training else chosen.get("gpu"))
    container.pop("resources", None)  # Of settings that the file was placed with before.
    if resources:
        container["resources"] = resources


def _place_training(
    container: dict[str, Any], training: Training | None, settings: VertexSettings | KubeflowSettings
) -> None:
    """In the node itself, or as a job that the node starts; whichever the file had before."""
    flags = []
    if training and isinstance(settings, VertexSettings):
        flags = [training_job_flag(training, image=container["image"], settings=settings)]
    container["args"][container["args"].index(EXECUTOR_CLASS) + 1] = EXECUTOR if flags else IN_THE_NODE
    write_executor_flags(container, flags)


def _resources(chosen: Mapping[str, Any], gpu: Any) -> dict[str, Any]:
    """The fields that all versions of both backends read; the newer `resourceCpuLimit` and its like are not known to
    Kubeflow below 2.4 nor to the older stack's kfp."""
    resources: dict[str, Any] = {}
    if chosen.get("cpu"):
        resources["cpuLimit"] = float(chosen["cpu"])
    if chosen.get("memory"):
        resources["memoryLimit"] = gigabytes(chosen["memory"])
    if gpu:
        resources["accelerator"] = {"type": gpu.type, "count": str(gpu.count)}  # An int64 is a string in JSON.
    return resources


def gigabytes(text: str) -> float:
    """`16Gi` → 17.179869184: the file counts in 10⁹ bytes."""
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _GIGABYTES[unit]


def _on_kubernetes(placed: Compiled, settings: KubeflowSettings, platform: dict[str, Any] | None) -> dict[str, Any]:
    """A PlatformSpec: what was in the file, and what settings say. `constant` and `secretName` are older names, and the
    only ones that Kubeflow below 2.5 reads; later ones read them too."""
    platform = copy.deepcopy(platform or {})
    deployment = platform.setdefault("platforms", {}).setdefault("kubernetes", {}).setdefault("deploymentSpec", {})
    executors = deployment.setdefault("executors", {})
    for node, label in _executors(placed):
        chosen = of_node(settings.node_settings, node)
        said: dict[str, Any] = {
            "pvcMount": [{"constant": volume.claim, "mountPath": volume.mount} for volume in settings.volumes],
            "podMetadata": {"labels": settings.labels} if settings.labels else {},
            "imagePullSecret": [{"secretName": name} for name in settings.image_pull_secrets],
            "imagePullPolicy": settings.image_pull_policy,
            **executor_config(chosen),
        }
        executors[label] = executors.get(label, {}) | {name: value for name, value in said.items() if value}
    return platform


def _retry(task: dict[str, Any], retries: int) -> None:
    """Half a minute later, then a minute, at most ten: trainers go on from their checkpoints."""
    task.pop("retryPolicy", None)
    if retries:
        task["retryPolicy"] = {
            "maxRetryCount": retries, "backoffDuration": "30s", "backoffFactor": 2.0, "backoffMaxDuration": "600s",
        }  # fmt: skip


def _executors(compiled: Compiled) -> Iterator[tuple[str, str]]:
    """Each node's id and its executor's label."""
    executors = compiled.spec["deploymentSpec"]["executors"]
    for node in compiled.nodes.values():
        if "container" in executors.get(node.executor, {}):
            yield node.id, node.executor
