"""The option that changes a recipe, which `run`, `run-compiled` and `submit` share."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Training"

Changes = Annotated[
    list[str],
    typer.Option(
        "--set",
        "--recipe-set",
        metavar="FIELD=VALUE",
        help="A recipe's field, such as epochs=3, or float.epochs=3, qat.epochs=1. Repeatable.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
