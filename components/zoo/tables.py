"""The zoo as the reference's table, for people (Markdown) and for programs (CSV, JSON)."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Sequence

from components.zoo import models
from components.zoo.models import Latency, Model, Zoo

COLUMNS = (
    "variant", "kind", "width", "resolution", "classes", "macs", "parameters", "file", "bytes", "pictures",
    "top1", "top1_low", "top1_high", "top5", "top5_low", "top5_high", "latency_ms", "machine", "runtime", "threads",
    "kernels", "front", "compared", "data", "folder",
)  # fmt: skip
NOT_MEASURED = "not measured"
HEADS = ("model", "million MACs", "million parameters", "bytes", "top-1, %", "top-5, %", "latency, ms", "front")
_COSTS = {"macs": "MACs", "bytes": "bytes", "latency_ms": "latency"}


def as_json(zoo: Zoo) -> str:
    return json.dumps(models.as_json(zoo), indent=2, sort_keys=True) + "\n"


def as_csv(zoo: Zoo) -> str:
    """A line a model; shares from 0 to 1, and an empty cell where nothing was measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for model in zoo.models:
        writer.writerow([_cell(model, column) for column in COLUMNS])
    return text.getvalue()


def as_markdown(zoo: Zoo) -> str:
    """The table, what it was measured on, and what is left out of it."""
    blocks = ["# Models that were trained here", *(_escaped(note) for note in notes(zoo))]
    if zoo.models:
        rows = [[_escaped(cell) for cell in row(model)] for model in zoo.models]
        rule = ["---", *["---:"] * (len(HEADS) - 2), "---"]
        blocks.insert(1, "\n".join(_line(cells) for cells in (HEADS, rule, *rows)))
    if zoo.faults:
        blocks.append("\n".join(f"- Left out: {_escaped(fault)}" for fault in zoo.faults))
    return "\n\n".join(blocks) + "\n"


def row(model: Model) -> list[str]:
    """A model's cells, under model, MACs, parameters, bytes, top-1, top-5, latency, front."""
    mark = "" if model.compared else " *"
    return [
        f"{model.name}{mark}",
        f"{model.macs / 1e6:.2f}",
        f"{model.parameters / 1e6:.3f}",
        f"{model.bytes:,}",
        _share(model.top1, model.top1_low, model.top1_high),
        _share(model.top5, model.top5_low, model.top5_high),
        NOT_MEASURED if model.latency is None else f"{model.latency.median_ms:.2f}",
        ", ".join(_COSTS[cost] for cost in model.front),
    ]


def notes(zoo: Zoo) -> list[str]:
    """What the numbers mean, each to stand in a paragraph of its own."""
    compared = [model for model in zoo.models if model.compared]
    if not compared:
        return ["No bundle has been pushed yet."]
    first = compared[0]
    lines = [
        f"Measured on {first.pictures:,} pictures of {first.classes - 1:,} classes, data {first.data[:12]}; in "
        "brackets the 95 % interval. An int8 row is the file's, a float row its SavedModel's. Front: no other model "
        "here is as right for less."
    ]
    if others := [model.name for model in zoo.models if not model.compared]:
        lines.append(f"* Measured on other data, so not compared with the rest: {', '.join(others)}.")
    return lines + [
        f"Latency: {how}." for how in dict.fromkeys(_how(each.latency) for each in compared if each.latency)
    ]


def _how(latency: Latency) -> str:
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    return f"median of one picture at a time, {threads}, {latency.kernels}, {latency.runtime}, {latency.machine}"


def _share(share: float, low: float, high: float) -> str:
    return f"{100 * share:.2f} ({100 * low:.1f} to {100 * high:.1f})"


def _cell(model: Model, column: str) -> object:
    if column in ("machine", "runtime", "threads", "kernels"):
        return getattr(model.latency, column) if model.latency else ""
    if column == "front":
        return " ".join(model.front)
    value = getattr(model, column)
    return "" if value is None else value


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Names of machines come from outside: nothing in them is Markdown or HTML."""
    flat = " ".join(html.escape(text, quote=False).split())
    return "".join(f"\\{each}" if each in "|`*_[]\\" else each for each in flat)
