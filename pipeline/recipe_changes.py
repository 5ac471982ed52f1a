"""`--set`, `--epochs`, `--batch-size`: fields of a recipe changed on the command line, or in a recipe's file."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from trainer import recipe, sizing
from trainer.recipe import Recipe, RecipeError

KINDS = ("float", "qat")
_STAY = {
    "quantized": "quantized is what tells the two trainers apart: it stays as it is.",
    "fixed": "fixed is what other fields that are set make of it.",
}
_WANTED = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Change:
    """One field's new value, for the trainers of one kind or of all."""

    field: str
    value: Any
    kind: str | None = None  # None: all.

    def __str__(self) -> str:
        return f"{self.kind}.{self.field}" if self.kind else self.field


def parse(text: str) -> Change:
    """`epochs=3` or `qat.epochs=3`; the value as YAML reads it, of the type that the field has.

    Raises:
      RecipeError: not of this form, no such field, or a value of another type.
    """
    name, equals, value = text.partition("=")
    kind, _, field = name.strip().rpartition(".")
    if not equals or (kind and kind not in KINDS):
        raise RecipeError(f"{text!r} is not FIELD=VALUE, float.FIELD=VALUE or qat.FIELD=VALUE, such as epochs=3.")
    types = typing.get_type_hints(Recipe)
    if field in _STAY:
        raise RecipeError(_STAY[field])
    if field not in types:
        raise RecipeError(f"no field {field!r} in a recipe: there are {', '.join(sorted(types))}.")
    return Change(field, _value(field, value.strip(), types[field]), kind or None)


def all_of(texts: Sequence[str], batch_size: int | None = None) -> list[Change]:
    """Those of `--set`, over that of `--batch-size`.

    Raises:
      RecipeError: see parse().
    """
    short = [] if batch_size is None else [Change("batch_size", batch_size)]
    try:
        return [*short, *(parse(text) for text in texts)]
    except RecipeError as error:
        raise RecipeError(f"--set: {error}") from error


def apply(record: Mapping[str, Any], changes: Sequence[Change], *, kind: str) -> dict[str, Any]:
    """A recipe's record with the changes that are meant for its kind, the later over the earlier.

    Raises:
      RecipeError: the changed recipe does not hold together.
    """
    ours = {change.field: change.value for change in changes if change.kind in (None, kind)}
    values = {**record, **ours}
    if values.get("sized"):  # What is set stays; the rest still follows from the pictures.
        values["fixed"] = sorted({*values.get("fixed", ()), *(set(ours) & set(sizing.FIELDS))})
    if "warmup_epochs" not in ours and values["warmup_epochs"] >= values["epochs"] > 0:
        values["warmup_epochs"] = _in_proportion(record, values["epochs"])
    return recipe.from_dict(values).as_dict()


def for_epochs(float_recipe: Recipe, qat_recipe: Recipe, epochs: int) -> tuple[Recipe, Recipe]:
    """Both recipes for so many epochs in float: warm-up and fine-tuning keep their proportions.

    Raises:
      RecipeError: not one epoch.
    """
    if epochs < 1:
        raise RecipeError(f"--epochs is {epochs}, wanted at least 1.")
    if "epochs" in qat_recipe.fixed:
        share = qat_recipe.epochs / float_recipe.epochs
    elif not qat_recipe.freeze_bn and qat_recipe.sized:
        share = 1.0  # Quantized from the start: as long as the float training.
    else:
        share = sizing.QUANTIZED_SHARE if qat_recipe.sized else qat_recipe.epochs / float_recipe.epochs
    return _for_epochs(float_recipe, epochs), _for_epochs(qat_recipe, max(1, round(epochs * share)))


def _for_epochs(record: Recipe, epochs: int) -> Recipe:
    fixed = tuple(sorted({*record.fixed, "epochs"})) if record.sized else ()
    warmup = _in_proportion(record.as_dict(), epochs)
    return dataclasses.replace(record, epochs=epochs, warmup_epochs=warmup, fixed=fixed)


def _in_proportion(record: Mapping[str, Any], epochs: int) -> float:
    """The warm-up of a recipe that is longer or shorter."""
    return round(record["warmup_epochs"] * epochs / record["epochs"], 3)


def _value(field: str, text: str, wanted: Any) -> Any:
    value = _scalar(text, wanted)
    fits = type(value) is wanted if wanted in _WANTED else isinstance(value, str)
    if not fits or (wanted is float and not math.isfinite(value)):
        raise RecipeError(f"{field} is {text!r}, wanted {_WANTED.get(wanted, 'text')}.")
    return value


def _scalar(text: str, wanted: Any) -> Any:
    if wanted is float:
        try:
            return float(text)  # YAML takes 4e-3 for text.
        except ValueError:
            return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{text!r} is no YAML: {error}") from error
