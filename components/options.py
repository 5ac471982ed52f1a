"""A choice that people make, declared once: its default, its bounds and its words, as a field of a dataclass.

Command-line options, settings files, a run's parameters and ingestion all read them from there. Imports nothing heavy:
`mobilenet --help` reads them too.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from components.data_error import DataError

_Options = TypeVar("_Options")
_BOUNDS = {
    "ge": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "le": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
}


def option(default: Any, description: str, *, metavar: str = "", absent: str = "", **rules: Any) -> Any:
    """A field of a frozen dataclass.

    Args:
        description: A noun phrase: what an error says was wanted, and, as a sentence, what --help says.
        metavar: What stands for the value in --help.
        absent: What --help says of the default where that is empty.
        rules: Pydantic's, which reads settings files: ge, le, gt, lt, strict.
    """
    shown = {"metavar": metavar, "absent": absent}
    return dataclasses.field(
        default=default, metadata={"description": description, **rules, "json_schema_extra": shown}
    )


def flag(name: str) -> str:
    """`--max-refused` of max_refused."""
    return f"--{name.replace('_', '-')}"


def of(kind: type[_Options], values: Mapping[str, Any]) -> _Options:
    """The options of a kind among values that may hold more; a Struct's numbers are floats."""
    fields = dataclasses.fields(kind)  # pyright: ignore[reportArgumentType] # Of a dataclass.
    given = {f.name: value for f in fields if (value := values.get(f.name)) is not None}
    return kind(**{f.name: int(given[f.name]) if f.type is int else given[f.name] for f in fields if f.name in given})


def fault(field: dataclasses.Field[Any], value: Any) -> str | None:
    """What was wanted in place of a value; None where it will do."""
    if get_origin(field.type) is Literal:
        return None if value in get_args(field.type) else f"one of {', '.join(get_args(field.type))}"
    bounds = {name: field.metadata[name] for name in _BOUNDS if name in field.metadata}
    if all(_BOUNDS[name](value, bound) for name, bound in bounds.items()):
        return None
    if bounds.keys() <= {"ge"}:
        return f"at least {bounds['ge']}"
    return f"a fraction from {bounds['ge']} " + (f"up to {bounds['lt']}" if "lt" in bounds else f"to {bounds['le']}")


def check(values: Any) -> None:
    """Before any work.

    Raises:
        DataError: naming the first option whose value cannot be kept.
    """
    for field in dataclasses.fields(values):
        if wanted := fault(field, value := getattr(values, field.name)):
            raise DataError(f"{flag(field.name)} is {value!r}, wanted {wanted}.")
