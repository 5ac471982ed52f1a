"""What other tools call our commands: taken for them, and where there is none, what is meant is named."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.terminal.console import EXIT_INTERRUPTED

ALIASES = {"train": "run", "val": "evaluate", "validate": "evaluate", "infer": "predict"}
HINTS = {
    "export": "A run exports: its bundle in WORKDIR/models holds the .tflite files, a SavedModel, a checkpoint and a "
    "frozen graph. `mobilenet run` makes one.",
}


class Commands(TyperGroup):
    """The commands, which answer to their aliases too; the help lists them by their own names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def invoke(self, ctx: Any) -> Any:
        """Ctrl-C ends a command with a sentence: typer would end it without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print(f"mobilenet {ctx.invoked_subcommand or ''} was interrupted.", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in HINTS and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}. {HINTS[args[0]]}")
        return super().resolve_command(ctx, args)
