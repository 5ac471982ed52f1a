"""`--recipe-set`: fields of a recipe changed on the command line."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from trainer import recipe, sizing
from trainer.recipe import Recipe, RecipeError

KINDS = ("float", "qat")
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
    if field == "quantized":
        raise RecipeError("quantized is what tells the two trainers apart: it stays as it is.")
    if field not in types:
        raise RecipeError(f"no field {field!r} in a recipe: there are {', '.join(sorted(types))}.")
    return Change(field, _value(field, value.strip(), types[field]), kind or None)


def apply(record: Mapping[str, Any], changes: Sequence[Change], *, kind: str) -> dict[str, Any]:
    """A recipe's record with the changes that are meant for its kind, the later over the earlier.

    Raises:
      RecipeError: the changed recipe does not hold together.
    """
    ours = {change.field: change.value for change in changes if change.kind in (None, kind)}
    if filled_in := sorted(set(ours) & set(sizing.FIELDS) if record.get("sized") and ours.get("sized", True) else ()):
        raise RecipeError(
            f"{', '.join(filled_in)}: recipe {record['name']!r} fills this in from the number of pictures. Give "
            "sized=false too, which takes all of its fields as they stand."
        )
    return recipe.from_dict({**record, **ours}).as_dict()


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
