"""The placed file broken in one place at a time: images, resources, Beam, training jobs, volumes."""

import json
from typing import Any

from pipeline.checks import beam, images, resources, training, volumes
from pipeline.compiled import compiled_file
from pipeline.compiled.compiled_file import Compiled
from tests.pipeline.checks.broken_specs import GATE, INGESTION, TRAINER, Broken, container, inputs, redeclare, replace

POOL = {"machine_spec": {"machine_type": "n1"}, "container_spec": {"image_uri": "i:1"}, "replica_count": 1}
GPU_MACHINE = {"machine_type": "n1", "accelerator_type": "nvidia.com/gpu", "accelerator_count": 1}
DATAFLOW = ("--region=r", "--project=p", "--sdk_container_image=i:1", "--temp_location=gs://b/t")
JOB = {"project": "p", "location": "l", "worker_pool_specs": [POOL]}


def executors(compiled: Compiled) -> dict[str, Any]:
    """Kubernetes' part of them."""
    return (compiled.platform or {})["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def mounts(compiled: Compiled) -> list[dict[str, Any]]:
    return executors(compiled)["DataGate_executor"]["pvcMount"]


def train_elsewhere(compiled: Compiled, job: dict[str, Any]) -> None:
    replace(compiled, TRAINER, "--executor_class_path", "components.node.vertex_training.Executor")
    container(compiled, TRAINER)["args"].append("--training_job=" + json.dumps(job))


def runner(compiled: Compiled, *flags: str) -> None:
    arguments = container(compiled, "StatisticsGen")["args"]
    arguments[:] = [each for each in arguments if not each.startswith(("--runner", "--direct"))] + list(flags)


def give(compiled: Compiled, **resources: Any) -> None:
    container(compiled, TRAINER)["resources"] = resources


def without_digest(compiled: Compiled) -> None:
    redeclare(compiled, INGESTION, lambda declared: declared["parameters"].pop("data_digest"))
    driver = container(compiled, INGESTION)["lifecycle"]["preCacheCheck"]
    driver["args"][3] = container(compiled, INGESTION)["args"][5]
    inputs(compiled, INGESTION)["parameters"].pop("data_digest")


PLACED = [
    Broken(
        "no image", lambda c: container(c, GATE).pop("image"),
        images.images, GATE, "It has no image", "Give `image` in the settings file",
    ),
    Broken(
        "placeholder", lambda c: container(c, GATE).update(image=compiled_file.IMAGE),
        images.images, GATE, "the placeholder", "Give `image` in the settings file",
    ),
    Broken(
        "no address of an image", lambda c: container(c, GATE).update(image="registry/Mobilenet:1"),
        images.images, GATE, "'registry/Mobilenet:1' is no address", "HOST/PATH/NAME:TAG",
    ),
    Broken(
        "latest", lambda c: container(c, GATE).update(image="registry:5000/mobilenet"),
        images.images, GATE, "registry:5000/mobilenet has no tag that says which one", "or name it by digest",
    ),
    Broken(
        "pictures the cache cannot see", without_digest,
        images.data_digest, INGESTION, "not given data_digest", "mobilenet compile", "kubeflow",
    ),
    Broken(
        "Kubernetes' name of a GPU", lambda c: give(c, accelerator={"type": "nvidia.com/gpu", "count": "1"}),
        resources.accelerators, TRAINER, "'nvidia.com/gpu', wanted one of NVIDIA_TESLA_K80", "`gpu: {type", "vertex",
    ),
    Broken(
        "Vertex AI's name of a GPU", lambda c: give(c, accelerator={"type": "NVIDIA_TESLA_T4", "count": "1"}),
        resources.accelerators, TRAINER, "'NVIDIA_TESLA_T4', wanted a resource of Kube", "`gpu: {type", "kubeflow",
    ),
    Broken(
        "no GPUs of a type", lambda c: give(c, accelerator={"type": "NVIDIA_TESLA_T4"}),
        resources.accelerators, TRAINER, "0 accelerators of type 'NVIDIA_TESLA_T4'", "or neither",
    ),
    Broken(
        "negative memory", lambda c: give(c, memoryLimit=-16.0),
        resources.amounts, TRAINER, "It has memory -16, wanted more than 0", "Correct `memory`",
    ),
    Broken(
        "more asked for than allowed", lambda c: give(c, cpuLimit=4.0, cpuRequest=8.0),
        resources.amounts, TRAINER, "asks for cpu 8 with a limit of 4", "no more as cpuRequest than as cpuLimit",
    ),
    Broken(
        "Beam's own choice", runner,
        beam.runners, "StatisticsGen", "runner is not named", "Add --runner=apache_beam.runners.portability",
    ),
    Broken(
        "Dataflow without a region",
        lambda c: runner(c, "--runner=DataflowRunner", *DATAFLOW[1:]),
        beam.runners, "StatisticsGen", "DataflowRunner, without --region", "under `beam: {options",
    ),
    Broken(
        "Dataflow with a folder",
        lambda c: runner(c, "--runner=dataflow", *DATAFLOW[:-1], "--temp_location=/scratch"),
        beam.runners, "StatisticsGen", "'/scratch', wanted gs://BUCKET/FOLDER", "Name a bucket",
    ),
    Broken(
        "training job on Kubeflow", lambda c: train_elsewhere(c, JOB),
        training.training_jobs, TRAINER, "a Vertex AI custom job, which Kubeflow does", "`training:`", "kubeflow",
    ),
    Broken(
        "executor of a job without one",
        lambda c: replace(c, TRAINER, "--executor_class_path", "components.node.vertex_training.Executor"),
        training.training_jobs, TRAINER, "--training_job without the other", "Place the file with settings", "vertex",
    ),
    Broken(
        "two chiefs", lambda c: train_elsewhere(c, JOB | {"worker_pool_specs": [POOL | {"replica_count": 2}]}),
        training.training_jobs, TRAINER, "first worker pool has 2 machines", "replica_count 1", "vertex",
    ),
    Broken(
        "job without a project", lambda c: train_elsewhere(c, JOB | {"project": ""}),
        training.training_jobs, TRAINER, "--training_job has no project", "`training:` for this node", "vertex",
    ),
    Broken(
        "job with a GPU of Kubernetes",
        lambda c: train_elsewhere(c, JOB | {"worker_pool_specs": [POOL | {"machine_spec": GPU_MACHINE}]}),
        training.training_jobs, TRAINER, "pool 0 has the accelerator 'nvidia.com/gpu'", "`training:`", "vertex",
    ),
    Broken(
        "one volume in another", lambda c: mounts(c).append({"constant": "scratch", "mountPath": "/mnt/scratch"}),
        volumes.kubernetes, "DataGate", "mounted at /mnt and at /mnt/scratch", "a folder of its own", "kubeflow",
    ),
    Broken(
        "volume at no path", lambda c: mounts(c)[0].update(mountPath="mnt"),
        volumes.kubernetes, "DataGate", "mounted at 'mnt', wanted a path from /", "Correct its `mount`", "kubeflow",
    ),
    Broken(
        "misspelt field of Kubernetes", lambda c: executors(c)["DataGate_executor"].update(nodeSelectors={}),
        volumes.kubernetes, "DataGate", "'nodeSelectors', which Kubernetes' configuration", "nodeSelector", "kubeflow",
    ),
    Broken(
        "volumes of no executor", lambda c: executors(c).update(Tuner_executor={}),
        volumes.kubernetes, "Tuner", "'Tuner_executor', which is not there", "Rename it", "kubeflow",
    ),
]  # fmt: skip
