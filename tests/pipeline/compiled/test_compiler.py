"""The compiled file: the same nodes, parameters with defaults, the same bytes every time; each repair still needed."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any, TypedDict

import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import json_format
from kfp import dsl
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline

from components.ingestion import label_schema
from components.node.system_artifacts import HtmlPage
from components.sources.wanted import Wanted
from pipeline.branch import Branch
from pipeline.compiled import compiled_file, compiler
from pipeline.settings.local import Settings
from trainer.network.variant import Variant
from trainer.recipes import sample

BRANCH = Branch(Variant(0.25, 64), sample.FLOAT, sample.QAT)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return compiler.compile_pipeline(Settings(data=folder / "pictures", workdir=folder), [BRANCH])


def parsed(spec: dict[str, Any]) -> Any:
    message: Any = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(spec, message)  # Strict: an unknown field is an error.
    return message


def test_it_is_a_pipeline_spec_of_the_same_nodes(compiled):
    spec = parsed(compiled.spec)
    assert spec.schema_version == "2.1.0"
    tasks = set(spec.root.dag.tasks)
    assert tasks == {
        "ImageNetExampleGen", "IngestionReport", "StatisticsGen", "LabelSchema", "ExampleValidator", "DataGate",
        "branches", "ZooReport",
    }  # fmt: skip
    assert len(compiled.nodes) == 15
    pusher = spec.components["Variant"].dag.tasks["Pusher"]
    assert set(pusher.dependent_tasks) == {"AccuracyGate", "BundleBuilder"}


def test_what_changes_from_run_to_run_is_a_parameter_with_a_default(compiled, tmp_path):
    defaults = {name: value.get("defaultValue") for name, value in compiled.parameters.items()}
    assert defaults["floor"] == 0.0  # From the data, whose classes are not known here.
    assert (defaults["margin"], defaults["class_margin"], defaults["max_lost"]) == (0.01, 0.05, 0.0)
    assert defaults["data"].endswith("/pictures")
    assert defaults["push_destination"].endswith("/models")
    assert defaults["data_digest"] == ""
    recipe = json.loads(defaults["qat_recipe_w025_r64"])
    assert recipe["recipe"] == sample.QAT.as_dict()
    assert recipe["variant"] == "0.25_64"
    assert len(recipe["code"]) == 64
    assert {name: defaults[name] for name in dataclasses.asdict(Wanted())} == dataclasses.asdict(Wanted())
    assert len(defaults) == 15


def test_every_parameter_reaches_the_node_that_it_is_for(compiled):
    taken = {
        (name, key): value["componentInputParameter"]
        for name, node in compiled.nodes.items()
        for key, value in node.task["inputs"].get("parameters", {}).items()
        if "componentInputParameter" in value
    }
    assert taken == {
        ("ImageNetExampleGen", "input_base"): "data",
        **{("ImageNetExampleGen", name): name for name in (*dataclasses.asdict(Wanted()), "data_digest")},
        ("FloatTrainer-w025-r64", "custom_config"): "FloatTrainer_custom_config",
        ("QatTrainer-w025-r64", "custom_config"): "QatTrainer_custom_config",
        ("AccuracyGate-w025-r64", "floor"): "floor",
        **{("AccuracyGate-w025-r64", name): name for name in ("margin", "class_margin", "max_lost")},
        ("BundleBuilder-w025-r64", "margin"): "margin",
        ("AccuracyGate-w025-r64", "destination"): "push_destination",
        ("Pusher-w025-r64", "push_destination"): "push_destination",
        ("ZooReport", "destination"): "push_destination",
    }
    call = compiled.spec["components"]["branches"]["dag"]["tasks"]["Variant-w025-r64"]["inputs"]["parameters"]
    assert call["FloatTrainer_custom_config"] == {"componentInputParameter": "float_recipe_w025_r64"}
    assert call["QatTrainer_custom_config"] == {"componentInputParameter": "qat_recipe_w025_r64"}


def test_every_container_runs_our_entrypoint_and_reads_the_types_that_the_component_declares(compiled):
    for name, node in compiled.nodes.items():
        container = compiled.container(name)
        assert container["command"] == ["python", "-m", "components.node.entrypoint"]
        spec = container["args"][container["args"].index("--json_serialized_inputs_spec_args") + 1]
        assert json.loads(spec) == node.component["inputDefinitions"], name


def test_the_page_and_its_metrics_are_of_the_types_that_the_backends_draw(compiled):
    declared = compiled.spec["components"]["ReportBuilder"]["outputDefinitions"]["artifacts"]
    assert {name: artifact["artifactType"] for name, artifact in declared.items()} == {
        name: {"schemaTitle": kind.schema_title, "schemaVersion": kind.schema_version}
        for name, kind in (
            ("html", dsl.HTML), ("classification_metrics", dsl.ClassificationMetrics), ("metrics", dsl.Metrics),
        )
    }  # fmt: skip


def test_the_page_waits_for_the_verdict_and_nothing_for_the_page(compiled):
    report = compiled.nodes["ReportBuilder-w025-r64"].task
    assert "AccuracyGate" in report["dependentTasks"]
    assert "triggerPolicy" not in report
    waited_for = {before for node in compiled.nodes.values() for before in node.task.get("dependentTasks", [])}
    assert "ReportBuilder" not in waited_for


def test_all_but_what_looks_at_the_destination_may_come_from_the_cache(compiled):
    cached = {name for name, node in compiled.nodes.items() if node.task.get("cachingOptions", {}).get("enableCache")}
    assert set(compiled.nodes) - cached == {"Pusher-w025-r64", "ZooReport"}


def test_compiling_again_gives_the_same_bytes_and_leaves_nothing_else(compiled, tmp_path):
    settings = Settings(data=Path(compiled.parameters["data"]["defaultValue"]), workdir=tmp_path)
    for name in ("first.yaml", "second.yaml"):
        compiled_file.write(tmp_path / name, compiler.compile_pipeline(settings, [BRANCH]))
    assert (tmp_path / "first.yaml").read_bytes() == (tmp_path / "second.yaml").read_bytes()
    assert compiled_file.read(tmp_path / "first.yaml").tasks == compiled.tasks
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["first.yaml", "second.yaml"]


def test_the_statistics_options_are_whole_for_either_stack_whichever_wrote_them(compiled):
    inputs = compiled.tasks["StatisticsGen"]["inputs"]["parameters"]
    written = inputs["stats_options_json"]["runtimeValue"]["constant"]
    fields = json.loads(written)
    assert list(fields) == sorted(fields)
    assert tfdv.StatsOptions.from_json(written).feature_allowlist == label_schema.statistics_options().feature_allowlist
    del fields["_slice_sqls"]  # As TFX 1.21 writes it.
    inputs = copy.deepcopy(inputs)
    inputs["stats_options_json"]["runtimeValue"]["constant"] = json.dumps(fields)
    compiler.word_statistics_options({"StatisticsGen": {"inputs": {"parameters": inputs}}})
    assert inputs["stats_options_json"]["runtimeValue"]["constant"] == written


def test_another_stack_compiles_the_same_file_but_for_its_name(compiled, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.code_digest._versions", lambda: "tfx 1.21.0, Python (3, 13)")
    again = compiler.compile_pipeline(Settings(data=tmp_path / "pictures", workdir=tmp_path), [BRANCH])
    one, other = (copy.deepcopy(each.spec) for each in (compiled, again))
    for spec in (one, other):
        for folder in ("data", "push_destination"):
            spec["root"]["inputDefinitions"]["parameters"][folder].pop("defaultValue")
    assert one == other


# The repairs. Each test shows the compiler's fault on a small DAG, and the spec after the repair.


class Counted(TypedDict):
    pictures: int


@component
def Count(folder: Parameter[str]) -> Counted:
    """Gives a number."""
    return {"pictures": len(folder)}


@component
def Use(pictures: Parameter[int], limit: Parameter[int]) -> None:
    """Takes one."""


@component
def Last(message: Parameter[str]) -> None:
    """Runs at the end, whatever happened."""


@component
def Draw(page: OutputArtifact[HtmlPage]) -> None:
    """Makes what a backend would draw."""


@pytest.fixture
def faulty():
    """A value handed from node to node, two run-time parameters, and an exit handler: as the compiler writes them."""

    def spec(*, exit_handler: bool) -> dict[str, Any]:
        count = Count(folder=RuntimeParameter(name="folder", ptype=str, default="x"))
        use = Use(pictures=count.outputs["pictures"].future()[0].value, limit=RuntimeParameter(name="limit", ptype=int))
        dag = Pipeline(pipeline_name="small", pipeline_root="root", components=[count, use])
        config = KubeflowV2DagRunnerConfig(default_image="image:1", use_pipeline_spec_2_1=True)
        runner = KubeflowV2DagRunner(config=config)
        if exit_handler:
            runner.set_exit_handler(Last(message="done"))
        return runner.run(dag, write_out=False)["pipelineSpec"]

    return spec


def test_the_compiler_still_drops_defaults_and_the_repair_gives_them(faulty):
    spec = faulty(exit_handler=False)
    assert "defaultValue" not in spec["root"]["inputDefinitions"]["parameters"]["folder"]
    compiler.give_defaults(spec, {"folder": "x"})
    assert spec["root"]["inputDefinitions"]["parameters"]["folder"]["defaultValue"] == "x"


def test_the_compiler_still_names_a_producer_that_is_no_task_and_the_repair_the_task(faulty):
    spec = faulty(exit_handler=False)
    tasks = spec["root"]["dag"]["tasks"]
    output = tasks["Use"]["inputs"]["parameters"]["pictures"]["taskOutputParameter"]
    assert output["producerTask"] == "Count_task"
    compiler.name_producers(tasks)
    assert output["producerTask"] == "Count"


def test_the_compiler_still_types_a_taken_number_as_text_and_the_repair_as_number_in_both_places(faulty):
    spec = faulty(exit_handler=False)
    tasks = spec["root"]["dag"]["tasks"]
    assert spec["components"]["Use"]["inputDefinitions"]["parameters"]["pictures"]["parameterType"] == "STRING"
    compiler.name_producers(tasks)
    compiler.type_consumers(spec, tasks)
    declared = spec["components"]["Use"]["inputDefinitions"]
    assert declared["parameters"]["pictures"]["parameterType"] == "NUMBER_INTEGER"
    arguments = spec["deploymentSpec"]["executors"]["Use_executor"]["container"]["args"]
    assert json.loads(arguments[arguments.index("--json_serialized_inputs_spec_args") + 1]) == declared


def test_the_compiler_still_hides_a_page_in_a_schema_of_its_own_and_the_repair_names_it():
    spec = compiler.compile_dag(Pipeline(pipeline_name="small", pipeline_root="root", components=[Draw()]))
    page = spec["components"]["Draw"]["outputDefinitions"]["artifacts"]["page"]
    assert "title: components.HtmlPage" in page["artifactType"]["instanceSchema"]
    compiler.name_system_types(spec)
    assert page["artifactType"] == {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}
    parsed(spec)


def test_with_an_exit_handler_the_compiler_still_lets_no_parameter_through_and_the_repair_does(faulty):
    spec = faulty(exit_handler=True)
    assert "inputDefinitions" not in spec["components"]["tfx-dag"]
    compiler.repair(spec, defaults={"folder": "x"})
    declared = spec["components"]["tfx-dag"]["inputDefinitions"]["parameters"]
    assert declared == {"folder": {"parameterType": "STRING"}, "limit": {"parameterType": "NUMBER_INTEGER"}}
    given = spec["root"]["dag"]["tasks"]["tfx-dag"]["inputs"]["parameters"]
    assert given == {name: {"componentInputParameter": name} for name in ("folder", "limit")}
    output = spec["components"]["tfx-dag"]["dag"]["tasks"]["Use"]["inputs"]["parameters"]["pictures"]
    assert output["taskOutputParameter"]["producerTask"] == "Count"
    parsed(spec)
