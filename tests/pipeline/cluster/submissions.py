"""A compiled file and settings for both targets, as the tests of submit and of its targets start from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from pipeline.compiled import compiled_file
from pipeline.compiled.compiled_file import Compiled
from pipeline.settings.cluster import KubeflowSettings, VertexSettings

ACCOUNT = "mobilenet@project.iam.gserviceaccount.com"
NETWORK = "projects/12345/global/networks/net"
IMAGE = "registry.example/mobilenet:1"
GPU_IMAGE = "registry.example/mobilenet:1-gpu"


@functools.lru_cache(maxsize=1)
def compiled() -> Compiled:
    """As `mobilenet compile` makes it."""
    from pipeline.branch import Branch
    from pipeline.compiled import compiler  # Which imports TFX: not every test needs it.

    return compiler.compile_pipeline(compiler.DEFAULTS, [Branch.of("0.25_64", "sample")])


def written(folder: Path) -> Path:
    """The compiled file."""
    path = folder / "pipeline.yaml"
    compiled_file.write(path, compiled())
    return path


def broken(folder: Path) -> Path:
    """One whose DataGate waits for a task that is not there, and whose Pusher takes a value from nobody."""
    path = written(folder)
    faulty = compiled_file.read(path)
    faulty.tasks["DataGate"]["dependentTasks"] = ["Nobody"]
    given = faulty.nodes["Pusher-w025-r64"].task["inputs"]["parameters"]
    given["push_destination"] = {"componentInputParameter": "nothing"}
    compiled_file.write(path, faulty)
    return path


def vertex_settings(**changes: Any) -> VertexSettings:
    """Everything said that can be."""
    said = {
        "target": "vertex", "project": "project", "location": "europe-west4", "pipeline_root": "gs://artifacts/mobilenet",
        "image": IMAGE, "service_account": ACCOUNT, "network": NETWORK, "labels": {"team": "vision"},
        "resume": "gs://checkpoints/resume",
        "parameters": {"data": "gs://pictures/data", "push_destination": "gs://models/out", "floor": 0.6},
        "nodes": {
            "default": {"cpu": 2, "memory": "8G"},
            "FloatTrainer": {"gpu": {"type": "NVIDIA_TESLA_T4", "count": 2}, "image": GPU_IMAGE},
        },
    }  # fmt: skip
    return VertexSettings.model_validate(said | changes)


def kubeflow_settings(host: str | None, mount: str = "/mnt/volume", **changes: Any) -> KubeflowSettings:
    """Everything said that can be, but for the user's namespace and token."""
    said = {
        "target": "kubeflow", "host": host, "pipeline_root": "minio://mlpipeline/mobilenet", "image": IMAGE,
        "service_account": "pipeline-runner", "labels": {"team": "vision"},
        "volumes": [{"claim": "pictures", "mount": mount}],
        "parameters": {"data": f"{mount}/data", "push_destination": f"{mount}/models", "floor": 0.6},
        "nodes": {"default": {"memory": "8G"}, "FloatTrainer": {"gpu": {"count": 2}, "image": GPU_IMAGE}},
    }  # fmt: skip
    return KubeflowSettings.model_validate(said | changes)
