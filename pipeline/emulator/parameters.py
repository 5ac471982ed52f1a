"""Parameters as the backends type them: refused before a run, turned to text for a STRING, read back from a file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipeline.emulator.result import CompiledRunError, TaskError


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_FITS: dict[str, Callable[[Any], bool]] = {
    "STRING": lambda value: isinstance(value, str),
    "NUMBER_DOUBLE": _number,
    "NUMBER_INTEGER": lambda value: _number(value) and value == int(value),
    "BOOLEAN": lambda value: isinstance(value, bool),
    "LIST": lambda value: isinstance(value, list),
    "STRUCT": lambda value: isinstance(value, dict),
    "TASK_FINAL_STATUS": lambda value: isinstance(value, dict),
}


def run_values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a run starts with: the given values, and the defaults of the others.

    Raises:
      CompiledRunError: unknown, missing or wrongly typed parameters, all of them told.
    """
    if faults := list(_faults(declared, given)):
        raise CompiledRunError(f"the run's parameters will not do: {'; '.join(faults)}.")
    defaults = {name: each["defaultValue"] for name, each in declared.items() if "defaultValue" in each}
    return {**defaults, **given}


def _faults(declared: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name not in declared:
            yield f"{name} is unknown, the file declares {', '.join(sorted(declared)) or 'none'}"
        elif not fits(value, declared[name]["parameterType"]):
            yield f"{name} is {value!r}, wanted {declared[name]['parameterType']}"
    for name, each in declared.items():
        if name not in given and "defaultValue" not in each and not each.get("isOptional"):
            yield f"{name} is missing and has no default"


def fits(value: Any, parameter_type: str) -> bool:
    return parameter_type in _FITS and _FITS[parameter_type](value)


def task_values(component: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A task's parameters as its component declares them: a STRING takes anything, as text.

    Raises:
      TaskError: a parameter without a value or of another type.
    """
    result = dict(values)
    for name, declared in component.get("inputDefinitions", {}).get("parameters", {}).items():
        if name not in values:
            if "defaultValue" in declared:
                result[name] = declared["defaultValue"]
            elif not declared.get("isOptional"):
                raise TaskError(f"nothing gives parameter {name}, and it has no default.")
        elif declared["parameterType"] == "STRING":
            result[name] = as_text(values[name])
        elif not fits(values[name], declared["parameterType"]):
            raise TaskError(f"parameter {name} is {values[name]!r}, wanted {declared['parameterType']}.")
    return result


def as_text(value: Any) -> str:
    """5.0 is `5`, true is `true`, and a record is JSON."""
    if isinstance(value, str):
        return value
    if _number(value):
        return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
    return json.dumps(value)


def as_argument(value: Any) -> str:
    """Among a container's arguments."""
    return as_text(value)


def from_text(text: str, parameter_type: str) -> Any:
    """What a container wrote into the file of an output parameter.

    Raises:
      TaskError: it is of another type.
    """
    if parameter_type == "STRING":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not fits(value, parameter_type):
        raise TaskError(f"an output parameter is {text[:80]!r}, wanted {parameter_type}.")
    return value
