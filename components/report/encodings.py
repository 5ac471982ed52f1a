"""What the page's charts have in common: colours, axes of shares, and how their rows go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from components.report.facts import FLOAT, INT8, QUANTIZED

Chart = Any  # Of Altair, whose types do not say which its methods return.
Row = dict[str, Any]

COLORS = {FLOAT: "#4f8fea", INT8: "#f0883e", QUANTIZED: "#f0883e"}  # Seen on white and on black.
PERCENT = ".0%"


def data(rows: list[Row]) -> alt.InlineData:
    return alt.InlineData(values=rows)


def share_axis(field: str, title: str) -> alt.X:
    return alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=PERCENT))


def color(field: str, models: Sequence[str] = (FLOAT, INT8)) -> alt.Color:
    return among(field, {model: COLORS[model] for model in models})


def among(field: str, colors: Mapping[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return alt.Color(field, title=None, scale=scale, legend=alt.Legend(orient="top"))


def shape() -> alt.Shape:
    """For those who do not see the colours apart."""
    return alt.Shape("model:N", title=None, scale=alt.Scale(domain=[FLOAT, INT8], range=["circle", "diamond"]))
