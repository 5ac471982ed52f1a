"""Small DAGs as TFX's compiler writes them, mended, run through the image's entrypoint as either backend would."""

import json
from typing import Any

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.decorators import FinalStatusStr
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Examples, Model

from components.ingestion.label_schema import LabelSchema
from pipeline.compiled import compiler
from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import runner as ir_runner
from tests.pipeline.emulator.components import Bless, Count, Last, Push, Repeat, Write
from trainer import imagenet

BOTH = pytest.mark.parametrize("backend", ["vertex", "kubeflow"])


def compiled(*nodes, exit_handler=None, **defaults) -> Compiled:
    dag = Pipeline(pipeline_name="small", pipeline_root="root", components=list(nodes), enable_cache=True)
    config = KubeflowV2DagRunnerConfig(
        default_image=compiler.IMAGE, default_commands=list(compiler.ENTRYPOINT), use_pipeline_spec_2_1=True
    )
    runner = KubeflowV2DagRunner(config=config)
    if exit_handler:
        runner.set_exit_handler(exit_handler)
    spec = runner.run(dag, write_out=False)["pipelineSpec"]
    compiler.repair(spec, defaults=defaults)
    return Compiled(spec)


def run(file: Compiled, workdir, backend: Any, *, in_process=True, **parameters) -> ir_runner.RunResult:
    return ir_runner.run(file, parameters=parameters, workdir=workdir, backend=backend, in_process=in_process)


def text(result: ir_runner.RunResult, task: str, output: str) -> str:
    return (result[task].folders[output] / "text.txt").read_text()


def written(*, letters=2) -> tuple[Write, Repeat]:
    write = Write(text=RuntimeParameter(name="text", ptype=str))
    return write, Repeat(model=write.outputs["model"], letters=letters)


@BOTH
def test_artifacts_and_their_properties_reach_the_next_node(tmp_path, backend):
    file = compiled(*written(), text="ab")
    result = run(file, tmp_path, backend, text="xyz")
    assert result.ok, [each.error for each in result.tasks]
    assert text(result, "Repeat", "repeated") == "xyzxyz"
    assert result["Repeat"].artifacts["repeated"][0]["metadata"]["told"] == "xyz"
    assert text(run(file, tmp_path, backend), "Repeat", "repeated") == "abab"  # The default.
    assert run(file, tmp_path, backend, text="xyz").in_state("cached") == {"Write", "Repeat"}


@BOTH
def test_an_output_value_reaches_the_next_node_as_a_number(tmp_path, backend):
    write = Write(text=RuntimeParameter(name="text", ptype=str))
    count = Count(model=write.outputs["model"])
    repeat = Repeat(model=write.outputs["model"], letters=count.outputs["letters"].future()[0].value)
    result = run(compiled(write, count, repeat, text="xyz"), tmp_path, backend)
    assert result.ok, [each.error for each in result.tasks]
    assert result["Count"].parameters == {"letters": 3}
    assert text(result, "Repeat", "repeated") == "xyz" * 3


def test_in_a_process_of_its_own_a_node_of_ours_makes_what_it_makes_in_this_one(tmp_path):
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / imagenet.LABELS_FILE).write_text("background\nant\nbee\n")
    importer = Importer(source_uri=str(tmp_path / "examples"), artifact_type=Examples).with_id("Kept")
    file = compiled(importer, LabelSchema(examples=importer.outputs["result"], code="digest"))
    schemas = []
    for in_process in (True, False):
        result = run(file, tmp_path / str(in_process), "vertex", in_process=in_process)
        assert result.ok, [each.error for each in result.tasks]
        schemas.append((result["LabelSchema"].folders["schema"] / "schema.pbtxt").read_text())
    assert "max: 2" in schemas[0]
    assert schemas[0] == schemas[1]


@BOTH
@pytest.mark.parametrize(("word", "state"), [("cat", "done"), ("dog", "not triggered")])
def test_a_condition_on_a_property_holds_a_node_back(tmp_path, backend, word, state):
    write = Write(text=RuntimeParameter(name="text", ptype=str))
    bless = Bless(model=write.outputs["model"])
    with Cond(bless.outputs["blessing"].future()[0].custom_property("blessed") == 1):
        push = Push(model=write.outputs["model"])
    result = run(compiled(write, bless, push, text=""), tmp_path, backend, text=word)
    assert result.ok, [each.error for each in result.tasks]
    assert result["Push"].state == state


def test_a_condition_on_what_the_node_takes_itself_fails_as_the_compiler_writes_it(tmp_path):
    write = Write(text="cat")
    with Cond(write.outputs["model"].future()[0].custom_property("text") == "cat"):
        push = Push(model=write.outputs["model"])
    result = run(compiled(write, push), tmp_path, "vertex")
    assert "no '_Write.model' there, only model" in result["Push"].error


@BOTH
def test_a_failing_node_stops_its_nested_dag_and_the_exit_handler_is_told(tmp_path, backend):
    last = Last(status=FinalStatusStr(), file=str(tmp_path / "told.json"))
    result = run(compiled(*written(letters=0), exit_handler=last, text=""), tmp_path / "work", backend)
    states = {each.task: each.state for each in result.tasks}
    assert states == {"tfx-dag/Write": "done", "tfx-dag/Repeat": "failed", "tfx-dag": "failed", "Last": "done"}
    assert "no letters to repeat" in result["tfx-dag/Repeat"].error
    log = result["tfx-dag/Repeat"].log
    assert log and "Traceback" in log.read_text()
    assert json.loads((tmp_path / "told.json").read_text())["state"] == "FAILED"


def test_an_imported_artifact_is_taken_from_where_a_parameter_says(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "text.txt").write_text("ab")
    place: Any = RuntimeParameter(name="place", ptype=str)
    importer = Importer(source_uri=place, artifact_type=Model, custom_properties={"text": "kept"}).with_id("Kept")
    repeat = Repeat(model=importer.outputs["result"], letters=2)
    result = run(compiled(importer, repeat, place=""), tmp_path / "work", "vertex", place=str(tmp_path / "kept"))
    assert result.ok, [each.error for each in result.tasks]
    assert text(result, "Repeat", "repeated") == "abab"
    assert result["Repeat"].artifacts["repeated"][0]["metadata"]["told"] == "kept"
