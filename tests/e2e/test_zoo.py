"""Two variants are added to a run that has one: the first is made to fail, the second goes through all the same."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from components.evaluation import tfma_module as evaluations
from components.release import bundle
from components.zoo import bundles
from pipeline import lineage
from pipeline.release import verify
from tests import browser
from tests.components.release.test_signature import write_keys
from tests.e2e.conftest import WholeRun, mobilenet

pytestmark = pytest.mark.e2e

SHARED = {"ImageNetExampleGen", "IngestionReport", "StatisticsGen", "LabelSchema", "ExampleValidator", "DataGate"}


@dataclass(frozen=True)
class Added:
    """The run, in a work directory of its own that knows what the first one made."""

    workdir: Path
    done: subprocess.CompletedProcess
    nodes: dict[str, lineage.NodeRun]

    @property
    def models(self) -> Path:
        return self.workdir / "models"


@pytest.fixture(scope="module")
def added(whole_run: WholeRun, tmp_path_factory) -> Added:
    workdir = tmp_path_factory.mktemp("zoo") / "runs"
    workdir.mkdir()
    shutil.copyfile(whole_run.workdir / "metadata.sqlite", workdir / "metadata.sqlite")
    (workdir / "artifacts" / "FloatTrainer-w025-r48").mkdir(parents=True)
    (workdir / "artifacts" / "FloatTrainer-w025-r48" / "resume").write_text("Where its checkpoints would go.")
    chosen = ("--variants", "0.25_32,0.25_48,0.25_40", "--recipe", "tiny", "--seed", "3")
    key, _ = write_keys(workdir.parent, "key", ec.generate_private_key(ec.SECP256R1()))
    done = mobilenet("run", "--data", whole_run.data, "--workdir", workdir, *chosen, "--sign", key)
    return Added(workdir, done, lineage.last_run(workdir / "metadata.sqlite"))


def test_what_was_there_is_neither_ingested_nor_trained_again(added: Added):
    cached = {name for name, node in added.nodes.items() if node.state == "cached"}
    kinds = ("FloatTrainer", "QatTrainer", "TFLiteConverter", "Evaluator", "BundleBuilder")
    assert cached == SHARED | {f"{kind}-w025-r32" for kind in kinds}  # The rest knows the destination, a new one.


def test_a_branch_that_failed_is_named_stops_no_other_and_the_exit_code_is_1(added: Added):
    assert added.done.returncode == 1, added.done.stdout
    assert "Branch 2 of 3: 0.25_48" in added.done.stdout
    assert "Error: 0.25_48: FloatTrainer-w025-r48 failed: " in added.done.stderr
    assert added.nodes["FloatTrainer-w025-r48"].state == "failed"
    assert "QatTrainer-w025-r48" not in added.nodes
    for variant in ("0.25_32", "0.25_40"):
        assert bundle.verify(added.models / variant / "1") == []
        assert f"{variant}: Blessed and pushed: {added.models / variant / '1'}" in added.done.stdout
        assert (added.workdir / f"report_{variant}.html").is_file()


def test_what_was_pushed_is_signed_with_the_runs_key_of_which_ml_metadata_knows_nothing(added: Added):
    for variant in ("0.25_32", "0.25_40"):
        assert verify.faults(added.models / variant / "1", added.workdir.parent / "key.pub.pem") == []
        assert f"{added.models / variant / '1'} (signed)" in added.done.stdout
    assert b"key.pem" not in (added.workdir / "metadata.sqlite").read_bytes()


def test_the_last_screen_has_every_branch_with_its_scores(added: Added):
    rows = {line.split("│")[1].strip(): line for line in added.done.stdout.splitlines() if line.startswith("│")}
    assert list(rows) == ["0.25_32", "0.25_48", "0.25_40"]
    assert "failed" in rows["0.25_48"]
    for variant, branch in (("0.25_32", "w025-r32"), ("0.25_40", "w025-r40")):
        scores = evaluations.read(str(added.nodes[f"Evaluator-{branch}"].outputs["evaluation"].uri))
        for model in (scores.baseline, scores.candidate):
            assert f"{model.top1:.2%}" in rows[variant]


def test_the_zoos_table_is_of_the_files_that_were_pushed_with_the_counts_of_their_evaluations(added: Added):
    page = added.nodes["ZooReport"].outputs["html"]
    zoo = bundles.load(added.models / "zoo" / "zoo.json")
    assert page.uri.with_name("zoo.json").read_bytes() == (added.models / "zoo" / "zoo.json").read_bytes()
    assert sorted(model.name for model in zoo.models) == [
        "0.25_32 float", "0.25_32 int8", "0.25_40 float", "0.25_40 int8",
    ]  # fmt: skip
    for model in zoo.models:
        branch = f"w025-r{model.resolution}"
        evaluation = evaluations.read(str(added.nodes[f"Evaluator-{branch}"].outputs["evaluation"].uri))
        scores = evaluation.candidate if model.kind == "int8" else evaluation.baseline
        assert (model.top1, model.top5, model.pictures) == (scores.top1, scores.top5, 500)
        assert (model.top1_low, model.top1_high) == scores.top1_interval
        assert model.bytes == (added.models / model.folder / model.file).stat().st_size
    with browser.launched() as chromium, browser.opened(chromium, page.uri) as seen:
        assert (seen.requests, seen.complaints) == ([], [])
        assert seen.page.locator("table.models tbody tr").count() == 4


def test_choose_gives_the_one_of_the_highest_int8_top1(added: Added):
    done = mobilenet("choose", "--zoo", added.models, "--max-bytes", "1M", "--json")
    chosen = json.loads(done.stdout)["chosen"]
    models = [model for model in bundles.read(added.models).models if model.kind == "int8"]
    assert (done.returncode, chosen["top1"]) == (0, max(model.top1 for model in models))
