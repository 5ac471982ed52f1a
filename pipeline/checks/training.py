"""Trainers as Vertex AI custom jobs: `--training_job=JSON`, which the node hands on as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.checks.parsed import Parsed, Problem, Target, Task, value_of
from pipeline.checks.resources import wrong_accelerator
from pipeline.compiled.compiled_file import EXECUTOR_CLASS
from pipeline.compiled.training_job import EXECUTOR, FLAG

_LEAST_DISK = 100  # GB; Vertex AI refuses less.
_MEND = "Place the file with settings that have `training:` for this node."


def training_jobs(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """The job's executor has a job, which has a chief and workers that Vertex AI takes."""
    for task in pipeline.containers:
        submits, text = value_of(EXECUTOR_CLASS, task.arguments) == EXECUTOR, value_of(FLAG, task.arguments)
        if not submits and text is None:
            continue
        if target == "kubeflow":
            yield task.problem(
                "It trains as a Vertex AI custom job, which Kubeflow does not have.",
                "Take `training:` out of the settings file, and give the node a gpu.",
            )
        elif not submits or text is None:
            yield task.problem(f"It has one of {EXECUTOR} and {FLAG} without the other.", _MEND)
        else:
            yield from _job(task, text)


def _job(task: Task, text: str) -> Iterator[Problem]:
    try:
        job = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield task.problem(f"Its {FLAG} is no JSON: {error}.", _MEND)
        return
    job = job if isinstance(job, dict) else {}
    for name in ("project", "location"):
        if not job.get(name):
            yield task.problem(f"Its {FLAG} has no {name}.", _MEND)
    pools = job.get("worker_pool_specs")
    if not isinstance(pools, list) or not pools or not all(isinstance(pool, dict) for pool in pools):
        yield task.problem(f"Its {FLAG} has no worker_pool_specs, wanted a list with the chief's first.", _MEND)
        return
    if _part(pools[0], "replica_count") != 1:
        yield task.problem(
            f"Its first worker pool has {_part(pools[0], 'replica_count')!r} machines, wanted the chief alone.",
            "Give the first pool replica_count 1 and the other workers a second one.",
        )
    for number, pool in enumerate(pools):
        yield from _pool(task, f"Its worker pool {number}", pool)


def _pool(task: Task, what: str, pool: Mapping[str, Any]) -> Iterator[Problem]:
    count, machine = _part(pool, "replica_count"), _part(pool, "machine_spec", "machine_type")
    if not isinstance(count, int) or count < 1:
        yield task.problem(f"{what} has {count!r} machines, wanted at least 1.", "Correct `workers` of `training:`.")
    if not machine or not isinstance(machine, str):
        yield task.problem(f"{what} has no machine_type.", "Give `machine` under `training:`, such as n1-standard-16.")
    if not _part(pool, "container_spec", "image_uri"):
        yield task.problem(f"{what} has no image_uri.", "Give `image` in the settings file.")
    disk = _part(pool, "disk_spec", "boot_disk_size_gb")
    if disk is not None and (not isinstance(disk, int) or disk < _LEAST_DISK):
        yield task.problem(
            f"{what} has a disk of {disk!r} GB, wanted at least {_LEAST_DISK}.", "Correct `disk_gb` of `training:`."
        )
    yield from _accelerator(task, what, pool)


def _accelerator(task: Task, what: str, pool: Mapping[str, Any]) -> Iterator[Problem]:
    kind, count = _part(pool, "machine_spec", "accelerator_type"), _part(pool, "machine_spec", "accelerator_count")
    if kind is None and not count:
        return
    if not isinstance(count, int) or count < 1:
        yield task.problem(f"{what} has {count!r} accelerators of type {kind!r}.", "Correct `gpu` under `training:`.")
    elif wanted := wrong_accelerator(str(kind), "vertex"):
        yield task.problem(f"{what} has the accelerator {kind!r}, wanted {wanted}.", "Correct `gpu` under `training:`.")


def _part(pool: Any, *path: str) -> Any:
    """None where the pool has nothing there."""
    for name in path:
        pool = pool.get(name) if isinstance(pool, dict) else None
    return pool
