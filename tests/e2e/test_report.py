"""The page of a whole run: what `mobilenet run` left, and what the node left of it."""

import json
import re

import pytest

from components.evaluation import tfma_module as evaluations
from pipeline import lineage
from tests import browser
from tests.e2e.conftest import WholeRun, mobilenet

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def nodes(whole_run: WholeRun) -> dict[str, lineage.NodeRun]:
    return next(run for run in lineage.runs(whole_run.workdir / "metadata.sqlite") if len(run) == 15)


def test_in_chromium_it_shows_the_runs_own_numbers_and_complains_of_nothing(whole_run: WholeRun, nodes):
    evaluation = evaluations.read(str(nodes["Evaluator-w025-r32"].outputs["evaluation"].uri))
    with (
        browser.launched() as chromium,
        browser.opened(chromium, whole_run.workdir / "report.html") as seen,
    ):
        assert (seen.requests, seen.complaints) == ([], [])
        charts = seen.page.locator("[data-chart]")
        assert charts.count() == charts.locator("svg").count() == 7
        text = seen.page.inner_text("#main")
        for scores in (evaluation.candidate, evaluation.baseline):
            assert f"{scores.top1:.2%}".replace("%", " %") in text
        assert seen.page.locator(".dag g").count() == 15
        assert seen.page.locator("figure img").count() > 10
        assert seen.page.evaluate("[...document.images].every((each) => each.naturalWidth > 0)")


def test_its_lineage_has_the_digests_of_data_code_recipes_and_the_file(whole_run: WholeRun, nodes):
    text = (whole_run.workdir / "report.html").read_text()
    [described] = nodes["QatTrainer-w025-r32"].outputs["model"].uri.glob("Format-Serving/keras/model.json")
    for digest in json.loads(described.read_text())["digests"].values():
        assert digest in text
    assert evaluations.read(str(nodes["Evaluator-w025-r32"].outputs["evaluation"].uri)).sha256 in text
    assert str(whole_run.workdir) not in text.replace(str(whole_run.data), "")  # Places are named from there.


def test_the_command_says_where_and_nothing_else(whole_run: WholeRun, tmp_path):
    done = mobilenet("report", whole_run.workdir, "--variant", "0.25_32", "--output", tmp_path / "page.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'page.html'}\n", "")
    assert re.search(r"<title>MobileNetV1 0.25_32</title>", (tmp_path / "page.html").read_text())


def test_the_nodes_artifacts_are_the_page_and_numbers(nodes):
    outputs = nodes["ReportBuilder-w025-r32"].outputs
    assert outputs["html"].uri.name == "report.html"
    assert outputs["html"].uri.read_text().startswith("<!doctype html>")
    evaluation = evaluations.read(str(nodes["Evaluator-w025-r32"].outputs["evaluation"].uri))
    assert outputs["metrics"].properties["int8_top1"] == evaluation.candidate.top1
    assert outputs["metrics"].properties["float_top5"] == evaluation.baseline.top5
