"""The DAG. The same function serves the local runner, the Beam DAG runner and the Kubeflow compiler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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

from components.conversion.checkpoint_importer import CheckpointImporter
from components.conversion.tflite_converter import TFLiteConverter
from components.gate.accuracy_gate import AccuracyGate
from components.gate.rule import ALPHA, VISIBLE_DROP
from components.ingestion import label_schema
from components.ingestion.data_gate import DataGate
from components.ingestion.example_gen import ImageNetExampleGen
from components.ingestion.label_schema import LabelSchema
from components.ingestion.report import IngestionReport
from components.release.bundle_builder import BundleBuilder
from components.release.pusher import Pusher
from components.report.report_builder import ReportBuilder
from components.sources import class_choice
from components.zoo.zoo_report import ZooReport
from pipeline import code_digest, eval_config
from pipeline.branch import Branch, Start
from pipeline.node_ids import ZOO
from pipeline.settings.local import Settings
from trainer.imagenet import EVAL, TRAIN
from trainer.network.variant import Variant
from trainer.recipe import Recipe

BeamArgument = str | ph.Placeholder
Parameter = Callable[[str, Any], Any]  # (name, value) → what stands in the DAG for it.
Digest = Callable[..., str]  # Module names → digest of their sources, for the cache.


@dataclass(frozen=True)
class _Data:
    """What all branches share."""

    examples: BaseChannel
    report: BaseChannel  # Of the ingestion.
    schema: BaseChannel  # DataGate's: it exists only where the data passed.


def as_it_is(name: str, value: Any) -> Any:
    """A parameter on this machine: its value."""
    return value


def create_pipeline(
    settings: Settings,
    branches: Sequence[Branch],
    *,
    parameter: Parameter = as_it_is,
    digest: Digest = code_digest.digest,
    metadata_connection_config: metadata.ConnectionConfigType | None = None,
    beam_pipeline_args: Sequence[BeamArgument] = (),
) -> Pipeline:
    """Pictures → float model → fake-quantized model → int8 file → measured, blessed, bundled, pushed.

    Args:
      parameter: what stands for a value that people change from run to run; in a compiled file, a RuntimeParameter.
      digest: of the sources behind a node.
      metadata_connection_config, beam_pipeline_args: the runner's; a cluster brings its own.
    """
    # Pictures → checked, sharded examples.
    example_gen = ImageNetExampleGen(
        input_base=parameter("data", str(settings.data)),
        wanted=dataclasses.replace(settings.wanted, classes=class_choice.written_out(settings.classes)),
        rules=settings.rules,
        code=digest("components.ingestion.example_gen"),
    )
    examples = example_gen.outputs["examples"]
    # What was taken, converted and refused, as an artifact of its own.
    report = IngestionReport(examples=examples, code=digest("components.ingestion.report"))
    # Labels and sizes, never the JPEG bytes.
    statistics_gen = StatisticsGen(examples=examples, stats_options=label_schema.statistics_options())
    schema = LabelSchema(examples=examples, code=digest("components.ingestion.label_schema"))
    validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema.outputs["schema"])
    # ExampleValidator only records anomalies; the gate fails on them, and the trainers need what it hands on.
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        statistics=statistics_gen.outputs["statistics"],
        label_schema=schema.outputs["schema"],
        report=report.outputs["report"],
        code=digest("components.ingestion.data_gate"),
    )
    data = _Data(examples=examples, report=report.outputs["report"], schema=gate.outputs["schema"])
    shared: list[BaseNode] = [example_gen, report, statistics_gen, schema, validator, gate]
    grown = [_branch(data, branch, settings, parameter, digest) for branch in branches]
    # The table and the page of all that was pushed, whatever became of a branch: it reads the bundles themselves.
    zoo = ZooReport(
        destination=parameter("push_destination", settings.destination),
        code=digest("components.zoo.zoo_report"),
    ).with_id(ZOO)
    zoo.add_upstream_nodes([nodes[-1] for nodes in grown])  # The Pushers.
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=str(settings.artifacts),
        components=[*shared, *(node for nodes in grown for node in nodes), zoo],
        enable_cache=settings.enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )


def _branch(data: _Data, branch: Branch, settings: Settings, parameter: Parameter, digest: Digest) -> list[BaseNode]:
    name = branch.variant.id

    def trainer(kind: str, recipe: Recipe, base_model: BaseChannel | None = None) -> Trainer:
        """Recipe and source digest go by value: ML Metadata records them, and another of either trains again."""
        config = {"recipe": recipe.as_dict(), "variant": branch.variant.name, "code": digest("trainer.task")}
        return _trainer(data, parameter(trainer_parameter(kind, branch.variant), config), base_model)

    # The network in float: trained, imported, or trained on from what was imported.
    importers = [_importer(data, branch, branch.start, digest)] if branch.start else []
    float_model = importers[0].outputs["model"] if importers else None
    float_trainers = []
    if float_model is None or (branch.start and branch.start.trained_on):
        float_trainers = [trainer("float", branch.float_recipe, float_model).with_id(f"FloatTrainer-{name}")]
        float_model = float_trainers[0].outputs["model"]
    # The same, fine-tuned with fake int8.
    base_model = None if branch.from_scratch else float_model
    qat_trainer = trainer("qat", branch.qat_recipe, base_model).with_id(f"QatTrainer-{name}")
    # The files for devices, checked op by op.
    converter = TFLiteConverter(
        examples=data.examples,
        float_model=float_model,
        qat_model=qat_trainer.outputs["model"],
        code=digest("components.conversion.tflite_converter"),
    ).with_id(f"TFLiteConverter-{name}")
    # The file that ships against what it came from, on the same pictures.
    evaluator = Evaluator(
        examples=data.examples,
        model=converter.outputs["tflite"],
        baseline_model=float_model,
        example_splits=[EVAL],
        eval_config=eval_config.eval_config(code=digest("components.evaluation.tfma_module")),
        module_path="components.evaluation.tfma_module",
    ).with_id(f"Evaluator-{name}")
    # The only blessing; the last release is compared with too.
    gate = AccuracyGate(
        evaluation=evaluator.outputs["evaluation"],
        examples=data.examples,
        tflite=converter.outputs["tflite"],
        float_model=float_model,
        qat_model=qat_trainer.outputs["model"],
        destination=parameter("push_destination", settings.destination),
        floor=parameter("floor", settings.floor),
        margin=parameter("margin", settings.margin),
        class_margin=parameter("class_margin", settings.class_margin),
        max_lost=parameter("max_lost", settings.max_lost),
        accept_small=int(settings.accept_small),
        visible_drop=VISIBLE_DROP,
        codes=" ".join((digest("trainer.task"), digest("components.conversion.checkpoint_importer"))),
        code=digest("components.gate.accuracy_gate"),
    ).with_id(f"AccuracyGate-{name}")
    # The page that shows it all, blessed or not, and its metrics for the backends' own pages.
    report = ReportBuilder(
        examples=data.examples,
        report=data.report,
        float_model=float_model,
        float_run=float_trainers[0].outputs["model_run"] if float_trainers else None,
        qat_model=qat_trainer.outputs["model"],
        qat_run=qat_trainer.outputs["model_run"],
        tflite=converter.outputs["tflite"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=gate.outputs["blessing"],
        code=digest("components.report.report_builder"),
    ).with_id(f"ReportBuilder-{name}")
    # The release bundle.
    builder = BundleBuilder(
        examples=data.examples,
        float_model=float_model,
        qat_model=qat_trainer.outputs["model"],
        tflite=converter.outputs["tflite"],
        evaluation=evaluator.outputs["evaluation"],
        margin=parameter("margin", settings.margin),
        visible_drop=VISIBLE_DROP,
        alpha=ALPHA,
        code=digest("components.release.bundle_builder"),
    ).with_id(f"BundleBuilder-{name}")
    # To its destination, whole or not at all, only if blessed.
    pusher = Pusher(
        model=builder.outputs["bundle"],
        model_blessing=gate.outputs["blessing"],
        push_destination=_destination(parameter("push_destination", settings.destination)),
        custom_config={"code": digest("components.release.pusher")},
    ).with_id(f"Pusher-{name}")
    return [*importers, *float_trainers, qat_trainer, converter, evaluator, gate, report, builder, pusher]


def _importer(data: _Data, branch: Branch, start: Start, digest: Digest) -> BaseNode:
    return CheckpointImporter(
        examples=data.examples,
        uri=str(start.path),
        digest=start.digest,
        variant=branch.variant.name,
        raw=start.raw,
        only_a_start=start.trained_on,
        central_fraction=branch.qat_recipe.central_fraction,
        code=digest("components.conversion.checkpoint_importer"),
    ).with_id(f"CheckpointImporter-{branch.variant.id}")


def trainer_parameter(kind: str, variant: Variant) -> str:
    """What a trainer's parameter is called: `float_recipe_w025_r64`, `qat_recipe_w025_r64`."""
    return f"{kind}_recipe_{variant.id.replace('-', '_')}"


def _trainer(data: _Data, config: Any, base_model: BaseChannel | None) -> Trainer:
    return Trainer(
        run_fn="trainer.task.run_fn",  # On the path already: compiling uploads nothing.
        examples=data.examples,
        schema=data.schema,
        base_model=base_model,
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL]),
        custom_config=config,
    )


def _destination(folder: Any) -> Any:
    """A RuntimeParameter goes as it is: the Pusher takes a plain folder too, which is what a person would type."""
    if not isinstance(folder, str):
        return folder
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder))
