"""The options of the data, which `run`, `ingest` and `evaluate` share: made of the fields that declare them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from components.ingestion.rules import Rules
from components.sources.wanted import Wanted
from pipeline import node_ids

FOLDER_HELP = (
    "Folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, with tars or with TFRecords. "
    "With {SPAN} and {VERSION} in it: the newest."
)
FROM_HELP = (
    f"Run this node and all behind it again: {', '.join(node_ids.SHARED)}; with a variant behind "
    f"it, as in {node_ids.FLOAT}-w025-r64: {', '.join((node_ids.FLOAT, *node_ids.AFTER_FLOAT))}; {node_ids.ZOO}."
)
PANEL = "Data"


def taken(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of its parameters `wanted: Wanted` and `rules: Rules`."""
    signature = inspect.signature(command, eval_str=True)
    groups = {
        each.name: each.annotation for each in signature.parameters.values() if each.annotation in (Wanted, Rules)
    }

    @functools.wraps(command)
    def with_values(**given: Any) -> None:
        values = {
            name: kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
            for name, kind in groups.items()
        }
        command(**given, **values)

    parameters: list[inspect.Parameter] = []
    for each in signature.parameters.values():
        parameters += _of_fields(groups[each.name]) if each.name in groups else [_by_name(each)]
    with_values.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
    with_values.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_values


def shown(kind: type, name: str) -> OptionInfo:
    """How --help shows the option of one field."""
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    description, extra = field.metadata["description"], field.metadata["json_schema_extra"]
    return typer.Option(
        help=f"{description[0].upper()}{description[1:]}.",
        metavar=extra["metavar"] or None,
        show_default=extra["absent"] or True,
        rich_help_panel=PANEL,
    )


def _of_fields(kind: type) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.type, shown(kind, field.name)],
        )
        for field in dataclasses.fields(kind)
    ]


def _by_name(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
