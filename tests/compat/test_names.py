"""Names that people type or read in scripts: those of 0.1.0 are still there, or stand in a table with their new name.

`renamed` below is that table for what has no alias of its own (Python names have `trainer/moved_names.py`). An entry
wants the new name to exist and a line in CHANGELOG.md with both.
"""

import dataclasses
import importlib
import json
import re
import sys
import types
import typing
from pathlib import Path

import pytest
import typer

from pipeline import cli
from pipeline.analysis import commands as analysis_commands
from pipeline.settings.cluster import KubeflowSettings, VertexSettings
from pipeline.settings.local import Settings
from pipeline.terminal import console
from tests.compat.recorded import DATA
from trainer import moved_names

ROOT = Path(__file__).parents[2]
NAMES = json.loads((DATA / "names.json").read_text())
RENAMED: dict[str, str] = {}  # "run --old" → "run --new", "vertex.old" → "vertex.new", "make old" → "make new".


def today() -> set[str]:
    """Every command with each option, every settings field, every make target."""
    found = set()
    for name, command in typer.main.get_command(cli.app).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        options = [option for each in command.params for option in (*each.opts, *each.secondary_opts)]
        found |= {name, *(f"{name} {option}" for option in options)}
    for target, settings in {"local": Settings, "vertex": VertexSettings, "kubeflow": KubeflowSettings}.items():
        found |= {f"{target}.{field}" for field in fields(settings)}
    targets = re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return found | {f"make {target}" for target in targets}


def fields(kind: type) -> set[str]:
    """`a.b` for field b of what field a holds."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        types_of = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    else:
        types_of = {name: field.annotation for name, field in getattr(kind, "model_fields", {}).items()}
    inner = {f"{name}.{each}" for name, of in types_of.items() for held in parts(of) for each in fields(held)}
    return set(types_of) | inner


def parts(annotation: object) -> set[type]:
    """The classes in an annotation: of dict[str, Node] | None, Node."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return {annotation}
    return {each for argument in typing.get_args(annotation) for each in parts(argument)}


def recorded() -> set[str]:
    found = {f"make {target}" for target in NAMES["targets"]}
    for name, command in NAMES["commands"].items():
        found |= {name, *(f"{name} {option}" for option in (*command["options"], *command["arguments"]))}
    return found | {f"{target}.{field}" for target, names in NAMES["settings"].items() for field in names}


def disappeared(now: set[str]) -> set[str]:
    return {name for name in recorded() - now if RENAMED.get(name) not in now}


def test_no_command_option_argument_settings_field_or_make_target_has_disappeared():
    assert disappeared(today()) == set()


@pytest.mark.parametrize("name", ["run --sign", "predict images", "vertex.nodes.gpu.count", "local.floor", "make run"])
def test_one_that_disappeared_would_be_noticed(name):
    assert disappeared(today() - {name}) == {name}


def test_a_renamed_one_stands_in_the_changelog():
    changes = (ROOT / "CHANGELOG.md").read_text()
    for old, new in RENAMED.items():
        assert any(f"`{old}`" in line and f"`{new}`" in line for line in changes.splitlines()), (old, new)


def test_each_way_to_end_has_the_exit_code_that_it_had():
    assert NAMES["exit"] == {
        "error": console.EXIT_ERROR,
        "not_blessed": console.EXIT_NOT_BLESSED,
        "interrupted": console.EXIT_INTERRUPTED,
        "drifted": analysis_commands.EXIT_DRIFTED,
    }


@pytest.mark.parametrize("variable", NAMES["env"])
def test_each_documented_environment_variable_is_still_read_or_named(variable):
    places = [ROOT / "Makefile", ROOT / "setup.sh", *ROOT.glob("tests/*.sh"), *ROOT.glob("notebooks/*.ipynb")]
    places += [file for package in ("trainer", "components", "pipeline") for file in (ROOT / package).rglob("*.py")]
    assert any(variable in place.read_text() for place in places)


@pytest.mark.parametrize("module", NAMES["modules"])
def test_each_module_that_the_documents_run_is_there(module):
    assert ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file()


@pytest.mark.parametrize("name", NAMES["names"])
def test_each_python_name_of_readme_docs_and_notebooks_is_importable(name):
    assert resolved(name) is not None


def resolved(name: str) -> object:
    """As `import a.b` and `a.b.c` find it."""
    parts = name.split(".")
    found = importlib.import_module(parts[0])
    for at, part in enumerate(parts[1:], start=2):
        try:
            found = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            found = getattr(found, part)
    return found


def test_a_moved_module_is_the_same_under_both_names_and_a_missing_one_is_missing(monkeypatch):
    monkeypatch.setitem(moved_names.MOVED["trainer"], "once_here", "recipe")
    try:
        importlib.import_module("trainer.once_here")
        from trainer import once_here, recipe  # pyright: ignore[reportAttributeAccessIssue]

        assert once_here is recipe and recipe.__name__ == recipe.__spec__.name == "trainer.recipe"
        with pytest.raises(ModuleNotFoundError, match=r"trainer\.never_here"):
            importlib.import_module("trainer.never_here")
    finally:
        sys.modules.pop("trainer.once_here", None)


def test_an_attribute_of_a_module_that_became_a_package_is_found_in_its_new_module():
    get = moved_names.attributes("components", {"MANIFEST": "release.bundle"})
    assert get("MANIFEST") == "manifest.json"
    with pytest.raises(AttributeError, match="module 'components' has no attribute 'OTHER'"):
        get("OTHER")
