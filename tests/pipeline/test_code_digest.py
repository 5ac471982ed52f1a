"""The digest of a node's source changes with what the node computes, and with nothing else."""

import re
import shutil
from pathlib import Path

import pytest

from pipeline import code_digest

NODES = (
    "trainer.task",
    "components.ingestion.example_gen",
    "components.ingestion.report",
    "components.ingestion.label_schema",
    "components.ingestion.data_gate",
    "components.conversion.checkpoint_importer",
    "components.conversion.tflite_converter",
    "components.evaluation.tfma_module",
    "components.gate.accuracy_gate",
    "components.report.report_builder",
    "components.release.bundle_builder",
    "components.release.pusher",
    "components.zoo.zoo_report",
)


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A copy of the packages that a test may edit."""
    for package in ("trainer", "components"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(code_digest.ROOT / package, tmp_path / package, ignore=ignored)
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    return tmp_path


def _digests() -> dict[str, str]:
    return {node: code_digest.digest(node, stack=False) for node in NODES}


def _changed(before: dict[str, str]) -> set[str]:
    return {node for node, digest in _digests().items() if digest != before[node]}


def test_other_words_change_no_digest(tree):
    """A comment, a docstring and blank lines in each module of ours, other docstrings of functions."""
    before = _digests()
    added = ["", "# Comment.", '"""Other words."""', "if TYPE_CHECKING:", "    import trainer.training.loop", ""]
    for file in tree.rglob("*.py"):
        text = re.sub(r'(?m)^( +)""".+"""$', r'\1"""Other words."""', file.read_text(encoding="utf-8"))
        lines = text.splitlines()
        behind = next((place for place, line in enumerate(lines) if line.startswith("from __future__")), -1) + 1
        lines[behind:behind] = added
        file.write_text("\n".join(lines) + "\n\n# The end.\n", encoding="utf-8")
    assert _changed(before) == set()


def test_a_constant_changes_the_digests_of_the_nodes_that_reach_its_module_and_no_others(tree):
    before = _digests()
    reached = {node: code_digest.reached(node) for node in NODES}
    for name in sorted(set().union(*reached.values())):
        path = tree.joinpath(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\nEDITED = 1\n", encoding="utf-8")
        assert _changed(before) == {node for node in NODES if name in reached[node]}, name
        file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.875", "0.876"), ("decode(encoded)", "decode(encoded[1:])"), ("<", "<=")],
    ids=["number", "expression", "comparison"],
)
def test_what_preprocessing_computes_is_in_the_trainers_digest(tree, old, new):
    before = _digests()
    files = [tree / "trainer" / f"{name}.py" for name in ("imagenet", "preprocessing")]
    for file in files:
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert "trainer.task" in _changed(before)


@pytest.mark.parametrize(
    "module",
    [
        "trainer/slim/checkpoint.py", "trainer/slim/checkpoint_names.py", "trainer/slim/released_archive.py",
        "trainer/slim/download.py", "trainer/training/reporter.py", "trainer/training/curves.py",
        "trainer/tflite/metadata.py", "trainer/recipes/sample.py",
        "components/gate/accuracy_gate.py", "components/report/charts.py", "components/ingestion/ingest.py",
    ],
)  # fmt: skip
def test_no_trainer_trains_anew_for_what_does_not_train(tree, module):
    before = _digests()
    file = tree / module
    file.write_text(file.read_text(encoding="utf-8") + "\nEDITED = 1\n", encoding="utf-8")
    assert "trainer.task" not in _changed(before)


def test_a_trainer_reaches_the_network_its_data_and_its_training_and_no_more():
    packages = {".".join(name.split(".")[:2]) for name in code_digest.reached("trainer.task")}
    assert packages.isdisjoint({"trainer.slim", "trainer.tflite", "trainer.recipes", "trainer.features"})
    assert all(name.startswith("trainer") for name in packages)


@pytest.mark.parametrize("file", ["template/page.html", "template/page.js"])
def test_the_pages_template_builds_the_pages_anew_and_nothing_else(tree, file):
    before = _digests()
    with (tree / "components" / "report" / file).open("a") as text:
        text.write("\n")
    assert _changed(before) == {"components.report.report_builder", "components.zoo.zoo_report"}


@pytest.mark.parametrize("one, other", [('f"a {x}" "b"', 'f"a {x}b"'), ('"a" "b"', '"ab"'), ("(1, 2,)", "1, 2")])
def test_two_ways_to_write_one_thing_are_one(one, other):
    assert code_digest._meaning(f"y = {one}") == code_digest._meaning(f"y = {other}")


@pytest.mark.parametrize("one, other", [("1", "True"), ("1", "1.0"), ("0", "False"), ("'a'", "b'a'"), ("None", "...")])
def test_two_values_that_are_equal_or_alike_are_two(one, other):
    assert code_digest._meaning(f"y = {one}") != code_digest._meaning(f"y = {other}")
