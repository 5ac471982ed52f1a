"""Charts of how the run went: the trainings' curves, and when each node ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from components.report.encodings import Chart, among, color, data
from components.report.facts import FLOAT, QUANTIZED, Node

MOST_POINTS = 500  # Of one curve.
_STATES = {"done": "#3fb27f", "cached": "#9aa4b2", "failed": "#e5534b", "killed": "#c69026"}


def curve(curves: Mapping[str, Any], tags: Mapping[str, str], title: str, *, axis: str = "~g") -> Chart | None:
    """One number over the steps of each training.

    Args:
      tags: what of TensorBoard's is drawn → what the page calls it.
    """
    rows = [
        {"model": model, "pictures": pictures, "step": step, "value": value}
        for model, of_model in curves.items()
        for tag, pictures in tags.items()
        for step, value in _thinned(of_model.get(tag, ()))
    ]
    if not rows:
        return None
    encoded = alt.Chart(data(rows)).mark_line(point={"size": 14}, strokeWidth=1.5)
    return encoded.encode(
        x=alt.X("step:Q", title="step"),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=axis)),
        color=color("model:N", (FLOAT, QUANTIZED)),
        strokeDash=_dash(list(tags.values())),
        tooltip=["model:N", "pictures:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
    ).properties(width="container", height=220)  # fmt: skip


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Finite ones, evenly left out where they are many; the last one stays."""
    finite = [(step, value) for step, value in points if np.isfinite(value)]
    if len(finite) <= MOST_POINTS:
        return finite
    return [finite[index] for index in np.linspace(0, len(finite) - 1, MOST_POINTS).round().astype(int)]


def _dash(kinds: list[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=kinds, range=[[1, 0], [6, 3]][: len(kinds)])
    legend = alt.Legend(orient="bottom", symbolType="stroke", symbolSize=300) if len(kinds) > 1 else None
    return alt.StrokeDash("pictures:N", title=None, scale=scale, legend=legend)


def times(nodes: Sequence[Node]) -> Chart | None:
    """When each node began and ended."""
    if not nodes:
        return None
    rows = [
        {"node": each.name, "state": each.state, "from": each.started, "to": each.started + each.seconds}
        for each in nodes
    ]
    return (
        alt.Chart(data([{**row, "seconds": row["to"] - row["from"]} for row in rows]))
        .mark_bar(cornerRadius=2, minBandSize=2)
        .encode(
            y=alt.Y("node:N", sort=[row["node"] for row in rows], title=None, axis=alt.Axis(labelLimit=200)),
            x=alt.X("from:Q", title="seconds after the run began"),
            x2="to:Q",
            color=among("state:N", {state: _STATES[state] for state in _STATES if _any(rows, state)}),
            tooltip=["node:N", "state:N", alt.Tooltip("seconds:Q", format=",.1f")],
        )
        .properties(width="container", height=22 * len(rows))
    )


def _any(rows: Sequence[Mapping[str, Any]], state: str) -> bool:
    return any(row["state"] == state for row in rows)
