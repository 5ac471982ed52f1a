"""What a cluster's settings must agree on: each rule, where it is broken and what is wanted there."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.settings.cluster import KubeflowSettings, VertexSettings
from pipeline.settings.faults import faults
from pipeline.settings.nodes import VertexNode, of_node

VERTEX = {
    "target": "vertex", "project": "p", "location": "l", "pipeline_root": "gs://b/root", "image": "registry/a:1",
    "parameters": {"data": "gs://b/data", "push_destination": "gs://b/models"},
}  # fmt: skip
KUBEFLOW = {
    "target": "kubeflow", "host": "http://localhost:8080", "image": "registry/a:1",
    "volumes": [{"claim": "c", "mount": "/mnt/"}],
    "parameters": {"data": "/mnt/data", "push_destination": "/mnt"},
}  # fmt: skip
MODELS = {"vertex": VertexSettings, "kubeflow": KubeflowSettings}


def told(base: dict[str, Any], **changes: Any) -> list[str]:
    said = base | changes
    return sorted(map(str, faults(MODELS[said["target"]], said)))


@pytest.mark.parametrize("base", [VERTEX, KUBEFLOW])
def test_the_least_that_must_be_said_has_no_fault(base):
    assert told(base) == []
    settings = MODELS[base["target"]].model_validate(base)
    assert (settings.name, settings.cache, settings.schedule, settings.resume) == ("mobilenet", True, None, None)


@pytest.mark.parametrize("folder", ["/mnt2/data", "/data", "mnt/data", "gs://b/data"])
def test_on_kubeflow_folders_lie_on_a_volume(folder):
    wanted = "a folder on one of the volumes (/mnt): Kubeflow brings nodes their artifacts and nothing else"
    parameters = {"data": folder, "push_destination": "/mnt/models"}
    assert told(KUBEFLOW, parameters=parameters) == [f"parameters.data: got '{folder}', wanted {wanted}"]
    assert told(KUBEFLOW, resume=folder) == [f"resume: got '{folder}', wanted {wanted}"]


def test_without_volumes_no_folder_is_seen():
    assert [each.split(" (")[1][:15] for each in told(KUBEFLOW, volumes=[])] == ["there is none):"] * 2


@pytest.mark.parametrize("folder", ["/mnt/data", "s3://b/data", "gs://"])
def test_on_vertex_ai_folders_lie_in_a_bucket_of_cloud_storage(folder):
    wanted = f"got '{folder}', wanted gs://BUCKET/FOLDER, all that Vertex AI's nodes see"
    parameters = {"data": folder, "push_destination": folder}
    assert told(VERTEX, parameters=parameters, resume=folder) == [
        f"parameters.data: {wanted}", f"parameters.push_destination: {wanted}", f"resume: {wanted}"
    ]  # fmt: skip


def test_where_the_volumes_are_at_fault_nothing_is_said_of_folders_on_them():
    volumes = [{"claim": "c", "mount": "data"}]
    parameters = {"data": "/data/pictures", "push_destination": "/data/models"}
    (fault,) = told(KUBEFLOW, volumes=volumes, parameters=parameters)
    assert fault == "volumes.0.mount: got 'data', wanted the folder where nodes see it, such as /mnt"


def test_two_volumes_cannot_have_one_folder():
    volumes = [{"claim": "a", "mount": "/mnt"}, {"claim": "b", "mount": "/mnt/"}]
    assert told(KUBEFLOW, volumes=volumes) == ["volumes.1.mount: got '/mnt/', wanted another folder for each volume"]


def test_a_job_of_its_own_is_for_trainers_and_has_the_gpu():
    training = {"machine": "n1-standard-8"}
    nodes = {
        "FloatTrainer-w025-r64": {"training": training, "gpu": {"type": "NVIDIA_L4"}},
        "default": {"training": training},
    }
    assert told(VERTEX, nodes=nodes) == [
        "nodes.FloatTrainer-w025-r64.gpu: got a mapping, wanted it under training: this node only waits for the job",
        "nodes.default.training: got a mapping, wanted it under FloatTrainer or QatTrainer only",
    ]


def test_a_gpu_is_named_as_the_target_names_it():
    (vertex,) = told(VERTEX, nodes={"QatTrainer": {"gpu": {"type": "nvidia.com/gpu"}}})
    assert vertex.endswith("gpu.type: got 'nvidia.com/gpu', wanted Vertex AI's name, such as NVIDIA_TESLA_T4")
    (kubeflow,) = told(KUBEFLOW, nodes={"QatTrainer": {"gpu": {"type": "NVIDIA_TESLA_T4"}}})
    assert kubeflow.endswith("got 'NVIDIA_TESLA_T4', wanted Kubernetes' name of the resource, such as nvidia.com/gpu")


def test_training_jobs_and_node_selectors_are_each_for_one_target():
    assert told(KUBEFLOW, nodes={"QatTrainer": {"training": {}}})[0].startswith(
        "nodes.QatTrainer.training: got an unknown"
    )
    assert told(VERTEX, nodes={"QatTrainer": {"node_selector": {}}})[0].startswith(
        "nodes.QatTrainer.node_selector: got an"
    )


def test_beam_is_for_the_nodes_that_run_on_it_and_ingestion_stays_on_its_machine():
    nodes = {"Pusher": {"beam": {}}, "default": {"beam": {}}, "ImageNetExampleGen": {"beam": {"runner": "dataflow"}}}
    only = "beam: got a mapping, wanted it under ImageNetExampleGen, StatisticsGen, Evaluator only"
    assert told(VERTEX, nodes=nodes) == [
        "nodes.ImageNetExampleGen.beam.runner: got 'dataflow', wanted local, with several workers: this node's workers "
        "must share its folders",
        f"nodes.Pusher.{only}",
        f"nodes.default.{only}",
    ]


@pytest.mark.parametrize("runner", ["flink", "spark"])
def test_flink_and_spark_need_a_job_server(runner):
    (fault,) = told(VERTEX, nodes={"Evaluator-w025-r64": {"beam": {"runner": runner}}})
    assert fault == (
        "nodes.Evaluator-w025-r64.beam.options.job_endpoint: got nothing, wanted HOST:PORT of Beam's job server"
    )


def test_on_kubeflow_dataflow_must_be_told_where_and_needs_artifacts_in_cloud_storage():
    nodes = {"Evaluator": {"beam": {"runner": "dataflow", "options": {"region": "r"}}}}
    assert told(KUBEFLOW, nodes=nodes, pipeline_root="minio://mlpipeline/x") == [
        "nodes.Evaluator.beam.options.project: got nothing, wanted Google Cloud's project, for Dataflow",
        "nodes.Evaluator.beam.options.temp_location: got nothing, wanted Google Cloud's temp_location, for Dataflow",
        "pipeline_root: got 'minio://mlpipeline/x', wanted gs://BUCKET/FOLDER, since Evaluator's Beam workers see no "
        "other artifacts",
    ]
    assert told(VERTEX, nodes={"Evaluator": {"beam": {"runner": "dataflow"}}}) == []


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("runner", "FlinkRunner", "got 'FlinkRunner', wanted beam.runner for it"),
        ("direct_num_workers", 4, "got 4, wanted beam.workers for it"),
        ("max_num_workers", 4, "got 4, wanted beam.workers for it"),
        ("--region", "r", "got 'r', wanted the option's name in small letters, without the dashes"),
        ("use_public_ips", False, "got false, wanted true, or no such line: Beam's flags are given or left out"),
        ("experiments", [1], "got a list, wanted further Beam options by name, without the dashes"),
    ],
)
def test_an_option_of_beam_that_would_not_do_what_it_says_is_refused(option, value, wanted):
    (fault,) = told(VERTEX, nodes={"StatisticsGen": {"beam": {"options": {option: value}}}})
    assert fault.startswith(f"nodes.StatisticsGen.beam.options.{option}")
    assert fault.endswith(wanted)


def test_an_image_named_by_digest_has_no_tag_from_which_that_of_workers_elsewhere_follows():
    beam = {"runner": "dataflow", "options": {}}
    image = "registry/a@sha256:" + "0" * 64
    (fault,) = told(VERTEX, image=image, nodes={"Evaluator": {"beam": beam}})
    assert fault.startswith(
        "nodes.Evaluator.beam.options.sdk_container_image: got nothing, wanted the image of the workers"
    )
    given = {"Evaluator": {"beam": beam | {"options": {"sdk_container_image": "registry/a:1-beam"}}}}
    assert told(VERTEX, image=image, nodes=given) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule", "0 3 * *"), ("name", "Mobile Net"), ("pipeline_root", "/mnt"), ("service_account", "mobilenet"),
        ("labels", {"Team": "a"}), ("labels", {"team": "A"}), ("cache", 1), ("image", "a b"), ("image", ""),
        ("labels", {"1team": "a"}),
        ("project", ""), ("projekt", "p"),
    ],
)  # fmt: skip
def test_a_field_of_another_form_is_one_fault_at_its_place(field, value):
    (fault,) = told(VERTEX, **{field: value})
    assert fault.startswith(field)
    with pytest.raises(ValidationError):
        VertexSettings.model_validate(VERTEX | {field: value})


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("cpu", 0),
        ("cpu", float("inf")),
        ("cpu", True),
        ("cpu", "4"),
        ("memory", "16"),
        ("memory", "16GB"),
        ("memory", "9K"),
        ("memory", 16),
    ],
)
def test_an_amount_that_backends_would_not_read_is_refused(node, value):
    (fault,) = told(VERTEX, nodes={"default": {node: value}})
    assert fault.startswith(f"nodes.default.{node}: got ")


def test_what_a_node_says_stands_over_its_kind_and_the_default_field_by_field():
    nodes = {
        "default": VertexNode(cpu=1, memory="1G", image="default:1"), "QatTrainer": VertexNode(cpu=2, memory="2G"),
        "QatTrainer-w025-r64": VertexNode(cpu=3),
    }  # fmt: skip
    assert of_node(nodes, "QatTrainer-w025-r64") == {"cpu": 3, "memory": "2G", "image": "default:1"}
    assert of_node(nodes, "QatTrainer-w100-r224") == {"cpu": 2, "memory": "2G", "image": "default:1"}
    assert of_node(nodes, "Pusher-w025-r64") == {"cpu": 1, "memory": "1G", "image": "default:1"}
    assert of_node({}, "Pusher-w025-r64") == {}


@pytest.mark.parametrize("folder", ["gs://b", "gs://b/models", "/mnt/models"])
def test_bundles_may_be_pushed_to_a_volume_or_to_cloud_storage_from_kubeflow(folder):
    assert told(KUBEFLOW, parameters={"data": "/mnt/data", "push_destination": folder}) == []


@pytest.mark.parametrize("folder", ["gs://", "s3://b/models", "/models"])
def test_and_nowhere_else(folder):
    nothing_else = "Kubeflow brings nodes their artifacts and nothing else"
    wanted = f"gs://BUCKET/FOLDER or a folder on one of the volumes (/mnt): {nothing_else}"
    assert told(KUBEFLOW, parameters={"data": "/mnt/data", "push_destination": folder}) == [
        f"parameters.push_destination: got '{folder}', wanted {wanted}"
    ]


def test_a_token_comes_from_a_file_or_a_command_and_not_from_both():
    assert told(KUBEFLOW, token_file="token", token_command=["oc", "whoami", "-t"]) == [
        "token_command: got a list, wanted either it or token_file"
    ]


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ({"tolerations": [{"key": "spot", "operator": "Is"}]}, "tolerations.0.operator: got 'Is'"),
        ({"tolerations": [{"kee": "spot"}]}, "tolerations.0.kee: got an unknown name"),
        ({"affinity": [{"operator": "In"}]}, "affinity.0.key: got nothing"),
        ({"env_from_secrets": [{"name": "s", "keys": {"a": "NO-NAME"}}]}, "env_from_secrets.0.keys.a: got 'NO-NAME'"),
        ({"deadline": 0}, "deadline: got 0"),
        ({"retries": -1}, "retries: got -1"),
        ({"run_as_user": -1}, "run_as_user: got -1"),
    ],
)
def test_what_is_asked_of_pods_is_checked_field_by_field(node, place):
    [fault] = told(KUBEFLOW, nodes={"FloatTrainer": node})
    assert fault.startswith(f"nodes.FloatTrainer.{place}")
