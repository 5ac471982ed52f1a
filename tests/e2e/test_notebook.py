"""notebooks/model_analysis.ipynb on a real run and a real kernel: no cell fails, and every chart is a picture."""

import base64
import io

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from components.evaluation import tfma_module as evaluations
from pipeline import lineage
from tests.e2e.conftest import ROOT, WholeRun

pytestmark = pytest.mark.e2e

CHARTS = 6  # Changes, classes, confusion, calibration, slices, curves.


@pytest.fixture(scope="module")
def executed(whole_run: WholeRun) -> nbformat.NotebookNode:
    """All cells with their outputs."""
    notebook = nbformat.read(ROOT / "notebooks" / "model_analysis.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILENET_WORKDIR", str(whole_run.workdir))
        folder = {"metadata": {"path": str(ROOT / "notebooks")}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    return notebook


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: nbformat.NotebookNode, mime: str) -> list[str]:
    return [output.data[mime] for output in cell.outputs if mime in output.get("data", {})]


def test_every_cell_ran_without_an_error_and_without_noise(executed):
    assert [cell.execution_count for cell in code(executed)] == list(range(1, len(code(executed)) + 1))
    kinds = {output.output_type for cell in code(executed) for output in cell.outputs}
    assert kinds <= {"execute_result", "display_data"}


def test_every_chart_is_a_picture_of_more_than_one_colour(executed):
    charts = [cell for cell in code(executed) if "chart" in cell.metadata.get("tags", [])]
    assert len(charts) == CHARTS
    for cell in charts:
        [encoded] = shown(cell, "image/png")
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        assert len(pixels) > 300 * 100
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        assert len(colours) > 20
        assert counts.max() < 0.99 * len(pixels)


def test_the_tables_have_the_evaluations_numbers(executed, whole_run: WholeRun):
    run = lineage.last_run(whole_run.workdir / "metadata.sqlite")
    scores = evaluations.read(str(run["Evaluator-w025-r32"].outputs["evaluation"].uri))
    tables = "".join(table for cell in code(executed) for table in shown(cell, "text/html"))
    for counts in (scores.candidate, scores.baseline):
        assert f"{counts.top1:.2%} ({counts.top1_interval[0]:.2%} to " in tables
        assert f"<td>{counts.top1:.6f}</td>" in tables  # As TFMA reads it.
    assert f"<td>{scores.pairs.only_baseline.sum()}</td>" in tables
    assert f"{scores.pairs.agreement:.2%} predict the same class" in tables
