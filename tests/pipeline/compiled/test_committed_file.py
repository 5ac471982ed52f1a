"""pipeline.yaml, as it is committed: what `make compile` writes, and what both backends and their clients take."""

from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.branch import Branch
from pipeline.checks import check
from pipeline.compiled import compiled_file, compiler

FILE = Path(__file__).parents[3] / "pipeline.yaml"


@pytest.fixture(scope="module")
def committed() -> compiled_file.Compiled:
    return compiled_file.read(FILE)


def test_it_is_what_make_compile_writes_but_for_the_sdk_that_names_the_stack(committed, tmp_path):
    compiled = compiler.compile_pipeline(compiler.DEFAULTS, [Branch.of("0.25_64", "sample")])
    compiled.spec["sdkVersion"] = committed.spec["sdkVersion"]
    compiled_file.write(tmp_path / "pipeline.yaml", compiled, comment=compiler.comment(compiled))
    same = (tmp_path / "pipeline.yaml").read_bytes() == FILE.read_bytes()
    assert same, "the DAG or a source behind it has changed: run `make compile` and commit pipeline.yaml"


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_neither_backend_would_stumble_over_it_with_the_example_settings(target):
    assert check.check_file(FILE, target) == []


def test_protobuf_kfp_and_vertex_ais_client_take_it(committed):
    message: Any = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(committed.spec, message)  # Strict: an unknown field is an error.
    assert components.load_component_from_file(str(FILE)).pipeline_spec.schema_version == "2.1.0"
    job = aiplatform.PipelineJob(
        display_name="mobilenet", template_path=str(FILE), pipeline_root="gs://bucket/root",
        project="project", location="europe-west4", credentials=AnonymousCredentials(),
    )  # fmt: skip
    assert job.pipeline_spec["root"]["dag"]["tasks"].keys() == committed.tasks.keys()


def test_it_names_no_accelerator_and_no_image_of_anybody(committed):
    containers = [committed.container(task) for task in committed.nodes]
    assert {container["image"] for container in containers} == {compiler.IMAGE}
    assert not any("resources" in container for container in containers)
