"""The experiment that `--recipe` names: a module of trainer/recipes/, or a file of somebody's own, .py or .yaml.

A .py file has FLOAT, QAT and FROM_SCRATCH, as each module of trainer/recipes/ has. A .yaml file says what it changes:

    base: auto            # The recipe that it starts from.
    float: {epochs: 40}
    qat: {epochs: 5}
    from_scratch: {}

Nothing of the file's place is recorded: recipes go by value.
"""

from __future__ import annotations

import dataclasses
import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline import recipe_changes
from trainer import recipe
from trainer.file_format import KEY, FormatError
from trainer.recipe import Experiment, Recipe, RecipeError

_YAML = (".yaml", ".yml")
_PARTS = {"float": "float_recipe", "qat": "qat_recipe", "from_scratch": "from_scratch"}
_DEFAULT_BASE = "auto"
_LARGEST = 1 << 20  # Bytes.


def experiment(name: str) -> Experiment:
    """The three recipes of a module's name or of a file's path.

    Raises:
      RecipeError: no such recipe, or a file that holds none.
    """
    path = Path(name)
    if path.suffix not in (".py", *_YAML) and os.sep not in name:
        return recipe.experiment(name)
    if not path.is_file():
        raise RecipeError(f"--recipe {name} is no file: wanted a .py or .yaml file, or one of {_modules()}.")
    if path.suffix == ".py":
        return _python(path)
    if path.suffix in _YAML:
        return _of_changes(path, _read(path))
    raise RecipeError(f"--recipe {name} ends in {path.suffix!r}: wanted a .py or .yaml file, or one of {_modules()}.")


def _modules() -> str:
    return ", ".join(recipe.names())


def _python(path: Path) -> Experiment:
    try:
        found = runpy.run_path(str(path))
    except RecipeError:
        raise
    except (Exception, SystemExit) as error:  # Whatever somebody's own code raises.
        raise RecipeError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    names = ("FLOAT", "QAT", "FROM_SCRATCH")
    if wrong := [name for name in names if not isinstance(found.get(name), Recipe)]:
        raise RecipeError(f"{path} has no {', '.join(wrong)} that is a trainer.recipe.Recipe. See trainer/recipes/.")
    return Experiment(*(found[name] for name in names))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise RecipeError(f"{path} has more than {_LARGEST:,} bytes, which is no recipe.")
        values = recipe.FORMAT.checked(yaml.safe_load(path.read_text(encoding="utf-8")), path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, FormatError) as error:
        raise RecipeError(f"{path} cannot be read: {error}") from error
    if unknown := sorted(map(str, set(values) - {KEY, "base", *_PARTS})):
        raise RecipeError(f"{path} has {', '.join(unknown)}: wanted base, {', '.join(_PARTS)}.")
    return values


def _of_changes(path: Path, values: Mapping[str, Any]) -> Experiment:
    base = recipe.experiment(str(values.get("base", _DEFAULT_BASE)))
    parts = {
        field: _changed(path, getattr(base, field), values.get(part) or {}, part) for part, field in _PARTS.items()
    }
    return Experiment(**parts)


def _changed(path: Path, base: Recipe, changes: Any, part: str) -> Recipe:
    if not isinstance(changes, Mapping):
        raise RecipeError(f"{path}: {part} is {changes!r}, wanted fields of a recipe, such as epochs: 40.")
    try:
        parsed = [recipe_changes.parse(f"{field}={value}") for field, value in changes.items()]
        if misplaced := [str(change) for change in parsed if change.kind]:
            raise RecipeError(f"got {', '.join(misplaced)}, wanted the field alone: the part says whose it is.")
        record = dataclasses.replace(base, name=f"{path.stem}_{part}")
        return recipe.from_dict(recipe_changes.apply(record.as_dict(), parsed, kind=part))
    except RecipeError as error:
        raise RecipeError(f"{path}: {part}: {error}") from error
