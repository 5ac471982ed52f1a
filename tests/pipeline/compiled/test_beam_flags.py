"""The flags of Beam's runners, from the example settings, as Beam itself reads them."""

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, PortableOptions, WorkerOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.environments import Environment
from tfx.utils.dependency_utils import make_beam_dependency_flags

from pipeline.compiled.beam_flags import beam_flags, local_beam_flags, worker_image
from pipeline.settings import settings_file
from pipeline.settings.cluster import Cluster
from pipeline.settings.local import ROOT
from pipeline.settings.nodes import Beam

GOOGLE = "europe-west4-docker.pkg.dev/my-project/mobilenet/mobilenet-pipeline:1-beam"
OTHER = "registry.example/mobilenet-pipeline:1-beam"


def example(target: str) -> Cluster:
    return settings_file.load(ROOT / "settings" / f"{target}.yaml")  # type: ignore[return-value]


def given(target: str, node: str) -> list[str]:
    settings = example(target)
    return beam_flags(settings.node_settings[node].beam or Beam(), image=settings.image, settings=settings)


def test_local_workers_are_processes_of_the_node():
    assert given("vertex", "ImageNetExampleGen") == [
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=16",
    ]


def test_the_flags_for_one_local_worker_run_a_pipeline_in_the_process():
    with beam.Pipeline(argv=local_beam_flags()) as pipeline:
        assert type(pipeline.runner).__name__ == "FnApiRunner"
        assert_that(pipeline | beam.Create([1, 2]) | beam.Map(lambda n: n * n), equal_to([1, 4]))


def test_dataflow_is_told_what_settings_say_of_google_cloud():
    assert given("vertex", "StatisticsGen") == [
        "--runner=DataflowRunner", "--project=my-project", "--region=europe-west4",
        "--temp_location=gs://my-bucket/mobilenet/beam-temp",
        "--service_account_email=mobilenet@my-project.iam.gserviceaccount.com", "--labels=team=vision",
        "--max_num_workers=8", f"--sdk_container_image={GOOGLE}", "--machine_type=n1-standard-4",
        "--no_use_public_ips", "--experiments=use_runner_v2", "--experiments=enable_data_sampling",
    ]  # fmt: skip


@pytest.mark.parametrize(("target", "image"), [("vertex", GOOGLE), ("kubeflow", OTHER)])
def test_beam_finds_nothing_missing_in_the_flags_for_dataflow(target, image, monkeypatch):
    # It would ask Google Cloud whether the bucket keeps what is deleted.
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None, raising=False)
    options = PipelineOptions(given(target, "StatisticsGen"))
    assert PipelineOptionsValidator(options, DataflowRunner()).validate() == []
    cloud, workers = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    assert (cloud.project, cloud.region, cloud.labels) == ("my-project", "europe-west4", ["team=vision"])
    assert cloud.service_account_email == "mobilenet@my-project.iam.gserviceaccount.com"
    assert (workers.sdk_container_image, workers.max_num_workers) == (image, 8)


@pytest.mark.parametrize(
    ("target", "server", "image"),
    [("vertex", "flink-jobs.example:8099", GOOGLE), ("kubeflow", "spark-jobs.example:8099", OTHER)],
)
def test_flink_and_spark_are_reached_through_their_job_server_and_run_our_image(target, server, image):
    options = PipelineOptions(given(target, "Evaluator"))
    assert options.get_all_options()["runner"] == "PortableRunner"
    assert options.view_as(PortableOptions).job_endpoint == server
    environment: Any = Environment.from_options(options.view_as(PortableOptions))
    assert (type(environment).__name__, environment.container_image) == ("DockerEnvironment", image)


@pytest.mark.parametrize("node", ["StatisticsGen", "Evaluator"])
@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_tfx_builds_no_package_of_itself_for_workers_elsewhere(target, node):
    flags = given(target, node)
    assert make_beam_dependency_flags(list(flags)) == flags


def test_an_option_of_a_node_stands_over_what_other_settings_say():
    settings = example("vertex")
    options: dict[str, Any] = {
        "region": "us-central1",
        "environment_type": "EXTERNAL",
        "environment_config": "localhost:50000",
    }
    dataflow = beam_flags(Beam(runner="dataflow", options=options), image="a:1", settings=settings)
    assert [flag for flag in dataflow if flag.startswith("--region")] == ["--region=us-central1"]
    flink = beam_flags(Beam(runner="flink", options=options), image="a:1", settings=settings)
    assert "--environment_type=EXTERNAL" in flink
    assert "--environment_config=localhost:50000" in flink


@pytest.mark.parametrize(
    ("image", "workers"),
    [
        ("registry:5000/a/mobilenet:1", "registry:5000/a/mobilenet:1-beam"),
        ("registry:5000/a/mobilenet", "registry:5000/a/mobilenet:latest-beam"),
        ("mobilenet:1-gpu", "mobilenet:1-gpu-beam"),
    ],
)
def test_the_workers_image_is_the_nodes_with_beam_behind_the_tag(image, workers):
    assert worker_image(image) == workers
