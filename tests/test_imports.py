"""Imports point one way, trainer ← components ← pipeline: held over the sources by ast, so nothing has to import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "trainer": {"trainer"},
    "components": {"trainer", "components"},
    "pipeline": {"trainer", "components", "pipeline"},
}
COMMAND_LINE = {"typer", "click", "rich"}
DEVELOPMENT = {"pytest", "hypothesis", "tests", "proof", "benchmarks"}
SOURCES = [path.relative_to(ROOT) for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
every_source = pytest.mark.parametrize("path", SOURCES, ids=str)


def imported(source: str, *, package: str) -> set[str]:
    """Top-level names of the modules that a file of `package` imports: anywhere, relatively, or by a literal name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(package if node.level else str(node.module))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names.add(ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else "")
    return {name.partition(".")[0] for name in names}


def imported_by(path: Path) -> set[str]:
    return imported((ROOT / path).read_text(encoding="utf-8"), package=path.parts[0])


@every_source
def test_a_package_imports_only_itself_and_what_lies_under_it(path):
    assert imported_by(path) & MAY_IMPORT.keys() <= MAY_IMPORT[path.parts[0]]


@every_source
def test_what_runs_on_a_node_never_imports_the_command_line(path):
    forbidden = DEVELOPMENT if path.parts[0] == "pipeline" else DEVELOPMENT | COMMAND_LINE
    assert imported_by(path).isdisjoint(forbidden)


def test_the_trainer_knows_of_tfx_in_task_alone():
    assert {path.name for path in SOURCES if path.parts[0] == "trainer" and "tfx" in imported_by(path)} <= {"task.py"}


def test_an_import_is_seen_wherever_it_stands():
    source = """
import os.path, trainer.keras
def f():
    from pipeline.cli import main
    importlib.import_module("rich.table")
    from . import sibling
"""
    assert imported(source, package="components") == {"os", "trainer", "pipeline", "rich", "components"}
