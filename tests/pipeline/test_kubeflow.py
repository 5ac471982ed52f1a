"""The compiled file: strictly a PipelineSpec 2.1 of the same thirteen nodes, and the same bytes every time."""

from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline import compiled_file, kubeflow
from pipeline.branch import Branch
from pipeline.settings import Settings
from trainer.recipes import sample
from trainer.variant import Variant

BRANCH = Branch(Variant(0.25, 64), sample.FLOAT, sample.QAT)


@pytest.fixture
def compiled(tmp_path):
    settings = Settings(data=tmp_path / "pictures", workdir=tmp_path / "mobilenet")
    compiled_file.write(tmp_path / "pipeline.yaml", kubeflow.compile_pipeline(settings, [BRANCH]))
    return settings, tmp_path / "pipeline.yaml"


def test_it_is_a_pipeline_spec_of_the_same_nodes(compiled):
    _, path = compiled
    spec: Any = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(yaml.safe_load(path.read_text()), spec)  # Strict: an unknown field is an error.
    assert spec.schema_version == "2.1.0"
    tasks = set(spec.root.dag.tasks)
    assert len(tasks) == 13
    assert {"ImageNetExampleGen", "DataGate", "FloatTrainer-w025-r64", "Pusher-w025-r64"} <= tasks
    pusher = spec.root.dag.tasks["Pusher-w025-r64"]
    assert {"AccuracyGate-w025-r64", "BundleBuilder-w025-r64"} <= set(pusher.dependent_tasks)


def test_compiling_again_gives_the_same_bytes_and_leaves_nothing_else(compiled, tmp_path):
    settings, path = compiled
    before = path.read_bytes()
    compiled_file.write(path, kubeflow.compile_pipeline(settings, [BRANCH]))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipeline.yaml"]
