"""Kubeflow's ways: what a node is told of its inputs, what its pod holds, what is kept of it."""

import json
from typing import Any

import pytest

from pipeline.emulator import runner as ir_runner
from pipeline.emulator.result import CompiledRunError
from tests.pipeline.emulator.specs import COPY, FAIL, MODEL, Spec, constant

LOOK = """
import pathlib, os, sys
root = pathlib.Path(sys.argv[2].split("/minio/")[0])
print("CALL", sys.argv[1])
print("FILES", sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()))
"""


def run(spec: Spec, workdir, *, platform=None) -> ir_runner.RunResult:
    return ir_runner.run(spec.compiled(platform), parameters={}, workdir=workdir, backend="kubeflow")


def look(workdir, task: str) -> tuple[dict[str, Any], list[str]]:
    """The ExecutorInput that a task got, and the files of its pod when it started."""
    lines = dict(line.split(" ", 1) for line in (workdir / "logs" / f"{task}.log").read_text().splitlines())
    return json.loads(lines["CALL"]), json.loads(lines["FILES"].replace("'", '"'))


def test_input_artifacts_come_with_an_empty_type_and_with_what_ml_metadata_made_of_their_properties(tmp_path):
    told = '{"uri": made["uri"], "metadata": {"yes": True, "names": ["a"], "record": {"b": 1}}}'
    spec = Spec()
    spec.copy("a", script=COPY.replace('{"uri": made["uri"], "metadata": {"letters": len(texts), "good": 1.0}}', told))
    spec.copy("b", "a", script=LOOK + COPY)
    run(spec, tmp_path)
    call, _ = look(tmp_path, "b")
    [artifact] = call["inputs"]["artifacts"]["from_a"]["artifacts"]
    assert set(artifact) == {"name", "uri", "type", "metadata"}
    assert artifact["type"] == {"instanceSchema": ""}
    assert artifact["name"].isdigit()
    session = artifact["metadata"].pop("store_session_info")
    assert json.loads(session)["Provider"] == "minio"
    wrapped = {"yes": 1, "names": {"list": ["a"]}, "record": {"struct": {"b": 1}}, "display_name": "made"}
    assert artifact["metadata"] == wrapped


def test_a_property_that_is_null_fails_the_task_as_the_launcher_does(tmp_path):
    spec = Spec()
    spec.copy("a", script=COPY.replace('"good": 1.0', '"good": None'))
    failed = run(spec, tmp_path)["a"]
    assert (failed.state, failed.error) == ("failed", "output made has null as good, which Kubeflow does not record.")


def test_on_vertex_the_type_stays_and_the_name_is_a_resource(tmp_path):
    spec = Spec()
    spec.copy("a")
    spec.copy("b", "a", script=LOOK + COPY)
    ir_runner.run(spec.compiled(), parameters={}, workdir=tmp_path)
    lines = (tmp_path / "logs" / "b.log").read_text().splitlines()
    [artifact] = json.loads(lines[0].removeprefix("CALL "))["inputs"]["artifacts"]["from_a"]["artifacts"]
    assert artifact["type"] == MODEL["artifactType"]
    assert artifact["name"].rsplit("/", 1)[0] == "projects/1/locations/here/metadataStores/default/artifacts"


def test_a_pod_holds_its_own_inputs_alone_and_is_gone_afterwards(tmp_path):
    spec = Spec()
    spec.copy("a", text=constant("ant"))
    spec.copy("other", text=constant("cow"))
    spec.copy("b", "a", script=LOOK + COPY, dependentTasks=["other"])
    result = run(spec, tmp_path)
    assert result.ok
    call, files = look(tmp_path, "b")
    uri = call["inputs"]["artifacts"]["from_a"]["artifacts"][0]["uri"]
    assert files == [f"{uri.replace('://', '/')}/made.txt"]
    assert list((tmp_path / "pods").iterdir()) == []


def test_an_input_cannot_be_changed_for_others(tmp_path):
    spec = Spec()
    spec.copy("a", text=constant("ant"))
    spoil = "p = next(pathlib.Path(sys.argv[3]).glob('*'))\np.unlink()\np.write_text('spoiled')\n"
    spec.copy("b", "a", script="import pathlib, sys\n" + spoil + COPY)
    spec.copy("c", "a", dependentTasks=["b"])
    result = run(spec, tmp_path)
    assert (result["b"].folders["made"] / "made.txt").read_text() == "spoiled"
    assert (result["c"].folders["made"] / "made.txt").read_text() == "ant"


def test_addresses_are_kubeflow_s_and_the_log_is_an_output_kept_of_a_failed_task_too(tmp_path):
    spec = Spec()
    spec.copy("a", script="print('hello')\n" + COPY)
    spec.copy("b", script=FAIL)
    result = run(spec, tmp_path)
    made = result["a"].artifacts["made"][0]["uri"].split("/")
    assert made[:5] == ["minio:", "", "mlpipeline", "v2", "artifacts"]
    assert made[5:8] + made[9:] == ["small", "1", "a", "made"]
    logs = result["a"].artifacts["executor-logs"][0]
    assert logs["type"] == {"schemaTitle": "system.Artifact"}
    assert result["a"].folders["executor-logs"].read_text() == "hello\n"
    [failed] = (tmp_path / "minio").rglob("b/*/executor-logs-0")
    assert failed.read_text() == "no disk for this\n"
    assert [path.name for path in (tmp_path / "minio").rglob("b/*/*")] == ["executor-logs-0"]


def test_a_volume_must_be_a_folder_of_this_machine(tmp_path):
    spec = Spec()
    spec.copy("a")

    def mounted(path, claim: str = "pictures") -> dict[str, Any]:
        executor = {"pvcMount": [{"constant": claim, "mountPath": str(path)}]}
        return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"a_executor": executor}}}}}

    with pytest.raises(CompiledRunError, match=r"no folder: .*/pictures of a_executor. Make these folders"):
        run(spec, tmp_path / "work", platform=mounted(tmp_path / "pictures"))
    (tmp_path / "pictures").mkdir()
    assert run(spec, tmp_path / "work", platform=mounted(tmp_path / "pictures"))["a"].state == "done"
    # Another claim may hold other files: Kubeflow's key has the claims' names.
    again = [run(spec, tmp_path / "work", platform=mounted(tmp_path, claim))["a"] for claim in ("pictures", "others")]
    assert [each.state for each in again] == ["cached", "done"]


def test_an_importer_of_a_plain_path_fails_as_kubeflow_s_does(tmp_path):
    spec = Spec()
    spec.container("a", {}, outputs={"made": MODEL})
    importer = {"artifactUri": {"constant": str(tmp_path)}, "typeSchema": MODEL["artifactType"]}
    spec.spec["deploymentSpec"]["executors"]["a_executor"] = {"importer": importer}
    assert "Kubeflow imports from gs://, s3:// or minio:// alone" in run(spec, tmp_path / "work")["a"].error


@pytest.mark.parametrize(("scheme", "mount"), [("minio", "minio"), ("gs", "gcs"), ("s3", "s3")])
def test_an_importer_takes_from_any_store_and_the_pod_has_it_where_kubeflow_s_launcher_copies_it(
    tmp_path, scheme, mount
):
    kept = tmp_path / scheme / "bucket" / "kept"
    kept.mkdir(parents=True)
    (kept / "x.txt").write_text("kept")
    spec = Spec()
    spec.container("a", {}, outputs={"made": MODEL})
    importer = {"artifactUri": {"constant": f"{scheme}://bucket/kept"}, "typeSchema": MODEL["artifactType"]}
    spec.spec["deploymentSpec"]["executors"]["a_executor"] = {"importer": importer}
    spec.copy("b", "a", script=LOOK + COPY)
    result = run(spec, tmp_path)
    assert (result["b"].folders["made"] / "made.txt").read_text() == "kept"
    assert look(tmp_path, "b")[1] == [f"{mount}/bucket/kept/x.txt"]


def test_a_cache_key_that_the_task_chooses_stands_for_all_inputs(tmp_path):
    def spec(text: str) -> Spec:
        made = Spec()
        made.copy("a", text=constant(text), cachingOptions={"enableCache": True, "cacheKey": "always"})
        return made

    run(spec("ant"), tmp_path)
    second = run(spec("bee"), tmp_path)
    assert second["a"].state == "cached"
    assert (second["a"].folders["made"] / "made.txt").read_text() == "ant"
