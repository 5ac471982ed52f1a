"""The same DAG as a PipelineSpec 2.1 in YAML, which Kubeflow Pipelines 2 and Vertex AI take.

As TFX's compiler writes it. Its known faults are not repaired yet, and no cluster has run the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from pipeline.branch import Branch
from pipeline.pipeline import create_pipeline
from pipeline.settings import Settings

IMAGE = "mobilenet-pipeline"  # What `make image` calls it.


def compile_pipeline(settings: Settings, branches: Sequence[Branch], output: Path) -> None:
    """Writes the YAML whole or not at all."""
    beside = output.with_name(f".{output.name}.writing.yaml")
    config = KubeflowV2DagRunnerConfig(default_image=IMAGE, use_pipeline_spec_2_1=True)
    runner = KubeflowV2DagRunner(config=config, output_dir=os.fspath(beside.parent), output_filename=beside.name)
    runner.run(create_pipeline(settings, branches), write_out=True)
    beside.replace(output)
