"""The digest of a node's source changes with every file that the node runs, and with no other."""

import shutil

import pytest

from pipeline import code_digest


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of the packages that a test may edit."""
    for package in ("trainer", "components"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(code_digest.ROOT / package, tmp_path / package, ignore=ignored)
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "file", ["task", "loop", "schedule", "optimizer", "mobilenet_v1", "preprocessing", "quantization"]
)
def test_an_edit_of_a_file_that_trains_changes_the_trainers_digest(tree, file):
    before = code_digest.digest("trainer.task")
    with (tree / "trainer" / f"{file}.py").open("a") as text:
        text.write("# edited\n")
    assert code_digest.digest("trainer.task") != before


@pytest.mark.parametrize(
    "file", ["trainer/tflite/metadata.py", "trainer/recipes/sample.py", "components/gate/accuracy_gate.py"]
)
def test_an_edit_of_another_file_does_not(tree, file):
    before = code_digest.digest("trainer.task")
    with (tree / file).open("a") as text:
        text.write("# edited\n")
    assert code_digest.digest("trainer.task") == before


def test_the_ingestion_reports_wording_is_its_own_nodes_only(tree):
    others = (
        "trainer.task",
        "components.ingestion.example_gen",
        "components.ingestion.data_gate",
        "components.conversion.tflite_converter",
    )
    before = [code_digest.digest(module) for module in (*others, "components.ingestion.report")]
    with (tree / "components" / "components/ingestion/report.py").open("a") as text:
        text.write("# edited\n")
    after = [code_digest.digest(module) for module in (*others, "components.ingestion.report")]
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


@pytest.mark.parametrize("file", ["template/page.html", "template/page.js", "charts.py"])
def test_an_edit_of_the_page_builds_it_anew_and_nothing_else(tree, file):
    modules = ("components.gate.accuracy_gate", "components.release.bundle_builder", "components.report.report_builder")
    before = [code_digest.digest(module) for module in modules]
    with (tree / "components" / "report" / file).open("a") as text:
        text.write("\n")
    after = [code_digest.digest(module) for module in modules]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]


def test_a_component_carries_what_it_imports_of_the_trainer(tree):
    before = code_digest.digest("components.conversion.tflite_converter")
    with (tree / "trainer" / "trainer/tflite/converter.py").open("a") as text:
        text.write("# edited\n")
    assert code_digest.digest("components.conversion.tflite_converter") != before
