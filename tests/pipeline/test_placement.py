"""Settings applied to the compiled DAG: what each field of the example files does, read as strictly as backends do."""

import copy
import json
from typing import Any

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.testing.util import assert_that, equal_to
from google.cloud.aiplatform_v1.types import CustomJobSpec
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from kfp.pipeline_spec import pipeline_spec_pb2

from components import vertex_training
from pipeline import kubeflow, placement, settings_file
from pipeline.branch import Branch
from pipeline.cluster_settings import KubeflowSettings, VertexSettings
from pipeline.compiled_file import Compiled
from pipeline.node_settings import BEAM_NODES, KINDS, Beam, VertexNode, kind
from pipeline.settings import ROOT, SettingsError

REGISTRY = "europe-west4-docker.pkg.dev/my-project/mobilenet/mobilenet-pipeline"


@pytest.fixture(scope="module")
def compiled():
    return kubeflow.compile_pipeline(kubeflow.DEFAULTS, [Branch.of("0.25_64", "sample")])


@pytest.fixture(scope="module")
def vertex() -> VertexSettings:
    return settings_file.load(ROOT / "settings" / "vertex.yaml")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def on_kubeflow() -> KubeflowSettings:
    return settings_file.load(ROOT / "settings" / "kubeflow.yaml")  # type: ignore[return-value]


def containers(compiled) -> dict[str, dict[str, Any]]:
    """By kind; the compiled DAG has one of each."""
    return {kind(node): container for node, container in placement.containers(compiled)}


def flags(compiled, node: str) -> list[str]:
    """What follows TFX's own arguments."""
    args = containers(compiled)[node]["args"]
    return args[args.index("--json_serialized_inputs_spec_args") + 2 :]


def on_kubernetes(compiled: Compiled) -> dict[str, Any]:
    """By executor."""
    return (compiled.platform or {})["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def strictly(value: Any, message: Any) -> Any:
    """The message that a value makes; an unknown field is an error."""
    return json_format.ParseDict(value, message)


def changed(settings, **fields):
    return type(settings).model_validate(settings.model_dump(exclude_unset=True) | fields)


def test_there_is_a_container_for_every_kind_of_node_that_settings_know(compiled):
    assert sorted(containers(compiled)) == sorted(KINDS)
    assert len(list(placement.containers(compiled))) == 13


@pytest.mark.parametrize("target", ["vertex", "on_kubeflow"])
def test_a_placed_file_is_strictly_a_pipeline_spec_and_the_compiled_one_stays_as_it_was(compiled, target, request):
    settings = request.getfixturevalue(target)
    before = copy.deepcopy(compiled)
    placed = placement.place(compiled, settings)
    assert compiled == before
    strictly(placed.spec, pipeline_spec_pb2.PipelineSpec())
    assert placement.place(placed, settings) == placed


def test_every_node_has_its_own_image_or_the_one_for_all(compiled, vertex):
    images = {name: each["image"] for name, each in containers(placement.place(compiled, vertex)).items()}
    gpu = {"FloatTrainer", "QatTrainer"}
    assert images == {name: f"{REGISTRY}:1-gpu" if name in gpu else f"{REGISTRY}:1" for name in KINDS}


def test_resources_have_the_fields_that_both_stacks_and_all_backends_read(compiled, vertex, on_kubeflow):
    on_vertex, on_pods = (containers(placement.place(compiled, each)) for each in (vertex, on_kubeflow))
    assert on_vertex["Pusher"]["resources"] == {"cpuLimit": 4.0, "memoryLimit": 16.0}
    assert on_vertex["ImageNetExampleGen"]["resources"] == {"cpuLimit": 16.0, "memoryLimit": 16.0}
    assert on_vertex["Evaluator"]["resources"]["memoryLimit"] == pytest.approx(34.359738368)
    accelerator = {"type": "NVIDIA_TESLA_T4", "count": "2"}
    assert on_vertex["QatTrainer"]["resources"] == {"cpuLimit": 8.0, "memoryLimit": 52.0, "accelerator": accelerator}
    assert on_pods["QatTrainer"]["resources"]["accelerator"] == {"type": "nvidia.com/gpu", "count": "1"}
    with_gpu = {node for node, each in on_pods.items() if "accelerator" in each["resources"]}
    assert with_gpu == {"FloatTrainer", "QatTrainer"}


@pytest.mark.parametrize(
    ("text", "gigabytes"), [("16G", 16), ("1.5T", 1500), ("500M", 0.5), ("16Gi", 17.179869184), ("512Mi", 0.536870912)]
)
def test_memory_is_counted_in_gigabytes_of_ten_to_the_nine(text, gigabytes):
    assert placement.gigabytes(text) == pytest.approx(gigabytes, rel=1e-12)


def test_one_nodes_settings_stand_over_its_kinds_over_the_default_field_by_field(compiled, vertex):
    nodes = {
        "default": {"cpu": 2, "memory": "8G"}, "FloatTrainer": {"cpu": 8, "image": "kind:1"},
        "FloatTrainer-w025-r64": {"image": "id:1"},
    }  # fmt: skip
    placed = containers(placement.place(compiled, changed(vertex, nodes=nodes)))
    assert placed["FloatTrainer"]["image"] == "id:1"
    assert placed["FloatTrainer"]["resources"] == {"cpuLimit": 8.0, "memoryLimit": 8.0}
    assert placed["QatTrainer"]["image"] == vertex.image


def test_without_settings_for_nodes_no_resources_are_written(compiled, vertex):
    placed = containers(placement.place(compiled, changed(vertex, nodes={})))
    assert not [node for node, each in placed.items() if "resources" in each]


def test_settings_for_a_node_that_the_file_does_not_have_are_refused_with_those_that_it_has(compiled, vertex):
    nodes = {"FloatTrainer-w100-r224": VertexNode(cpu=8), "Pusher-w100-r224": VertexNode(cpu=1)}
    message = (
        r"nodes\.FloatTrainer-w100-r224: the compiled file has no.*nodes\.Pusher-w100-r224: .*FloatTrainer-w025-r64"
    )
    with pytest.raises(SettingsError, match=message):
        placement.place(compiled, changed(vertex, nodes=nodes))


def test_the_name_is_the_settings(compiled, vertex):
    placed = placement.place(compiled, changed(vertex, name="garments"))
    assert placed.spec["pipelineInfo"]["name"] == "garments"


def test_caching_is_off_for_every_task_when_settings_say_so_and_else_as_compiled(compiled, vertex):
    def cached(tasks):
        return {node for node, task in tasks.items() if task.get("cachingOptions") == {"enableCache": True}}

    assert len(cached(compiled.tasks)) >= 12
    assert cached(placement.place(compiled, vertex).tasks) == cached(compiled.tasks)
    off = placement.place(compiled, changed(vertex, cache=False)).tasks
    assert not [node for node, task in off.items() if "cachingOptions" in task]


def test_beam_flags_go_to_the_beam_nodes_and_to_no_driver(compiled, vertex):
    placed = placement.place(compiled, changed(vertex, nodes={}))
    assert {node for node in KINDS if flags(placed, node)} == set(BEAM_NODES)
    assert {tuple(flags(placed, node)) for node in BEAM_NODES} == {tuple(placement.local_beam_flags(workers=1))}
    lifecycle = containers(placed)["ImageNetExampleGen"]["lifecycle"]
    assert lifecycle == containers(compiled)["ImageNetExampleGen"]["lifecycle"]


def test_local_workers_are_processes_of_the_node(compiled, vertex):
    assert flags(placement.place(compiled, vertex), "ImageNetExampleGen") == [
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=16",
    ]


def test_the_flags_for_one_local_worker_run_a_pipeline():
    import apache_beam as beam

    with beam.Pipeline(argv=placement.local_beam_flags()) as pipeline:
        assert type(pipeline.runner).__name__ == "FnApiRunner"
        assert_that(pipeline | beam.Create([1, 2]) | beam.Map(lambda n: n * n), equal_to([1, 4]))


def test_dataflow_gets_what_settings_say_and_beam_finds_nothing_missing(compiled, vertex, on_kubeflow, monkeypatch):
    # It would ask Google Cloud whether the bucket keeps what is deleted.
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None, raising=False)
    given = flags(placement.place(compiled, vertex), "StatisticsGen")
    assert given == [
        "--runner=DataflowRunner", "--project=my-project", "--region=europe-west4",
        "--temp_location=gs://my-bucket/mobilenet/beam-temp",
        "--service_account_email=mobilenet@my-project.iam.gserviceaccount.com", "--labels=team=vision",
        "--max_num_workers=8", f"--sdk_container_image={REGISTRY}:1-beam", "--machine_type=n1-standard-4",
        "--no_use_public_ips", "--experiments=use_runner_v2", "--experiments=enable_data_sampling",
    ]  # fmt: skip
    for each in (given, flags(placement.place(compiled, on_kubeflow), "StatisticsGen")):
        options = PipelineOptions(each)
        assert PipelineOptionsValidator(options, DataflowRunner()).validate() == []
        assert options.view_as(GoogleCloudOptions).project == "my-project"
        assert options.view_as(GoogleCloudOptions).labels == ["team=vision"]
        assert options.view_as(WorkerOptions).sdk_container_image.endswith(":1-beam")


def test_flink_and_spark_are_reached_through_their_job_server_with_our_workers(compiled, vertex, on_kubeflow):
    wanted = ["--runner=PortableRunner", "--environment_type=DOCKER"]
    for settings, image, server in (
        (vertex, f"{REGISTRY}:1-beam", "flink-jobs.example:8099"),
        (on_kubeflow, "registry.example/mobilenet-pipeline:1-beam", "spark-jobs.example:8099"),
    ):
        assert flags(placement.place(compiled, settings), "Evaluator") == [
            *wanted, f"--environment_config={image}", f"--sdk_container_image={image}", f"--job_endpoint={server}"
        ]  # fmt: skip


def test_tfx_builds_no_package_of_itself_for_workers_elsewhere(compiled, vertex):
    from tfx.utils.dependency_utils import make_beam_dependency_flags

    for node in ("StatisticsGen", "Evaluator"):
        given = flags(placement.place(compiled, vertex), node)
        assert make_beam_dependency_flags(list(given)) == given


@pytest.mark.parametrize(
    ("image", "workers"),
    [
        ("registry:5000/a/mobilenet:1", "registry:5000/a/mobilenet:1-beam"),
        ("registry:5000/a/mobilenet", "registry:5000/a/mobilenet:latest-beam"),
        ("mobilenet:1-gpu", "mobilenet:1-gpu-beam"),
    ],
)
def test_the_workers_image_is_the_nodes_with_beam_behind_the_tag(compiled, vertex, image, workers):
    nodes = {"StatisticsGen": VertexNode(image=image, beam=Beam(runner="dataflow"))}
    placed = placement.place(compiled, changed(vertex, nodes=nodes))
    assert f"--sdk_container_image={workers}" in flags(placed, "StatisticsGen")


def test_a_trainer_with_training_starts_a_custom_job_that_vertex_ai_would_take(compiled, vertex):
    placed = placement.place(compiled, vertex)
    trainer = containers(placed)["FloatTrainer"]
    assert trainer["args"][:2] == ["--executor_class_path", "components.vertex_training.Executor"]
    assert "accelerator" not in trainer["resources"]
    assert containers(placed)["QatTrainer"]["args"] == containers(compiled)["QatTrainer"]["args"]
    config = vertex_training.job_config(flags(placed, "FloatTrainer"))
    (arguments,) = (value for value in config.values() if isinstance(value, dict))
    assert (arguments["project"], arguments["labels"]) == ("my-project", {"team": "vision"})
    assert "europe-west4" in config.values()
    job = CustomJobSpec(arguments["job_spec"])  # Raises at a field that it does not have.
    assert [pool.replica_count for pool in job.worker_pool_specs] == [1, 2]
    for pool in job.worker_pool_specs:
        assert pool.machine_spec.machine_type == "n1-standard-16"
        assert (pool.machine_spec.accelerator_type.name, pool.machine_spec.accelerator_count) == (
            "NVIDIA_TESLA_V100",
            4,
        )
        assert (pool.container_spec.image_uri, pool.disk_spec.boot_disk_size_gb) == (f"{REGISTRY}:1-gpu", 200)
    assert job.service_account == "mobilenet@my-project.iam.gserviceaccount.com"
    assert job.network == "projects/12345/global/networks/my-network"


def test_one_worker_is_one_machine_without_what_settings_do_not_say(compiled, vertex):
    nodes = {"default": VertexNode(cpu=2), "QatTrainer": VertexNode.model_validate({"training": {"machine": "n1"}})}
    settings = changed(vertex, nodes=nodes, service_account=None, network=None, labels={})
    (flag,) = flags(placement.place(compiled, settings), "QatTrainer")
    job = json.loads(flag.removeprefix("--training_job="))
    assert sorted(job) == ["location", "project", "worker_pool_specs"]
    (pool,) = job["worker_pool_specs"]
    assert (pool["machine_spec"], pool["replica_count"]) == ({"machine_type": "n1"}, 1)
    assert pool["disk_spec"] == {"boot_disk_size_gb": 100}


def test_every_pod_mounts_the_volumes_and_only_the_named_ones_choose_their_node(compiled, on_kubeflow):
    placed = placement.place(compiled, on_kubeflow)
    strictly(placed.platform, pipeline_spec_pb2.PlatformSpec())
    executors = on_kubernetes(placed)
    assert set(executors) == set(placed.spec["deploymentSpec"]["executors"])
    for label, each in executors.items():
        config = strictly(each, kubernetes_executor_config())
        assert [(mount.constant, mount.mount_path) for mount in config.pvc_mount] == [("mobilenet", "/mnt")]
        assert dict(config.pod_metadata.labels) == {"team": "vision"}
        chosen = {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"} if label.startswith("FloatTrainer") else {}
        assert dict(config.node_selector.labels) == chosen


def test_what_the_file_said_of_kubernetes_before_is_kept(compiled, on_kubeflow):
    label = "Pusher-w025-r64_executor"
    executors = {label: {"imagePullPolicy": "Always", "pvcMount": [{"constant": "old", "mountPath": "/old"}]}}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    before = copy.deepcopy(platform)
    placed = placement.place(Compiled(compiled.spec, platform), on_kubeflow)
    assert platform == before
    pusher = on_kubernetes(placed)[label]
    assert pusher["imagePullPolicy"] == "Always"
    assert pusher["pvcMount"] == [{"constant": "mobilenet", "mountPath": "/mnt"}]


def test_a_file_for_vertex_ai_has_nothing_of_kubernetes(compiled, vertex):
    assert placement.place(Compiled(compiled.spec, {"platforms": {}}), vertex).platform is None


def kubernetes_executor_config() -> Any:
    """The part of Kubeflow's kubernetes_executor_config.proto that placing writes, with its names and numbers.

    kfp-kubernetes, which has it whole, has no version that goes with both stacks' protobuf.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="part_of_kubernetes_executor_config.proto", package="part", syntax="proto3"
    )
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING

    def message(name: str, **fields: tuple[int, int | str, bool]) -> Any:
        made = file.message_type.add(name=name)
        for field, (number, type_, repeated) in fields.items():
            declared = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(type_, str):
                declared.type, declared.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, f".part.{type_}"
            else:
                declared.type = type_  # type: ignore[assignment]
        return made

    message("PvcMount", constant=(2, text, False), mount_path=(4, text, False))
    for name in ("NodeSelector", "PodMetadata"):
        holder = message(name, labels=(1, f"{name}.LabelsEntry", True))
        entry = holder.nested_type.add(name="LabelsEntry")
        entry.field.add(name="key", number=1, label=1, type=text)
        entry.field.add(name="value", number=2, label=1, type=text)
        entry.options.map_entry = True
    message(
        "KubernetesExecutorConfig", pvc_mount=(3, "PvcMount", True), node_selector=(4, "NodeSelector", False),
        pod_metadata=(5, "PodMetadata", False),
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindMessageTypeByName("part.KubernetesExecutorConfig")
    factory: Any = message_factory  # The older stack's protobuf has another name for it.
    newer = getattr(factory, "GetMessageClass", None)
    return newer(described)() if newer else factory.MessageFactory(pool).GetPrototype(described)()
