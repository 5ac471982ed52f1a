"""The notebooks run as they are, from the first cell to the last. On a kernel and a run: tests/e2e/test_notebook.py."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
every_notebook = pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run(path: Path) -> dict[str, Any]:
    """All names that the cells leave behind."""
    names: dict[str, Any] = {}
    for number, cell in enumerate(code_cells(path)):
        exec(compile("".join(cell["source"]), f"{path.name}, code cell {number}", "exec"), names)
    return names


def test_building_on_it_gives_vectors_boxes_and_masks(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = run(NOTEBOOKS / "building_on_it.ipynb")
    assert names["vectors"].shape == (len(names["files"]), 256) == (5, 256)
    assert names["vectors"].any()
    shapes = {"Conv2d_11_pointwise": (None, 6, 6, 24), "Conv2d_13_pointwise": (None, 3, 3, 24)}
    assert names["detector"].output_shape == shapes
    assert tuple(names["masks"].shape) == (1, 96, 128, 21)
    assert len(names["points"]) == 30
    assert names["stem"].output_shape == (None, 32, 32, 8)


def test_model_analysis_without_a_run_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILENET_WORKDIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no run in .*: make one with `make run`, or set MOBILENET_WORKDIR"):
        run(NOTEBOOKS / "model_analysis.ipynb")
    assert list(tmp_path.iterdir()) == []


@every_notebook
def test_notebooks_define_nothing_and_are_committed_without_their_outputs(path):
    cells = code_cells(path)
    assert len(cells) > 1
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    lines = [line.lstrip() for cell in cells for line in "".join(cell["source"]).splitlines()]
    assert not [line for line in lines if line.startswith(("def ", "class "))]
