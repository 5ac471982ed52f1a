"""Settings applied to the compiled DAG: what each field of the example files does, read as strictly as backends do."""

import copy
import json
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import CustomJobSpec
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.node import vertex_training
from pipeline.branch import Branch
from pipeline.compiled import compiler, placement
from pipeline.compiled.beam_flags import local_beam_flags
from pipeline.compiled.compiled_file import Compiled
from pipeline.settings import settings_file
from pipeline.settings.cluster import KubeflowSettings, VertexSettings
from pipeline.settings.error import SettingsError
from pipeline.settings.local import ROOT
from pipeline.settings.nodes import BEAM_NODES, KINDS, VertexNode, kind
from tests.pipeline.compiled.kubernetes_proto import kubernetes_executor_config

REGISTRY = "europe-west4-docker.pkg.dev/my-project/mobilenet/mobilenet-pipeline"

IN_THE_FILE = [name for name in KINDS if name != "CheckpointImporter"]  # Which is there instead of a trainer.


@pytest.fixture(scope="module")
def compiled():
    return compiler.compile_pipeline(compiler.DEFAULTS, [Branch.of("0.25_64", "sample")])


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
    assert sorted(containers(compiled)) == sorted(IN_THE_FILE)
    assert len(list(placement.containers(compiled))) == 15


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
    assert images == {name: f"{REGISTRY}:1-gpu" if name in gpu else f"{REGISTRY}:1" for name in IN_THE_FILE}


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
    def cached(of):
        return {name for name, node in of.nodes.items() if node.task.get("cachingOptions") == {"enableCache": True}}

    assert len(cached(compiled)) >= 12
    assert cached(placement.place(compiled, vertex)) == cached(compiled)
    off = placement.place(compiled, changed(vertex, cache=False))
    assert not [name for name, node in off.nodes.items() if "cachingOptions" in node.task]


def test_beam_flags_go_to_the_beam_nodes_and_to_no_driver(compiled, vertex):
    placed = placement.place(compiled, changed(vertex, nodes={}))
    assert {node for node in IN_THE_FILE if flags(placed, node)} == set(BEAM_NODES)
    assert {tuple(flags(placed, node)) for node in BEAM_NODES} == {tuple(local_beam_flags(workers=1))}
    lifecycle = containers(placed)["ImageNetExampleGen"]["lifecycle"]
    assert lifecycle == containers(compiled)["ImageNetExampleGen"]["lifecycle"]


def test_a_nodes_flags_are_those_of_its_runner(compiled, vertex, on_kubeflow):
    for settings, runners in (
        (vertex, ["FnApiRunner", "DataflowRunner", "PortableRunner"]),
        (on_kubeflow, ["FnApiRunner", "DataflowRunner", "PortableRunner"]),
    ):
        placed = placement.place(compiled, settings)
        assert [flags(placed, node)[0].rpartition(".")[2].rpartition("=")[2] for node in BEAM_NODES] == runners


def test_settings_leave_nothing_of_those_that_the_file_was_placed_with_before(compiled, vertex, on_kubeflow):
    plain = changed(vertex, nodes={})
    assert placement.place(placement.place(compiled, vertex), plain) == placement.place(compiled, plain)
    assert placement.place(placement.place(compiled, vertex), on_kubeflow) == placement.place(compiled, on_kubeflow)


def test_a_trainer_with_training_starts_a_custom_job_that_vertex_ai_would_take(compiled, vertex):
    placed = placement.place(compiled, vertex)
    trainer = containers(placed)["FloatTrainer"]
    assert trainer["args"][:2] == ["--executor_class_path", "components.node.vertex_training.Executor"]
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


def test_what_a_platforms_team_asks_of_pods_is_in_kubeflows_words(compiled, on_kubeflow):
    placed = placement.place(compiled, on_kubeflow.model_copy(update={"image_pull_policy": "IfNotPresent"}))
    executors = {label: strictly(each, kubernetes_executor_config()) for label, each in on_kubernetes(placed).items()}
    for config in executors.values():
        assert [secret.secret_name for secret in config.image_pull_secret] == ["registry-login"]
        assert config.image_pull_policy == "IfNotPresent"
    trainer, gate = executors["FloatTrainer_executor"], executors["DataGate_executor"]
    [gpu, spot] = trainer.tolerations
    assert (gpu.key, gpu.operator, gpu.effect) == ("nvidia.com/gpu", "Exists", "NoSchedule")
    assert (spot.key, spot.operator, spot.value, spot.toleration_seconds) == ("spot", "Equal", "true", 60)
    [term] = trainer.node_affinity
    [zone] = term.match_expressions
    assert (zone.key, zone.operator) == ("topology.kubernetes.io/zone", "In")
    assert [*zone.values] == ["europe-west4-a", "europe-west4-b"]
    [secret], [proxy] = trainer.secret_as_env, trainer.config_map_as_env
    [password], [address] = secret.key_to_env, proxy.key_to_env
    assert (secret.secret_name, password.secret_key, password.env_var) == ("proxy-login", "password", "PROXY_PASSWORD")
    assert (proxy.config_map_name, address.config_map_key, address.env_var) == ("proxy", "address", "HTTPS_PROXY")
    assert (trainer.security_context.run_as_user, trainer.security_context.run_as_group) == (1000, 1000)
    assert trainer.active_deadline_seconds == 86400
    assert not gate.tolerations and not gate.secret_as_env and not gate.active_deadline_seconds


@pytest.mark.parametrize("settings", ["vertex", "on_kubeflow"])
def test_a_node_is_tried_again_as_often_as_the_settings_say_and_placing_again_changes_nothing(
    compiled, settings, request
):
    chosen = request.getfixturevalue(settings)
    placed = placement.place(compiled, chosen)
    strictly(placed.spec, pipeline_spec_pb2.PipelineSpec())
    policies = {kind(node): each.task.get("retryPolicy", {}) for node, each in placed.nodes.items()}
    wanted = dict.fromkeys(IN_THE_FILE, 1 if settings == "vertex" else None)
    wanted |= {} if settings == "vertex" else {"FloatTrainer": 2}
    assert {node: policy.get("maxRetryCount") for node, policy in policies.items()} == wanted
    assert placement.place(placed, chosen) == placed
    none = {name: node.model_copy(update={"retries": 0}) for name, node in chosen.nodes.items()}
    again = placement.place(placed, chosen.model_copy(update={"nodes": none}))
    assert not [node for node, each in again.nodes.items() if "retryPolicy" in each.task]


def test_what_the_file_said_of_kubernetes_before_is_kept(compiled, on_kubeflow):
    label = "Pusher_executor"
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
