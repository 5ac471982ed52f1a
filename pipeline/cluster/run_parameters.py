"""The parameters of a run: the compiled file's defaults, under the settings', under what the command line gives."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components import options
from components.data_error import DataError
from components.gate.rule import VISIBLE_DROP
from components.sources import class_choice, detect
from components.sources.wanted import Wanted
from pipeline import recipe_changes
from pipeline.checks.parameters import reference
from pipeline.compiled.compiled_file import Compiled, as_json
from pipeline.recipe_changes import Change
from pipeline.settings.cluster import FOLDERS, Cluster, KubeflowSettings
from trainer.recipe import RecipeError

_TRAINER = re.compile("(float|qat)_recipe_.+")  # A trainer's parameter, as pipeline.trainer_parameter names it.
_WANTED = {
    "NUMBER_DOUBLE": "a number", "NUMBER_INTEGER": "a whole number", "BOOLEAN": "true or false",
    "LIST": "a list in JSON", "STRUCT": "an object in JSON",
}  # fmt: skip
_FRACTIONS = {
    **dict.fromkeys(("floor", "class_margin", "max_lost"), (lambda value: 0 <= value <= 1, "a fraction from 0 to 1")),
    "margin": (lambda value: 0 <= value < VISIBLE_DROP, f"a fraction from 0 up to {VISIBLE_DROP}"),
}


class RunParameterError(ValueError):
    """A parameter that the compiled file does not have, or a value that it cannot take."""


def values(
    compiled: Compiled, *, settings: Cluster | None, given: Mapping[str, str], recipe_set: Sequence[str]
) -> dict[str, Any]:
    """The value of every parameter, typed as the file declares it.

    Args:
      settings: whose parameters stand over the file's defaults, and whose `resume` goes to each trainer.
      given: `--parameter`, over both.
      recipe_set: `--set`: epochs=3 for all trainers, float.epochs=3 or qat.epochs=3 for one kind.

    Raises:
      RunParameterError: an unknown name, a value of another type, one that no node can see, or no valid recipe.
    """
    declared = compiled.parameters
    if unknown := sorted(set(given) - set(declared)):
        there = ", ".join(sorted(declared))
        raise RunParameterError(f"--parameter {', '.join(unknown)}: the pipeline has no such parameter, only {there}.")
    chosen = {name: each["defaultValue"] for name, each in declared.items() if "defaultValue" in each}
    if settings:
        ours = settings.parameters.model_dump(exclude_none=True)
        chosen |= {name: value for name, value in ours.items() if name in declared}
    for name, text in given.items():
        chosen[name] = _typed(name, text, declared[name]["parameterType"])
        _check(name, chosen[name], settings)
    if "classes" in chosen:  # The nodes do not see a file that lies here.
        chosen["classes"] = _classes(chosen["classes"])
    return chosen | _trainers(chosen, recipe_set, settings.resume if settings else None)


def parse(texts: Sequence[str]) -> dict[str, str]:
    """`["k=v", …]` → {k: v}; the last of a name counts.

    Raises:
      RunParameterError: no `=`, or nothing before it.
    """
    for text in texts:
        if not text.partition("=")[0].strip() or "=" not in text:
            raise RunParameterError(f"--parameter is {text!r}, wanted NAME=VALUE, such as floor=0.6.")
    return {name.strip(): value for name, _, value in (text.partition("=") for text in texts)}


def _classes(text: str) -> str:
    try:
        class_choice.parse(written := class_choice.written_out(text))
    except DataError as error:
        raise RunParameterError(f"--parameter classes: {error}") from error
    return written


def data_digest(folder: str, parameters: Mapping[str, Any] = MappingProxyType({})) -> str | None:
    """Names, sizes and times of the pictures as this machine sees them; None where it does not see the folder.

    Args:
      parameters: the run's, of which some say what is taken from the folder.

    Raises:
      RunParameterError: the folder is there, and not as ingestion wants it.
    """
    if not Path(folder).is_dir():  # A bucket's address is no folder here either.
        return None
    wanted = options.of(Wanted, {name: value for name, value in parameters.items() if value})
    try:
        return detect.fingerprint(folder, wanted)
    except DataError as error:
        raise RunParameterError(str(error)) from error


def _typed(name: str, text: str, declared: str) -> Any:
    if declared == "STRING":
        return text
    value = _json(text)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        "NUMBER_DOUBLE": number, "NUMBER_INTEGER": number and isinstance(value, int),
        "BOOLEAN": isinstance(value, bool), "LIST": isinstance(value, list), "STRUCT": isinstance(value, dict),
    }  # fmt: skip
    if not fits.get(declared):
        raise RunParameterError(f"--parameter {name} is {text!r}, wanted {_WANTED.get(declared, declared)}.")
    return value


def _check(name: str, value: Any, settings: Cluster | None) -> None:
    """Before the run is sent: what settings would have been refused for."""
    wanted = settings.folder_fault(str(value), name) if settings and value and name in FOLDERS else None
    if field := next((each for each in dataclasses.fields(Wanted) if each.name == name), None):
        wanted = wanted or options.fault(field, value)
    if name in _FRACTIONS:
        fits, text = _FRACTIONS[name]
        wanted = None if fits(value) else text
    if isinstance(settings, KubeflowSettings) and reference(value):
        wanted = wanted or f"it without {reference(value)!r}, which Argo would replace"
    if wanted:
        raise RunParameterError(f"--parameter {name} is {value!r}, wanted {wanted}.")


def _trainers(chosen: Mapping[str, Any], recipe_set: Sequence[str], resume: str | None) -> dict[str, str]:
    """The trainers' parameters, with the changes and the folder for checkpoints in them."""
    trainers = {name: _record(name, str(value)) for name, value in chosen.items() if _TRAINER.fullmatch(name)}
    try:
        changes = [recipe_changes.parse(text) for text in recipe_set]
        for change in changes:
            _check_reaches(change, trainers)
        for name, record in trainers.items():
            record["recipe"] = recipe_changes.apply(record["recipe"], changes, kind=_kind(name))
    except RecipeError as error:
        raise RunParameterError(f"--set or --recipe-set: {error}") from error
    with_resume = {"resume": resume} if resume else {}
    return {name: as_json(record | with_resume) for name, record in trainers.items()}


def _check_reaches(change: Change, trainers: Mapping[str, Any]) -> None:
    if not any(change.kind in (None, _kind(name)) for name in trainers):
        there = ", ".join(trainers) or "no trainer at all"
        raise RecipeError(f"{change} is for no trainer of the pipeline, which has {there}.")


def _kind(trainer: str) -> str:
    return trainer.split("_", 1)[0]


def _record(name: str, text: str) -> dict[str, Any]:
    record = _json(text)
    if not isinstance(record, dict) or not isinstance(record.get("recipe"), dict):
        raise RunParameterError(
            f"--parameter {name} is {text[:80]!r}, wanted a JSON object with recipe, variant and code, as in the "
            "compiled file. To change fields of the recipe, give --set FIELD=VALUE."
        )
    return record


def _json(text: str) -> Any:
    """None where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
