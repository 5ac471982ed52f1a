"""Options that belong together, as the fields of a dataclass: declared once, and taken by a command as one value."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.models import OptionInfo


def taken(panel: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with an option for each field of those parameters that are dataclasses.

    A field says how it is shown by `Annotated[…, typer.Option(…)]`; one of `components.options` by its own words.

    Args:
      panel: of the help, for fields that name none.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        groups: dict[str, Any] = {
            each.name: each.annotation
            for each in signature.parameters.values()
            if dataclasses.is_dataclass(each.annotation)
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
            parameters += _of_fields(groups[each.name], panel) if each.name in groups else [_by_name(each)]
        with_values.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
        with_values.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_values

    return decorated


def shown(kind: Any, name: str, panel: str = "") -> OptionInfo:
    """How --help shows the option of one field that `components.options` declares."""
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    description, extra = field.metadata["description"], field.metadata["json_schema_extra"]
    return typer.Option(
        help=f"{description[0].upper()}{description[1:]}.",
        metavar=extra["metavar"] or None,
        show_default=extra["absent"] or True,
        rich_help_panel=panel or None,
    )


def _of_fields(kind: Any, panel: str) -> list[inspect.Parameter]:
    annotations = typing.get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
            annotation=annotations[field.name]
            if typing.get_origin(annotations[field.name]) is Annotated
            else Annotated[annotations[field.name], shown(kind, field.name, panel)],
        )
        for field in dataclasses.fields(kind)
    ]


def _by_name(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
