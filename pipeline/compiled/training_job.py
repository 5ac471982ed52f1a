"""A trainer's Vertex AI custom job, as components/node/vertex_training.py is told to start it."""

from __future__ import annotations

import json
from typing import Any

from pipeline.settings.cluster import VertexSettings
from pipeline.settings.nodes import Training

EXECUTOR = "components.node.vertex_training.Executor"  # By name, since that module imports TFX.
IN_THE_NODE = "tfx.components.trainer.executor.GenericExecutor"  # TFX's Trainer, where there is no job.
FLAG = "--training_job"


def training_job_flag(training: Training, *, image: str, settings: VertexSettings) -> str:
    """`--training_job=JSON`: project, location, labels, and worker pools with the names of CustomJobSpec."""
    way, key = settings.network_attachment, settings.encryption_key
    job = {
        "project": settings.project,
        "location": settings.location,
        "service_account": settings.service_account,
        "network": settings.network,
        "labels": settings.labels,
        "worker_pool_specs": worker_pools(training, image=image),
        "scheduling": _scheduling(training),
        "persistent_resource_id": training.persistent_resource,
        "reserved_ip_ranges": settings.reserved_ip_ranges,
        "psc_interface_config": {"network_attachment": way} if way else None,
        "encryption_spec": {"kms_key_name": key} if key else None,
    }
    return f"{FLAG}=" + json.dumps({name: value for name, value in job.items() if value}, sort_keys=True)


def _scheduling(training: Training) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if training.timeout_hours:
        said["timeout"] = {"seconds": round(training.timeout_hours * 3600)}
    if training.strategy:
        said["strategy"] = training.strategy.upper()
    return said


def worker_pools(training: Training, *, image: str) -> list[dict[str, Any]]:
    """The first pool is one machine, the chief; the others are the second. Vertex AI allows no more than one chief."""
    machine: dict[str, Any] = {"machine_type": training.machine}
    if training.gpu:
        machine |= {"accelerator_type": training.gpu.type, "accelerator_count": training.gpu.count}
    pool = {
        "machine_spec": machine,
        "container_spec": {"image_uri": image},
        "disk_spec": {"boot_disk_size_gb": training.disk_gb},
    }
    replicas = [1, training.workers - 1] if training.workers > 1 else [1]
    return [pool | {"replica_count": count} for count in replicas]
