"""A trainer as a Vertex AI custom job of its own, on one worker or several: `training:` in the settings file.

The node itself only submits the job and waits. Placing writes this executor and `--training_job` into the compiled
file; the DAG, and what a recipe says, stay the same.
"""

import copy
import json
from collections.abc import Sequence
from typing import Any

from tfx.components.trainer import executor as trainer_executor
from tfx.extensions.google_cloud_ai_platform import constants
from tfx.extensions.google_cloud_ai_platform.trainer import executor as vertex_executor
from tfx.types import standard_component_specs
from tfx.utils import json_utils

from components.node.cloud_paths import localized

FLAG = "--training_job="
_SPEC = (  # Fields of CustomJobSpec.
    "worker_pool_specs", "service_account", "network", "scheduling", "persistent_resource_id", "reserved_ip_ranges",
    "psc_interface_config",
)  # fmt: skip
_CONFIG = standard_component_specs.CUSTOM_CONFIG_KEY


class TrainingJobError(ValueError):
    """The node was not told what job to start."""


class Executor(vertex_executor.GenericExecutor):
    """Starts the job, waits for it, and fails if it does. TFX's, told what to start by a flag and not by the recipe."""

    TAKES_URIS = True  # The job's workers mount the buckets, not this node.

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """As TFX's, with the job's arguments added to custom_config."""
        config = json_utils.loads(exec_properties[_CONFIG]) | job_config(self._extra_flags or ())
        super().Do(input_dict, output_dict, {**exec_properties, _CONFIG: json_utils.dumps(config)})

    def _GetExecutorClass(self) -> type:
        return Worker


class Worker(trainer_executor.GenericExecutor):
    """The Trainer in each of the job's workers. Vertex AI mounts Cloud Storage in them and sets TF_CONFIG."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """As TFX's Trainer, on folders."""
        inputs, outputs = (_on_folders(artifacts) for artifacts in (input_dict, output_dict))
        super().Do(inputs, outputs, localized(exec_properties))


def job_config(flags: Sequence[str]) -> dict[str, Any]:
    """What TFX's executor looks for in custom_config, from `--training_job=JSON` among the flags.

    Raises:
        TrainingJobError: no such flag, or its JSON lacks project, location or worker_pool_specs.
    """
    given = [flag.removeprefix(FLAG) for flag in flags if flag.startswith(FLAG)]
    job = json.loads(given[0]) if len(given) == 1 else {}
    if missing := [name for name in ("project", "location", "worker_pool_specs") if not job.get(name)]:
        raise TrainingJobError(
            f"{FLAG}JSON has no {', '.join(missing)} ({len(given)} such flags). Place the compiled file with settings "
            "that have `training:` for this node."
        )
    spec = {name: job[name] for name in _SPEC if job.get(name)}
    arguments = {"project": job["project"], "job_spec": spec, "labels": job.get("labels", {})}
    if key := job.get("encryption_spec"):
        arguments["encryption_spec"] = key
    return {
        vertex_executor.TRAINING_ARGS_KEY: arguments,
        constants.ENABLE_VERTEX_KEY: True,
        constants.VERTEX_REGION_KEY: job["location"],
    }


def _on_folders(artifacts: dict[str, list]) -> dict[str, list]:
    changed = copy.deepcopy(artifacts)
    for each in (artifact for group in changed.values() for artifact in group):
        each.uri = localized(each.uri)
    return changed
