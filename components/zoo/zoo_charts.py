"""Charts of the zoo: top-1 against what it costs, with the front of the best and the reference's published points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt

from components.report.encodings import PERCENT, Chart, color, data, shape
from components.report.facts import FLOAT, INT8
from components.zoo import models
from components.zoo.models import Zoo
from trainer.slim.reference_table import TABLE

TITLES = {
    "macs": "multiply-adds of one picture",
    "bytes": "bytes of the file",
    "latency_ms": "latency of one picture, ms",
}
FEW = 64  # Points whose names and intervals can be told apart.
_NAMED = 8  # Of more points, so many of the front have their names.
_INT8_PUBLISHED = "quantized"


def all_of(zoo: Zoo) -> dict[str, dict[str, Any]]:
    """Cost → the chart; only those for which something was measured."""
    charts = {cost: chart(zoo, cost) for cost in models.COSTS}
    return {cost: made.to_dict() for cost, made in charts.items() if made is not None}


def chart(zoo: Zoo, cost: str) -> Chart | None:
    """Every compared model as a point, the front as a line; None where nothing has the cost."""
    rows = _named(list(_rows(zoo, cost)))
    if not rows:
        return None
    x = alt.X("cost:Q", title=TITLES[cost], scale=alt.Scale(type="log", nice=False, padding=25), axis=_axis(cost))
    base = alt.Chart(data(rows))
    many = len(rows) > FEW
    spread = base.mark_rule(strokeWidth=2, opacity=0.4).encode(x=x, y="low:Q", y2="high:Q", color=color("model:N"))
    line = base.transform_filter("datum.front").mark_line(
        strokeDash=[5, 4], opacity=0.8, color="#8a63d2", strokeWidth=2
    )
    front = line.encode(x=x, y=_top1(), order="cost:Q")
    ring = base.transform_filter("datum.front").mark_point(size=230, color="#8a63d2", strokeWidth=2)
    shares = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("top1", "low", "high")]
    dots = base.mark_point(filled=True, size=25 if many else 90, opacity=0.55 if many else 1).encode(
        x=x, y=_top1(), color=color("model:N"), shape=shape(),
        tooltip=["name:N", alt.Tooltip("cost:Q", title=TITLES[cost], format=",.4~g"), *shares],
    )  # fmt: skip
    names = base.transform_filter("datum.named").mark_text(align="left", dx=9, dy=9, fontSize=11)
    layers = [
        *_published(cost, x),
        *([] if many else [spread]),
        front,
        ring.encode(x=x, y=_top1()),
        dots,
        names.encode(x=x, y="top1:Q", text="variant:N"),
    ]
    return alt.layer(*layers).properties(width="container", height=360)


def _top1() -> alt.Y:
    return alt.Y("top1:Q", title="top-1", scale=alt.Scale(zero=False), axis=alt.Axis(format=PERCENT))


def _axis(cost: str) -> alt.Axis:
    return alt.Axis(format="~s" if cost != "latency_ms" else "~g", tickCount=6)


def _rows(zoo: Zoo, cost: str) -> Iterator[dict[str, Any]]:
    for model in zoo.models:
        paid = models.cost(model, cost)
        if model.compared and paid:
            yield {
                "name": model.name, "variant": model.variant, "model": INT8 if model.kind == "int8" else FLOAT,
                "cost": paid, "top1": model.top1, "low": model.top1_low, "high": model.top1_high,
                "front": cost in model.front,
            }  # fmt: skip


def _named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Marks whose names are drawn: of few all int8 files, of many some of the front, evenly along it."""
    int8 = [row for row in rows if row["model"] == INT8]
    if len(rows) > FEW:
        front = sorted((row for row in int8 if row["front"]), key=lambda row: row["cost"])
        int8 = front[:: max(1, -(-len(front) // _NAMED))]
    return [{**row, "named": row in int8} for row in rows]


def _published(cost: str, x: alt.X) -> list[Chart]:
    """Accuracies and multiply-adds are all that the reference's table has; hollow, as they are of other pictures."""
    if cost != "macs":
        return []
    rows = [
        {
            "name": f"{variant.name} {kind}, published", "model": model,
            "cost": 1e6 * row.million_macs, "top1": top1 / 100,
        }
        for variant, row in TABLE.items()
        for model, kind, top1 in ((FLOAT, "float", row.float_top1), (INT8, _INT8_PUBLISHED, row.quantized_top1))
    ]  # fmt: skip
    points = alt.Chart(data(rows)).mark_point(filled=False, size=45, opacity=0.75, strokeWidth=1.2)
    tooltip = ["name:N", alt.Tooltip("cost:Q", title=TITLES[cost], format=",.4~g"), alt.Tooltip("top1:Q", format=".1%")]
    return [points.encode(x=x, y=_top1(), color=color("model:N"), shape=shape(), tooltip=tooltip)]
