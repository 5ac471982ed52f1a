"""Kubernetes' part: volumes, and executors that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipeline.checks.parsed import Parsed, Problem, Target

_WORKSPACE = "/kfp-workspace"  # Kubeflow's own.
# Fields of KubernetesExecutorConfig, in JSON. Kubeflow reads them late, in the driver of the node.
_FIELDS = frozenset((
    "secretAsVolume", "secretAsEnv", "pvcMount", "nodeSelector", "podMetadata", "imagePullSecret", "imagePullPolicy",
    "configMapAsVolume", "configMapAsEnv", "activeDeadlineSeconds", "fieldPathAsEnv", "tolerations",
    "genericEphemeralVolume", "nodeAffinity", "podAffinity", "enabledSharedMemory", "emptyDirMounts",
    "securityContext", "initContainers",
))  # fmt: skip

_CLAIMS = ("constant", "pvcNameParameter", "componentInputParameter", "taskOutputParameter")


def kubernetes(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Of every executor that Kubernetes' part names; Vertex AI has no such part."""
    for label, config in sorted(pipeline.platform.items()) if target == "kubeflow" else ():
        task = label.removesuffix("_executor")
        if label not in pipeline.deployment.executors:
            yield Problem(
                task,
                f"The platform's part names the executor {label!r}, which is not there.",
                "Rename it.",
            )
        for field in sorted(config.keys() - _FIELDS if isinstance(config, dict) else ()):
            yield Problem(
                task,
                f"The platform's part has {field!r}, which Kubernetes' configuration does not know.",
                f"Write one of {', '.join(sorted(_FIELDS))}.",
            )
        yield from _mounts(task, config.get("pvcMount", []) if isinstance(config, dict) else [])


def _mounts(task: str, mounts: Any) -> Iterator[Problem]:
    taken: dict[str, PurePosixPath] = {_WORKSPACE: PurePosixPath(_WORKSPACE)}
    for mount in mounts if isinstance(mounts, list) else ():
        folder = str(mount.get("mountPath", "")) if isinstance(mount, dict) else ""
        if not folder.startswith("/"):
            yield Problem(task, f"A volume is mounted at {folder!r}, wanted a path from /.", "Correct its `mount`.")
            continue
        if not _claim(mount):
            yield Problem(task, f"What is mounted at {folder} names no claim.", "Give `claim` under `volumes:`.")
        path = PurePosixPath(folder)
        for other, at in taken.items():
            if path.is_relative_to(at) or at.is_relative_to(path):
                yield Problem(
                    task,
                    f"Volumes are mounted at {other} and at {folder}, one inside the other.",
                    "Give each a folder of its own under `volumes:` in the settings file.",
                )
        taken[folder] = path


def _claim(mount: Mapping[str, Any]) -> Any:
    return any(mount.get(name) for name in _CLAIMS)
