"""The image's entrypoint, around TFX's real one: a node's call as Vertex AI and as Kubeflow Pipelines 2 make it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.utils import import_utils

from components.node import entrypoint
from components.node.system_artifacts import HtmlPage
from trainer import imagenet

EXAMPLES = "title: tfx.Examples\ntype: object\nproperties:\n  split_names:\n    type: string\n"
SCHEMA = "title: tfx.Schema\ntype: object\n"
INPUTS_SPEC = {
    "artifacts": {"examples": {"artifactType": {"instanceSchema": EXAMPLES}}},
    "parameters": {"code": {"parameterType": "STRING"}},
}
LABELS = ["background", "ant", "bee_fly", "cow"]


def call(uri: str, output_file: str, *, input_type: dict | None, extra_outputs: dict | None = None) -> dict[str, Any]:
    """LabelSchema's ExecutorInput, with artifacts under `uri`."""
    examples: dict[str, Any] = {"name": "1", "uri": f"{uri}/examples", "metadata": {"split_names": '["train","eval"]'}}
    if input_type is not None:
        examples["type"] = input_type
    schema = {"name": "schema", "uri": f"{uri}/schema", "type": {"instanceSchema": SCHEMA}}
    return {
        "inputs": {
            "artifacts": {"examples": {"artifacts": [examples]}},
            "parameterValues": {"code": "digest"},
        },
        "outputs": {
            "artifacts": {"schema": {"artifacts": [schema]}, **(extra_outputs or {})},
            "outputFile": output_file,
        },
    }


def run(execution: dict[str, Any], *flags: str) -> None:
    entrypoint.main(
        [
            "--executor_class_path", "components.ingestion.label_schema.LabelSchema_Executor",
            "--json_serialized_invocation_args", json.dumps(execution),
            "--json_serialized_inputs_spec_args", json.dumps(INPUTS_SPEC),
            *flags,
        ]
    )  # fmt: skip


def examples_in(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / imagenet.LABELS_FILE).write_text("".join(f"{label}\n" for label in LABELS))


def test_on_vertex_a_node_reads_and_writes_the_mounted_bucket_and_answers_in_uris(tmp_path):
    examples_in(tmp_path / "gcs" / "bucket" / "job" / "examples")
    execution = call("gs://bucket/job", "gs://bucket/job/executor_output.json", input_type={"instanceSchema": EXAMPLES})
    run(execution, "--cloud_root", str(tmp_path))
    job = tmp_path / "gcs" / "bucket" / "job"
    assert "max: 3" in (job / "schema" / "schema.pbtxt").read_text()
    said = json.loads((job / "executor_output.json").read_text())
    assert said["artifacts"]["schema"]["artifacts"][0]["uri"] == "gs://bucket/job/schema"


@pytest.mark.parametrize(
    "input_type",
    [None, {}, {"schemaTitle": "system.Artifact"}, {"instanceSchema": ""}, {"schemaTitle": EXAMPLES}],
    ids=["none", "empty", "system", "2.17.0", "next major"],
)  # fmt: skip
def test_on_kubeflow_types_come_from_the_inputs_spec_and_executor_logs_is_left_to_the_launcher(tmp_path, input_type):
    store = tmp_path / "minio" / "mlpipeline" / "run"
    examples_in(store / "examples")
    logs = {"name": "executor-logs", "uri": "minio://mlpipeline/run/executor-logs"}
    logs_output = {"executor-logs": {"artifacts": [logs | {"type": {"schemaTitle": "system.Artifact"}}]}}
    output_file = tmp_path / "kfp" / "output_metadata.json"  # Kubeflow names a local file.
    run(
        call("minio://mlpipeline/run", str(output_file), input_type=input_type, extra_outputs=logs_output),
        "--cloud_root", str(tmp_path),
    )  # fmt: skip
    assert (store / "schema" / "schema.pbtxt").is_file()
    assert not (store / "executor-logs").exists()
    said = json.loads(output_file.read_text())
    assert list(said["artifacts"]) == ["schema"]
    assert said["artifacts"]["schema"]["artifacts"][0]["uri"] == "minio://mlpipeline/run/schema"


def test_plain_folders_stay_as_they_are(tmp_path):
    examples_in(tmp_path / "examples")
    run(call(str(tmp_path), str(tmp_path / "out.json"), input_type={"instanceSchema": EXAMPLES}))
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["artifacts"]["schema"]["artifacts"][0]["uri"] == str(tmp_path / "schema")


def test_a_type_that_tfx_knows_is_not_replaced():
    execution = call("/x", "/x/out.json", input_type={"schemaTitle": "tfx.Examples"})
    entrypoint.restore_types(execution, INPUTS_SPEC)
    assert execution["inputs"]["artifacts"]["examples"]["artifacts"][0]["type"] == {"schemaTitle": "tfx.Examples"}


def test_an_output_of_a_backends_own_type_has_a_class_that_tfx_can_import():
    execution = call("/x", "/x/out.json", input_type={"schemaTitle": "tfx.Examples"})
    [schema] = execution["outputs"]["artifacts"]["schema"]["artifacts"]
    schema["type"] = {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}
    entrypoint.restore_types(execution, INPUTS_SPEC)
    assert schema["type"] == {"schemaTitle": "components.HtmlPage"}
    assert import_utils.import_class_by_path("components.HtmlPage") is HtmlPage


def test_an_output_named_by_the_text_of_its_schema_has_a_type_that_tfx_can_import():
    execution = call("/x", "/x/out.json", input_type={"schemaTitle": EXAMPLES})
    [schema] = execution["outputs"]["artifacts"]["schema"]["artifacts"]
    schema["type"] = {"schemaTitle": SCHEMA}
    entrypoint.restore_types(execution, {"artifacts": {}})
    assert schema["type"] == {"instanceSchema": SCHEMA}
    assert execution["inputs"]["artifacts"]["examples"]["artifacts"][0]["type"] == {"instanceSchema": EXAMPLES}


@pytest.mark.parametrize("kubeflow", [False, True])
def test_a_bucket_among_the_parameters_is_a_folder_where_buckets_are_mounted_and_an_address_on_kubeflow(kubeflow):
    execution = call("gs://bucket/job", "/tmp/kfp/output_metadata.json", input_type=None)
    execution["inputs"]["parameterValues"] = {"push_destination": "gs://models/out", "code": "digest"}
    changed = entrypoint.on_folders(execution, "/", but_parameters=kubeflow)
    assert changed["inputs"]["parameterValues"]["push_destination"] == (
        "gs://models/out" if kubeflow else "/gcs/models/out"
    )
    assert changed["inputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] == "/gcs/bucket/job/examples"


def test_a_node_knows_kubeflow_by_the_variable_without_which_its_launcher_does_not_start(monkeypatch):
    assert (
        entrypoint._parser()
        .parse_known_args(["--executor_class_path", "x.Y", "--json_serialized_invocation_args", "{}"])[0]
        .artifacts_only
        is False
    )
    monkeypatch.setenv("KFP_POD_NAME", "mobilenet-abcde-1")
    assert (
        entrypoint._parser()
        .parse_known_args(["--executor_class_path", "x.Y", "--json_serialized_invocation_args", "{}"])[0]
        .artifacts_only
        is True
    )


def test_what_runs_elsewhere_keeps_its_uris():
    assert entrypoint._takes_uris("components.node.vertex_training.Executor", ())
    for runner in ("DataflowRunner", "PortableRunner"):
        assert entrypoint._takes_uris("components.ingestion.label_schema.LabelSchema_Executor", (f"--runner={runner}",))
    assert not entrypoint._takes_uris(
        "components.ingestion.label_schema.LabelSchema_Executor", ("--runner=FnApiRunner",)
    )


def test_a_call_that_the_backend_did_not_fill_in_is_one_clear_error():
    with pytest.raises(
        entrypoint.EntrypointError, match=r"--json_serialized_invocation_args is no JSON.*must fill \{\{\$\}\} in"
    ):
        entrypoint.main(["--executor_class_path", "x.Y", "--json_serialized_invocation_args", "{{$}}"])
