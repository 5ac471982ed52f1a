"""The compiled file of the real DAG, run in this process as each backend would: the same counts as `mobilenet run`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.evaluation import tfma_module as evaluations
from components.evaluation.scores import Evaluation
from components.release import bundle, gcs_path
from components.zoo import bundles
from pipeline import lineage
from pipeline.branch import Branch
from pipeline.compiled import compiler
from pipeline.compiled.compiled_file import Compiled
from pipeline.emulator import runner as ir_runner
from tests import storage_server
from tests.e2e.conftest import WholeRun

pytestmark = pytest.mark.e2e

BRANCH = "branches/Variant-w025-r32"
NODE = f"{BRANCH}/{{}}"
PUSHER = NODE.format("Pusher")
DAGS = {"branches", BRANCH}  # A DAG is never cached: it is done when its tasks are.


@dataclass(frozen=True)
class Compared:
    """A compiled file that has run once."""

    file: Compiled
    workdir: Path
    data: Path
    first: ir_runner.RunResult

    def again(self, **parameters: Any) -> ir_runner.RunResult:
        return run(self.file, self.workdir, self.data, **parameters)

    @property
    def pushed(self) -> list[Path]:
        return sorted((self.workdir / "models" / "0.25_32").glob("[0-9]*"))


def run(file: Compiled, workdir: Path, data: Path, *, backend: Any = "vertex", **parameters) -> ir_runner.RunResult:
    given = {"data": str(data), "push_destination": str(workdir / "models"), **parameters}
    result = ir_runner.run(file, parameters=given, workdir=workdir, in_process=True, backend=backend)
    assert result.ok, [f"{each.task}: {each.error}, see {each.log}" for each in result.failed]
    return result


@pytest.fixture(scope="module")
def file() -> Compiled:
    return compiler.compile_pipeline(compiler.DEFAULTS, [Branch.of("0.25_32", "tiny", seed=3)])


@pytest.fixture(scope="module")
def vertex(file, part_of_the_sample, tmp_path_factory) -> Compared:
    workdir = tmp_path_factory.mktemp("vertex")
    return Compared(file, workdir, part_of_the_sample, run(file, workdir, part_of_the_sample))


def test_as_on_vertex_it_pushes_a_whole_bundle_with_the_counts_of_the_local_run(vertex: Compared, whole_run: WholeRun):
    assert len(vertex.first.in_state("done") - DAGS) == 15
    assert [bundle.verify(folder) for folder in vertex.pushed] == [[]]
    assert_same_counts(whole_run, vertex.first)
    assert_page_and_metrics(vertex.first)
    links = [path for path in (vertex.workdir / "root").rglob("*") if path.is_symlink()]
    assert not links, "Kubeflow's launcher loses what lies behind one, or fails the task"
    zoo = bundles.load(vertex.workdir / "models" / "zoo" / "zoo.json")
    assert [model.name for model in zoo.models] == ["0.25_32 float", "0.25_32 int8"]


def test_the_second_run_is_served_from_cache_and_the_pusher_finds_its_bundle_there(vertex: Compared):
    again = vertex.again()
    assert again.in_state("done") - DAGS == {PUSHER, "ZooReport"}  # They have no cache: they look at what lies there.
    assert len(again.in_state("cached")) == 13
    assert len(vertex.pushed) == 1


def test_another_floor_runs_the_gate_and_what_waits_for_it_alone(vertex: Compared):
    again = vertex.again(floor=0.999)
    ran = again.in_state("done") - DAGS
    assert ran == {NODE.format("AccuracyGate"), NODE.format("ReportBuilder"), PUSHER, "ZooReport"}
    [blessing] = again[NODE.format("AccuracyGate")].artifacts["blessing"]
    assert blessing["metadata"]["blessed"] == 0
    assert "99.9" in blessing["metadata"]["reason"]
    assert len(vertex.pushed) == 1


def test_as_on_kubeflow_it_ends_the_same_way_though_each_node_sees_its_own_artifacts_alone(
    file, part_of_the_sample, tmp_path, whole_run: WholeRun, monkeypatch
):
    result = run(file, tmp_path, part_of_the_sample, backend="kubeflow")
    assert_same_counts(whole_run, result)
    assert_page_and_metrics(result)
    assert bundle.verify(tmp_path / "models" / "0.25_32" / "1") == []
    assert list((tmp_path / "pods").iterdir()) == []
    assert_pushed_to_a_bucket(file, tmp_path, part_of_the_sample, monkeypatch)


def assert_pushed_to_a_bucket(file: Compiled, workdir: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a node of Kubeflow's, whose launcher takes no output beyond the run's root."""
    with storage_server.serving(monkeypatch) as storage:
        again = run(file, workdir, data, backend="kubeflow", push_destination="gs://models/out")
        assert bundle.verify(gcs_path.place("gs://models/out/0.25_32/1")) == []
    assert {"out/0.25_32/latest", "out/zoo/zoo.json"} <= set(storage.objects)
    [pushed] = again[PUSHER].artifacts["pushed_model"]
    assert pushed["metadata"]["pushed_destination"] == "gs://models/out/0.25_32/1"
    assert pushed["uri"].startswith("minio://mlpipeline/v2/artifacts/")
    assert NODE.format("QatTrainer") in again.in_state("cached")


def assert_page_and_metrics(result: ir_runner.RunResult) -> None:
    """As the backends' pages draw them: the page's address is its file, the numbers are the artifacts' metadata."""
    report = result[NODE.format("ReportBuilder")]
    [page], [metrics], [matrix] = (report.artifacts[name] for name in ("html", "metrics", "classification_metrics"))
    assert page["uri"].endswith("/html/report.html")
    assert report.folders["html"].read_text(encoding="utf-8").startswith("<!doctype html>")
    scores = evaluations.read(str(result[NODE.format("Evaluator")].folders["evaluation"])).candidate
    assert metrics["metadata"]["int8_top1"] == scores.top1
    shown = matrix["metadata"]["confusionMatrix"]
    assert [spec["displayName"] for spec in shown["annotationSpecs"]][:2] == ["ankle_boot", "bag"]
    np.testing.assert_array_equal([row["row"] for row in shown["rows"]], scores.confusion[1:, 1:])


def assert_same_counts(whole_run: WholeRun, result: ir_runner.RunResult) -> None:
    """Of both models, and of the classes."""
    local = lineage.last_run(whole_run.workdir / "metadata.sqlite")["Evaluator-w025-r32"].outputs["evaluation"]
    ours = result[NODE.format("Evaluator")].folders["evaluation"]
    theirs, mine = evaluations.read(str(local.uri)), evaluations.read(str(ours))
    for model in ("baseline", "candidate"):
        assert_same(theirs, mine, model)


def assert_same(theirs: Evaluation, mine: Evaluation, model: str) -> None:
    a, b = getattr(theirs, model), getattr(mine, model)
    assert (a.pictures, a.top1_count, a.top5_count) == (b.pictures, b.top1_count, b.top5_count)
    np.testing.assert_array_equal(a.confusion, b.confusion)
    assert a.cross_entropy == pytest.approx(b.cross_entropy, abs=1e-6)
