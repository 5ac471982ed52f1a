"""`mobilenet debug-quantization` and `tensorboard --latest` on a finished run: what the run itself recorded."""

import json

import pytest

from pipeline import lineage
from pipeline.analysis import tensorboard
from tests.e2e.conftest import WholeRun, mobilenet

pytestmark = pytest.mark.e2e


def test_of_a_work_directory_it_finds_what_the_converter_recorded_and_no_operator_that_departs(whole_run: WholeRun):
    done = mobilenet("debug-quantization", whole_run.workdir, "--pictures", "500", "--layers", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    folder = run["TFLiteConverter-w025-r32"].outputs["tflite"].uri / "Format-Serving"
    assert found["file"] == str(folder / "tflite")
    recorded = json.loads((folder / "conversion.json").read_text())["agreement"]
    assert found["agreement"] == pytest.approx(recorded)
    assert recorded["pictures"] == 500
    assert 0 < recorded["share_differing"] < 1
    assert found["first_departure"] is None
    assert max(row["alone_max_steps"] for row in found["layers"]) < 1.5
    assert found["layers"][-1]["mean_steps"] == pytest.approx(recorded["mean_steps"], abs=0.1)


def test_a_variant_that_the_run_does_not_have_is_an_error_that_names_those_it_has(whole_run: WholeRun):
    done = mobilenet("debug-quantization", whole_run.workdir, "--variant", "1.0_224")
    assert done.returncode == 1
    assert "has the variants w025-r32; got --variant 1.0_224" in done.stderr


def test_the_last_runs_trainings_are_named_after_their_nodes(whole_run: WholeRun):
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    found = tensorboard.of_last_run(whole_run.workdir)
    trainers = ("FloatTrainer-w025-r32", "QatTrainer-w025-r32")
    wanted = {
        f"{name}/{run[name].outputs['model_run'].uri.name}": run[name].outputs["model_run"].uri for name in trainers
    }
    assert found == wanted
