"""A compiled file run on this machine: what runs, in which order, with what, and what a failure stops."""

import json

import pytest

from pipeline.emulator import runner as ir_runner
from pipeline.emulator.result import CompiledRunError
from tests.pipeline.emulator.specs import COPY, FAIL, MODEL, Spec, chain, constant, parameter, run, states, taken, text

NO_TASK_S = {"producerSubtask": "d", "outputParameterKey": "x"}
BOTH = pytest.mark.parametrize("backend", ["vertex", "kubeflow"])


@BOTH
def test_a_task_runs_after_its_producer_and_gets_what_it_made(tmp_path, backend):
    result = run(chain(), tmp_path, backend=backend)
    assert [each.task for each in result.tasks] == ["a", "b"]
    assert text(result, "b") == "antbee"
    assert result["b"].artifacts["made"][0]["metadata"]["letters"] == 1
    assert result.ok


@BOTH
def test_a_given_parameter_stands_instead_of_the_default(tmp_path, backend):
    assert text(run(chain(), tmp_path, backend=backend, parameters={"word": "cow"}), "b") == "cowbee"


def test_wrong_parameters_are_all_told_and_nothing_runs(tmp_path):
    words = {"parameterType": "STRING"}
    spec = Spec(floor={"parameterType": "NUMBER_DOUBLE"}, data=words, n=words)
    spec.copy("a", text=parameter("data"))
    with pytest.raises(
        CompiledRunError,
        match=r"floor is '0.5', wanted NUMBER_DOUBLE; speed is unknown, the file declares data, floor, n; n is missing",
    ):
        run(spec, tmp_path, parameters={"floor": "0.5", "data": "/x", "speed": 3})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda spec: spec.copy("c", "a_task"),
            r"c takes from_a_task from a_task, which is no task: there are",
        ),
        (lambda spec: spec.copy("a", "b"), r"in a circle: \w → \w → \w"),
        (lambda spec: spec.tasks["a"].update(parameterIterator={}), r"a: this runner has no loops"),
        (lambda spec: spec.spec["deploymentSpec"]["executors"].update(a_executor={"resolver": {}}), r"got resolver"),
        (
            lambda spec: spec.nest("c", "a", "b", parameters={"x": {"valueFromParameter": NO_TASK_S}}),
            r"a DAG hands on what d makes, which is no task of it",
        ),
        (lambda spec: spec.spec["root"].pop("dag"), r"not whole: KeyError\('dag'\). Write it with"),
    ],
    ids=["producer", "circle", "loop", "resolver", "nested", "cut"],
)
def test_a_file_that_no_backend_could_run_is_refused_before_anything_runs(tmp_path, change, message):
    spec = chain()
    change(spec)
    with pytest.raises(CompiledRunError, match=message):
        run(spec, tmp_path)
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_what_waits_for_a_failed_task_is_skipped_and_the_rest_runs(tmp_path, backend):
    spec = chain(script=FAIL)
    spec.copy("c", text=constant("cow"))
    result = run(spec, tmp_path, backend=backend)
    assert states(result) == {"a": "failed", "b": "skipped", "c": "done"}
    assert result["a"].error == "exit code 1: no disk for this"
    assert "no disk for this" in (tmp_path / "logs" / "a.log").read_text()
    assert not result.ok


@BOTH
@pytest.mark.parametrize("fails", [False, True])
def test_the_exit_handler_runs_whatever_became_of_the_nested_dag_and_is_told(tmp_path, backend, fails):
    spec = chain(script=FAIL if fails else COPY)
    del spec.tasks["a"]["inputs"]["parameters"]["text"]
    spec.spec["components"]["a"]["inputDefinitions"]["parameters"] = {}
    spec.nest("inner", "a", "b")
    status = {"taskFinalStatus": {"producerTask": "inner"}}
    policy = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    own = f"{COPY}# Kubeflow takes components of equal containers for one another.\n"
    spec.copy("last", text=status, script=own, dependentTasks=["inner"], triggerPolicy=policy)
    result = run(spec, tmp_path, backend=backend)
    told = json.loads(text(result, "last"))
    well = {"vertex": "SUCCEEDED", "kubeflow": "COMPLETE"}[backend]
    assert (told["state"], told["pipelineTaskName"]) == ("FAILED" if fails else well, "inner")
    inner = {"inner/a": "failed", "inner/b": "skipped", "inner": "failed"}
    assert states(result) == {**(inner if fails else dict.fromkeys(inner, "done")), "last": "done"}


def test_a_nested_dag_takes_parameters_and_artifacts_and_hands_its_own_on(tmp_path):
    spec = Spec(word={"parameterType": "STRING"})
    spec.copy("a", text=parameter("word"))
    spec.copy("b", text=parameter("inner_word"))
    spec.tasks["b"]["inputs"]["artifacts"]["from_a"] = {"componentInputArtifact": "inner_model"}
    args = spec.spec["deploymentSpec"]["executors"]["b_executor"]["container"]["args"]
    args.append("{{$.inputs.artifacts['from_a'].uri}}")
    made = {"producerSubtask": "b", "outputArtifactKey": "made"}
    spec.nest("inner", "b", artifacts={"made": {"artifactSelectors": [made]}})
    spec.tasks["inner"]["inputs"] = {
        "parameters": {"inner_word": parameter("word")}, "artifacts": {"inner_model": taken("a")},
    }  # fmt: skip
    spec.copy("c", "inner", text=constant("!"))
    assert text(run(spec, tmp_path, parameters={"word": "ant"}), "c") == "antant!"


@BOTH
@pytest.mark.parametrize(("least", "state"), [(1.0, "done"), (1.5, "not triggered")])
def test_a_condition_on_an_artifact_decides_and_what_lies_behind_waits_for_it(tmp_path, backend, least, state):
    condition = f"inputs.artifacts['from_a'].artifacts[0].metadata['good'] >= {least}"
    spec = chain()
    spec.tasks["b"]["triggerPolicy"] = {"condition": condition}
    spec.copy("c", "b")
    result = run(spec, tmp_path, backend=backend)
    assert states(result) == {"a": "done", "b": state, "c": "done" if state == "done" else "skipped"}
    assert result.ok


def test_an_optional_parameter_that_nobody_gives_is_left_out_and_a_component_s_default_stands(tmp_path):
    spec = Spec(word={"parameterType": "STRING", "isOptional": True})
    spec.copy("a", text=parameter("word"))
    declared = spec.spec["components"]["a"]["inputDefinitions"]["parameters"]["text"]
    declared["isOptional"] = True
    assert text(run(spec, tmp_path), "a") == ""
    declared["defaultValue"] = "moth"
    assert text(run(spec, tmp_path), "a") == "moth"


@BOTH
def test_output_values_keep_their_type_and_reach_the_next_task(tmp_path, backend):
    spec = Spec()
    write = {
        "image": "none",
        "command": ["sh", "-c", "echo 0.75 > $0"],
        "args": ["{{$.outputs.parameters['score'].output_file}}"],
    }
    spec.container("a", write, made={"score": {"parameterType": "NUMBER_DOUBLE"}})
    score = {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "score"}}
    read = {"image": "none", "command": ["sh", "-c", "test $0 = 0.75"], "args": ["{{$.inputs.parameters['score']}}"]}
    spec.container("b", read, parameters={"score": score}, typed="NUMBER_DOUBLE")
    result = run(spec, tmp_path, backend=backend)
    assert result["a"].parameters == {"score": 0.75}
    assert states(result) == {"a": "done", "b": "done"}
    spec.spec["components"]["b"]["inputDefinitions"]["parameters"]["score"]["parameterType"] = "BOOLEAN"
    assert (
        run(spec, tmp_path, backend=backend)["b"].error
        == {
            "vertex": "parameter score is 0.75, wanted BOOLEAN.",
            "kubeflow": 'input parameter "score" type mismatch: expect BOOLEAN, got 0.75',
        }[backend]
    )


@pytest.mark.parametrize("uri", ["constant", "runtimeParameter"])
def test_an_importer_takes_its_address_as_a_constant_or_from_its_input(tmp_path, uri):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x.txt").write_text("kept")
    spec = Spec(place={"parameterType": "STRING", "defaultValue": str(tmp_path / "kept")})
    spec.container("a", {}, parameters={"uri": parameter("place")}, outputs={"made": MODEL})
    address = {"constant": str(tmp_path / "kept")} if uri == "constant" else {"runtimeParameter": "uri"}
    importer = {"artifactUri": address, "typeSchema": MODEL["artifactType"], "metadata": {"good": 1.0}}
    spec.spec["deploymentSpec"]["executors"]["a_executor"] = {"importer": importer}
    spec.copy("b", "a")
    result = run(spec, tmp_path / "work")
    assert text(result, "b") == "kept"
    assert result["a"].artifacts["made"][0]["metadata"] == {"good": 1.0}


def test_each_task_is_reported_as_it_ends_and_the_table_shows_state_and_fault(tmp_path):
    told = []
    result = run(chain(script=FAIL), tmp_path, report=told.append)
    assert [(each.task, each.state) for each in told] == [("a", "failed"), ("b", "skipped")]
    assert told[0].seconds > 0
    columns = [[str(cell) for cell in column.cells] for column in ir_runner.table(result).columns]
    assert columns[0] == ["a", "b"]
    assert "failed" in columns[1][0] and "skipped" in columns[1][1]
    assert columns[3][0].startswith("exit code 1: no disk for this (")


def test_a_second_run_in_the_same_folder_is_refused_while_one_is_at_work(tmp_path):
    def another(_: ir_runner.TaskRun) -> None:
        with pytest.raises(CompiledRunError, match="another run is at work"):
            run(chain(), tmp_path)

    assert run(chain(), tmp_path, report=another).ok
