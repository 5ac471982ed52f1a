"""notebooks/pictures_to_phone.ipynb on a real kernel, its parameters changed as papermill does; the run is cached."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.conftest import ROOT, WholeRun
from trainer import tflite

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def workdir(whole_run: WholeRun, tmp_path_factory) -> Path:
    """The run's, but for what it pushed: a run in it takes all from the cache and pushes."""
    folder = tmp_path_factory.mktemp("phone") / "runs"
    shutil.copytree(whole_run.workdir, folder, ignore=shutil.ignore_patterns("models"))
    return folder


@pytest.fixture(scope="module")
def cells(whole_run: WholeRun, workdir: Path) -> list[nbformat.NotebookNode]:
    """Those of code, with their outputs; without the two of parameters."""
    notebook = nbformat.read(ROOT / "notebooks" / "pictures_to_phone.ipynb", as_version=4)
    [parameters] = [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    given = {"pictures": str(whole_run.data), "variant": "0.25_32", "recipe": "tiny", "options": "--seed 3"}
    lines = [f"{name} = {value!r}" for name, value in {**given, "workdir": str(workdir)}.items()]
    notebook.cells.insert(parameters + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    folder = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    return [cell for cell in notebook.cells[parameters + 2 :] if cell.cell_type == "code"]


def said(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs) + shown(cell, "text/plain")


def shown(cell: nbformat.NotebookNode, mime: str) -> str:
    return "".join(output.data[mime] for output in cell.outputs if mime in output.get("data", {}))


def cell_with(cells: list[nbformat.NotebookNode], source: str) -> nbformat.NotebookNode:
    [found] = [cell for cell in cells if source in cell.source]
    return found


def test_it_has_at_most_ten_cells_of_code(cells):
    assert len(cells) + 1 <= 10


def test_the_run_comes_from_the_cache_and_its_figures_are_the_releases(cells, workdir):
    assert said(cell_with(cells, "!{run}")).count("from cache") == 14  # All but the push.
    info = json.loads((workdir / "models" / "0.25_32" / "1" / "info.json").read_text(encoding="utf-8"))
    table = shown(cell_with(cells, 'info["results"]'), "text/html")
    for kind in ("float", "int8"):
        assert f"<td>{info['results'][kind]['top1']:.2%}</td>" in table


def test_it_verifies_and_times_the_release(cells):
    text = said(cell_with(cells, "!{verify}"))
    assert "whole" in text
    timed = [line for line in text.splitlines() if re.search(r"\d+\.\d{3} +\d+\.\d{3}", line)]
    assert len(timed) == 3  # The release's files: float, int8, uint8.


def test_the_file_for_the_phone_is_the_releases_own_and_has_its_labels(cells, workdir):
    release = workdir / "models" / "0.25_32" / "1"
    on_phone = workdir / "phone" / "classifier.tflite"
    assert on_phone.read_bytes() == (release / "mobilenet_v1_0.25_32_uint8.tflite").read_bytes()
    assert repr(tflite.Classifier(release).labels) in said(cell_with(cells, "shutil.copyfile(")).replace("\n ", "")


def test_bytes_in_and_bytes_out_give_the_classes_that_our_classifier_gives(cells):
    rows = re.findall(r"<td>(\w+)</td>\s*<td>(\w+)</td>\s*<td>(\w+)</td>", shown(cells[-1], "text/html"))
    assert len(rows) == 10
    assert sum(answer == guess for _, answer, guess in rows) >= 9  # A step of the input may turn one over.
    assert sum(picture == answer for picture, answer, _ in rows) >= 4  # Of ten; by chance one.
