"""A run that begins with a TF1 checkpoint: the one of the shared run's own bundle, whose scores are known."""

import pytest

from components.evaluation import tfma_module as evaluations
from components.evaluation.scores import Evaluation
from components.release import bundle
from pipeline import lineage
from tests.e2e.conftest import WholeRun, arguments, mobilenet

pytestmark = pytest.mark.e2e


def _scores(workdir) -> Evaluation:
    run = lineage.last_run(workdir / "metadata.sqlite")
    return evaluations.read(str(run["Evaluator-w025-r32"].outputs["evaluation"].uri))


def test_a_checkpoint_stands_where_float_training_stood_with_its_scores_to_the_digit(whole_run: WholeRun, tmp_path):
    checkpoint = whole_run.workdir / "models" / "0.25_32" / "1" / "mobilenet_v1_0.25_32.ckpt"
    done = mobilenet(*arguments(whole_run.data, tmp_path / "runs"), "--float-checkpoint", checkpoint)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "the float model was imported from mobilenet_v1_0.25_32.ckpt (" in done.stdout
    run = lineage.last_run(tmp_path / "runs" / "metadata.sqlite")
    assert {"CheckpointImporter-w025-r32", "QatTrainer-w025-r32"} <= set(run)
    assert "FloatTrainer-w025-r32" not in run
    trained, imported = _scores(whole_run.workdir), _scores(tmp_path / "runs")
    assert imported.baseline.top1_count == trained.baseline.top1_count
    assert imported.baseline.top5_count == trained.baseline.top5_count
    assert (imported.baseline.confusion == trained.baseline.confusion).all()
    assert bundle.verify(tmp_path / "runs" / "models" / "0.25_32" / "1") == []
