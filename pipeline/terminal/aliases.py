"""What other tools call our commands: taken for them, and where there is none, what is meant is named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

ALIASES = {"train": "run", "val": "evaluate", "validate": "evaluate", "infer": "predict"}
HINTS = {
    "export": "A run exports: its bundle in WORKDIR/models holds the .tflite files, a SavedModel, a checkpoint and a "
    "frozen graph. `mobilenet run` makes one.",
}


class Commands(TyperGroup):
    """The commands, which answer to their aliases too; the help lists them by their own names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in HINTS and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}. {HINTS[args[0]]}")
        return super().resolve_command(ctx, args)
