"""A trainer as a Vertex AI custom job: the request that leaves, and what a worker makes of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from google.cloud.aiplatform_v1 import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob, JobState
from tfx.extensions.google_cloud_ai_platform import training_clients
from tfx.scripts import run_executor
from tfx.types import standard_artifacts

from components.node import vertex_training
from pipeline.compiled import training_job
from pipeline.settings.cluster import VertexSettings
from pipeline.settings.nodes import Training

POOLS = [
    {"machine_spec": {"machine_type": "n1-standard-8"}, "replica_count": 1, "container_spec": {"image_uri": "image:1"}},
    {"machine_spec": {"machine_type": "n1-standard-8"}, "replica_count": 3, "container_spec": {"image_uri": "image:1"}},
]
JOB = {
    "project": "my-project", "location": "europe-west4", "worker_pool_specs": POOLS,
    "service_account": "trainer@my-project.iam.gserviceaccount.com", "labels": {"team": "vision"},
}  # fmt: skip
CONFIG = {"recipe": {"epochs": 1}, "variant": "0.25_32", "code": "digest", "resume": "gs://bucket/resume"}
PROPERTIES = {"custom_config": json.dumps(CONFIG), "run_fn": "trainer.task.run_fn"}


def artifacts() -> tuple[dict, dict]:
    examples, model, run = standard_artifacts.Examples(), standard_artifacts.Model(), standard_artifacts.ModelRun()
    examples.uri, model.uri, run.uri = "gs://bucket/examples", "gs://bucket/model", "gs://bucket/model_run"
    return {"examples": [examples]}, {"model": [model], "model_run": [run]}


def _taking(client: mock.Mock) -> Callable[[Any], None]:
    return lambda self: setattr(self, "_client", client)


def started(state: JobState = JobState.JOB_STATE_SUCCEEDED, job: dict[str, Any] = JOB) -> tuple[str, CustomJob]:
    """Runs the node against a recorded client; gives the parent and the job that it asked for."""
    client = mock.create_autospec(JobServiceClient, instance=True)
    client.create_custom_job.return_value = CustomJob(name="projects/1/locations/l/customJobs/2")
    client.get_custom_job.return_value = CustomJob(name="projects/1/locations/l/customJobs/2", state=state)
    context = vertex_training.Executor.Context(extra_flags=[f"--training_job={json.dumps(job)}"])
    with mock.patch.object(training_clients.VertexJobClient, "create_client", _taking(client)):
        vertex_training.Executor(context).Do(*artifacts(), PROPERTIES)
    call = client.create_custom_job.call_args.kwargs
    return call["parent"], CustomJob(call["custom_job"])  # Parsed strictly: an unknown field is an error.


def test_the_job_has_the_settings_worker_pools_and_runs_our_worker_on_the_nodes_artifacts():
    parent, job = started()
    assert parent == "projects/my-project/locations/europe-west4"
    assert [pool.replica_count for pool in job.job_spec.worker_pool_specs] == [1, 3]
    assert job.job_spec.service_account == JOB["service_account"]
    assert job.labels["team"] == "vision"
    for pool in job.job_spec.worker_pool_specs:
        assert pool.container_spec.image_uri == "image:1"
        arguments, _ = run_executor.parse_flags(list(pool.container_spec.command)[2:])
        assert arguments.executor_class_path == "components.node.vertex_training.Worker"
        assert "gs://bucket/examples" in arguments.inputs
        config = json.loads(json.loads(arguments.exec_properties)["custom_config"])
        assert {key: config[key] for key in CONFIG} == CONFIG


def test_all_that_the_settings_say_of_a_job_arrives_in_it():
    settings = VertexSettings.model_validate(
        {
            "target": "vertex", "project": "my-project", "location": "europe-west4", "pipeline_root": "gs://b/root",
            "image": "image:1", "encryption_key": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "network": "projects/1/global/networks/n", "reserved_ip_ranges": ["jobs"],
            "parameters": {"data": "gs://b/data", "push_destination": "gs://b/models"},
        }
    )  # fmt: skip
    training = Training(machine="n1-standard-8", timeout_hours=1.5, strategy="spot", persistent_resource="pool")
    flag = training_job.training_job_flag(training, image="image:1", settings=settings)
    _, job = started(job=json.loads(flag.removeprefix("--training_job=")))
    assert job.encryption_spec.kms_key_name == settings.encryption_key
    assert (job.job_spec.network, [*job.job_spec.reserved_ip_ranges]) == (settings.network, ["jobs"])
    assert job.job_spec.scheduling.strategy.name == "SPOT"
    assert job.job_spec.scheduling.timeout == timedelta(seconds=5400)
    assert job.job_spec.persistent_resource_id == "pool"


def test_a_failed_job_fails_the_node():
    with pytest.raises(RuntimeError, match="did not succeed"):
        started(JobState.JOB_STATE_FAILED)


def test_a_worker_finds_everything_in_the_mounted_bucket():
    with mock.patch.object(vertex_training.trainer_executor.GenericExecutor, "Do") as do:
        inputs, outputs = artifacts()
        vertex_training.Worker().Do(inputs, outputs, PROPERTIES)
    seen_inputs, seen_outputs, properties = do.call_args.args
    assert seen_inputs["examples"][0].uri == "/gcs/bucket/examples"
    assert seen_outputs["model"][0].uri == "/gcs/bucket/model"
    assert json.loads(properties["custom_config"])["resume"] == "/gcs/bucket/resume"
    assert inputs["examples"][0].uri == "gs://bucket/examples"


@pytest.mark.parametrize("flags", [[], ['--training_job={"project": "p"}']], ids=["no flag", "no pools"])
def test_a_node_that_was_not_told_what_to_start_says_what_is_missing(flags):
    with pytest.raises(vertex_training.TrainingJobError, match=r"location, worker_pool_specs.*Place the compiled file"):
        vertex_training.job_config(flags)
