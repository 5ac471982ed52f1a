"""The DAG. The same function serves the local runner, the Beam DAG runner and the Kubeflow compiler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tfx.components.evaluator.component import Evaluator
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.placeholder import placeholder as ph
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types.channel import BaseChannel

from components import label_schema
from components.accuracy_gate import AccuracyGate
from components.bundle_builder import BundleBuilder
from components.data_gate import DataGate
from components.example_gen import ImageNetExampleGen
from components.ingestion_report import IngestionReport
from components.label_schema import LabelSchema
from components.pusher import Pusher
from components.tflite_converter import TFLiteConverter
from pipeline import evaluation, source
from pipeline.branch import Branch
from pipeline.settings import VISIBLE_DROP, Settings
from trainer.imagenet import EVAL, TRAIN
from trainer.recipe import Recipe
from trainer.variant import Variant

BeamArgument = str | ph.Placeholder


@dataclass(frozen=True)
class _Data:
    """What all branches share."""

    examples: BaseChannel
    schema: BaseChannel  # DataGate's: it exists only where the data passed.


def create_pipeline(
    settings: Settings,
    branches: Sequence[Branch],
    *,
    metadata_connection_config: metadata.ConnectionConfigType | None = None,
    beam_pipeline_args: Sequence[BeamArgument] = (),
) -> Pipeline:
    """Pictures → float model → fake-quantized model → int8 file → measured, blessed, bundled, pushed.

    Args:
      metadata_connection_config, beam_pipeline_args: the runner's; a cluster brings its own.
    """
    # Pictures → checked, sharded examples.
    example_gen = ImageNetExampleGen(
        input_base=str(settings.data),
        max_refused=settings.max_refused,
        code=source.digest("components.example_gen"),
    )
    examples = example_gen.outputs["examples"]
    # What was taken, converted and refused, as an artifact of its own.
    report = IngestionReport(examples=examples, code=source.digest("components.ingestion_report"))
    # Labels and sizes, never the JPEG bytes.
    statistics_gen = StatisticsGen(examples=examples, stats_options=label_schema.statistics_options())
    schema = LabelSchema(examples=examples, code=source.digest("components.label_schema"))
    validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema.outputs["schema"])
    # ExampleValidator only records anomalies; the gate fails on them, and the trainers need what it hands on.
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        statistics=statistics_gen.outputs["statistics"],
        label_schema=schema.outputs["schema"],
        report=report.outputs["report"],
        code=source.digest("components.data_gate"),
    )
    data = _Data(examples=examples, schema=gate.outputs["schema"])
    shared: list[BaseNode] = [example_gen, report, statistics_gen, schema, validator, gate]
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=str(settings.artifacts),
        components=[*shared, *(node for branch in branches for node in _branch(data, branch, settings))],
        enable_cache=settings.enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )


def _branch(data: _Data, branch: Branch, settings: Settings) -> list[BaseNode]:
    name = branch.variant.id
    # The network in float.
    float_trainer = _trainer(data, branch.variant, branch.float_recipe).with_id(f"FloatTrainer-{name}")
    float_model = float_trainer.outputs["model"]
    # The same, fine-tuned with fake int8.
    base_model = None if branch.from_scratch else float_model
    qat_trainer = _trainer(data, branch.variant, branch.qat_recipe, base_model).with_id(f"QatTrainer-{name}")
    # The files for devices, checked op by op.
    converter = TFLiteConverter(
        examples=data.examples,
        float_model=float_model,
        qat_model=qat_trainer.outputs["model"],
        code=source.digest("components.tflite_converter"),
    ).with_id(f"TFLiteConverter-{name}")
    # The file that ships against what it came from, on the same pictures.
    evaluator = Evaluator(
        examples=data.examples,
        model=converter.outputs["tflite"],
        baseline_model=float_model,
        example_splits=[EVAL],
        eval_config=evaluation.eval_config(code=source.digest("components.evaluation")),
        module_path="components.evaluation",
    ).with_id(f"Evaluator-{name}")
    # The only blessing.
    gate = AccuracyGate(
        evaluation=evaluator.outputs["evaluation"],
        examples=data.examples,
        floor=settings.floor,
        margin=settings.margin,
        visible_drop=VISIBLE_DROP,
        code=source.digest("components.accuracy_gate"),
    ).with_id(f"AccuracyGate-{name}")
    # The release bundle.
    builder = BundleBuilder(
        examples=data.examples,
        float_model=float_model,
        qat_model=qat_trainer.outputs["model"],
        tflite=converter.outputs["tflite"],
        evaluation=evaluator.outputs["evaluation"],
        code=source.digest("components.bundle_builder"),
    ).with_id(f"BundleBuilder-{name}")
    # To its destination, whole or not at all, only if blessed.
    pusher = Pusher(
        model=builder.outputs["bundle"],
        model_blessing=gate.outputs["blessing"],
        push_destination=_destination(settings),
        custom_config={"code": source.digest("components.pusher")},
    ).with_id(f"Pusher-{name}")
    return [float_trainer, qat_trainer, converter, evaluator, gate, builder, pusher]


def _trainer(data: _Data, variant: Variant, recipe: Recipe, base_model: BaseChannel | None = None) -> Trainer:
    """Recipe and source digest go by value: ML Metadata records them, and another of either trains again."""
    return Trainer(
        run_fn="trainer.task.run_fn",  # On the path already: compiling uploads nothing.
        examples=data.examples,
        schema=data.schema,
        base_model=base_model,
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL]),
        custom_config={
            "recipe": json.dumps(recipe.as_dict(), sort_keys=True),
            "variant": variant.name,
            "code": source.digest("trainer.task"),
        },
    )


def _destination(settings: Settings) -> pusher_pb2.PushDestination:
    folder = pusher_pb2.PushDestination.Filesystem(base_directory=str(settings.models))
    return pusher_pb2.PushDestination(filesystem=folder)
