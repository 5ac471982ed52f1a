"""The commands over what was pushed: choose, zoo. Each imports what it needs when it runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.terminal.console import Panel, failed, say, status

if TYPE_CHECKING:
    from pipeline.family.choose import Budget, Candidate, Choice

app = typer.Typer()

LINES = 10  # Of models, unless all are wanted.
_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30,
}  # fmt: skip
_Zoo = Annotated[
    Path | None,
    typer.Option(metavar="DIR|ZOO.JSON", help="Where bundles were pushed.", show_default="runs/models, if it is there"),
]


@app.command(rich_help_panel=Panel.MODELS)
def choose(
    max_latency_ms: Annotated[float | None, typer.Option(help="Of one picture, as benchmark measured it.")] = None,
    max_bytes: Annotated[str | None, typer.Option(metavar="SIZE", help="Of the int8 file: 500k, 1M, 1Mi.")] = None,
    max_macs: Annotated[str | None, typer.Option(metavar="COUNT", help="Multiply-adds of one picture: 100M.")] = None,
    min_top1: Annotated[float | None, typer.Option(metavar="PERCENT", help="Of the int8 file: 60.")] = None,
    accept_small: Annotated[
        bool, typer.Option("--accept-small", help="Also files of which too few pictures show anything.")
    ] = False,
    zoo: _Zoo = None,
    every: Annotated[bool, typer.Option("--all", help=f"More than {LINES} lines of models.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Give the best int8 model under a budget, the runners-up, and why the others fall out.

    Without a zoo it goes by the figures that the reference published. Exit code 1: nothing fits, and what is nearest.
    """
    from pipeline.family import choose as choosing
    from pipeline.settings.local import Settings

    console = Console()
    try:
        budget = _budget(max_latency_ms, max_bytes, max_macs, min_top1, accept_small=accept_small)
        here = Settings().models
        base = zoo or (here if any(here.glob("*/*/manifest.json")) else None)
        found, by = choosing.candidates(base)
        choice = choosing.choose(found, budget, by=by)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    if as_json:
        print(choosing.as_json(choice))
    else:
        _show(console, choice, base, most=None if every else LINES)
    if choice.chosen is None:
        raise typer.Exit(1)


@app.command(rich_help_panel=Panel.MODELS)
def zoo(
    models: Annotated[
        Path | None, typer.Argument(help="Where bundles were pushed.", show_default="runs/models")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The folder to write.", show_default="MODELS/zoo")] = None,
) -> None:
    """Write the table and the page of all that was pushed, as a run does: after a benchmark, say."""
    from pipeline.settings import environment
    from pipeline.settings import local as where

    console = Console()
    base = models or where.Settings().models
    try:
        if not base.is_dir():
            raise ValueError(f"{base} is not a folder: wanted the one that bundles were pushed to.")
        environment.silent()
        with status(console, "reading the bundles"):
            from components.zoo import bundles, files

            found = bundles.read(base)
            folder = files.write(found, output or base / files.FOLDER)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    for fault in found.faults:
        say(console, f"Left out: {fault}")
    say(
        console,
        f"{folder / files.PAGE}: {_counted(len({model.folder for model in found.models}), 'release')}, "
        f"{_counted(len(found.models), 'file')}.",
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def quantity(text: str, *, option: str) -> int:
    """`1.5M` → 1,500,000; `1Mi` → 1,048,576; a B may follow.

    Raises:
      ValueError: no such number.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?)?b?\s*", text, re.IGNORECASE)
    if not match or not (value := float(match[1])):
        raise ValueError(f"{option} is {text!r}, wanted a number above 0, such as 500k, 1.5M or 1Mi.")
    return round(value * _UNITS[(match[2] or "").lower()])


def _budget(
    latency: float | None, size: str | None, macs: str | None, top1: float | None, *, accept_small: bool = False
) -> Budget:
    from pipeline.family.choose import Budget

    if latency is not None and not 0 < latency < float("inf"):
        raise ValueError(f"--max-latency-ms is {latency}, wanted milliseconds above 0, such as 5.")
    if top1 is not None and not 1 <= top1 <= 100:
        raise ValueError(f"--min-top1 is {top1}, wanted percent from 1 to 100, such as 60.")
    return Budget(
        max_latency_ms=latency,
        max_bytes=None if size is None else quantity(size, option="--max-bytes"),
        max_macs=None if macs is None else quantity(macs, option="--max-macs"),
        min_top1=None if top1 is None else top1 / 100,
        accept_small=accept_small,
    )


def _show(console: Console, choice: Choice, base: Path | None, *, most: int | None) -> None:
    """At most so many models: those that fit first, then those that fall out."""
    fit = [choice.chosen, *choice.runners_up] if choice.chosen else []
    if choice.chosen:
        say(console, f"{choice.chosen.variant}" + (f": {choice.chosen.file}" if choice.chosen.file else ""))
        console.print(_table(fit[:most]))
    elif choice.nearest:
        nearest = choice.nearest
        say(console, f"Nothing fits. Nearest is {nearest.candidate.variant}: {'; '.join(nearest.reasons)}.")
    else:
        say(console, "There is nothing to choose from.")
    fallen = choice.fallen[: None if most is None else max(0, most - len(fit))]
    for each in fallen:
        say(console, f"{each.candidate.variant} falls out: {'; '.join(each.reasons)}.")
    if line := _left_out(len(fit) - len(fit[:most]), len(choice.fallen) - len(fallen)):
        say(console, line)
    if choice.chosen and choice.chosen.measured_with:
        say(console, f"Latency: {choice.chosen.measured_with}.")
    say(console, choice.by)
    from pipeline.family.choose import NO_LATENCY

    if unmeasured := [each.candidate for each in choice.fallen if NO_LATENCY in each.reasons]:
        say(console, _how_to_measure(unmeasured[:most], base))


def _how_to_measure(unmeasured: list[Candidate], base: Path | None) -> str:
    """The command that gives each file the latency that is missing."""
    folders = [
        str((base if base.is_dir() else base.parent.parent) / Path(each.file).parent)
        for each in unmeasured
        if base and each.file
    ]
    if not folders:
        return "To measure latency, release a model with mobilenet run, and give mobilenet benchmark RELEASE --write."
    return f"To measure latency on this machine: mobilenet benchmark {shlex.join(folders)} --write"


def _left_out(fit: int, fallen: int) -> str:
    """`12 more fit and 3 more fall out: --all shows them.`"""
    parts = [f"{count} more {what}" for count, what in ((fit, "fit"), (fallen, "fall out")) if count]
    return f"{' and '.join(parts)}: --all shows them." if parts else ""


def _table(fit: list[Candidate]) -> Table:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("what fits", "top-1", "bytes", "million MACs", "latency, ms"):
        shown.add_column(name, justify="left" if name == "what fits" else "right")
    for each in fit:
        size = "not known" if each.bytes is None else f"{each.bytes:,}"
        latency = "not measured" if each.latency_ms is None else f"{each.latency_ms:.2f}"
        shown.add_row(each.variant, f"{each.top1:.2%}", size, f"{each.macs / 1e6:.2f}", latency)
    return shown
