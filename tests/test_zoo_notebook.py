"""notebooks/zoo.ipynb on a zoo and a real kernel: its table, its charts as pictures, its choice."""

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.components.zoo.zoo_folder import push

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> list[nbformat.NotebookNode]:
    """Those of code, with their outputs."""
    base = tmp_path_factory.mktemp("models")
    push(base, "0.25_32", top1=(350, 340), latency=(0.20, 0.12))
    push(base, "0.50_32", top1=(400, 395), size=1_200_000)
    notebook = nbformat.read(NOTEBOOKS / "zoo.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILENET_ZOO", str(base))
        folder = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _shown(cell: nbformat.NotebookNode, mime: str) -> list[str]:
    return [output.data[mime] for output in cell.outputs if mime in output.get("data", {})]


def test_its_table_has_every_model_and_no_cell_makes_a_noise(cells):
    assert {output.output_type for cell in cells for output in cell.outputs} <= {"execute_result", "display_data"}
    table = "".join(found for cell in cells for found in _shown(cell, "text/html"))
    for text in ("0.25_32 float", "0.25_32 int8", "0.50_32 float", "68.00 (63.8 to 71.9)", "1,200,000"):
        assert text in table


def test_its_three_charts_are_pictures_of_more_than_one_colour(cells):
    charts = [cell for cell in cells if "chart" in cell.metadata.get("tags", [])]
    assert len(charts) == 3
    for cell in charts:
        [encoded] = _shown(cell, "image/png")
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def test_its_choice_keeps_the_budget(cells):
    said = "".join(text for cell in cells[-2:] for text in _shown(cell, "text/plain"))
    assert "Candidate(variant='0.25_32', top1=0.68" in said
    assert "('0.50_32', 'size 1,200,000 bytes, wanted at most 1,000,000 bytes')" in said.replace("\n", "").replace(
        "  ", " "
    )
