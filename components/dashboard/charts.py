"""The page's charts as Vega-Lite specifications, made with Altair. Colours of text and axes are the page's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from components.dashboard.facts import FLOAT, INT8, QUANTIZED, Facts, Node
from components.dashboard.summary import model_name
from components.intervals import share_interval
from components.scores import BASELINE, CANDIDATE, Calibration, Evaluation

Spec = dict[str, Any]
Chart = Any  # Of Altair, whose types do not say which its methods return.

COLORS = {FLOAT: "#4f8fea", INT8: "#f0883e", QUANTIZED: "#f0883e"}  # Seen on white and on black.
_STATES = {"done": "#3fb27f", "cached": "#9aa4b2", "failed": "#e5534b", "killed": "#c69026"}
_DIVERGING = ["#d63b32", "#9aa4b2", "#2f74e0"]  # Lost, equal, gained.
FEW = 40  # Classes that are named on an axis; of more, each is a point.
MOST_SLICES = 30
MOST_POINTS = 500  # Of one curve.
NEEDLE = "needle"  # The signal that the box for class names sets.
_MATCHES = f"indexof(lower(datum.name), lower({NEEDLE})) >= 0"
_PERCENT = ".0%"


def all_of(facts: Facts, classes: Sequence[Mapping[str, Any]]) -> dict[str, Spec]:
    """The id of its place in the page → the chart; only those that there is something for.

    Args:
      classes: the rows of classes.rows.
    """
    charts = {
        "classes": per_class(classes),
        "calibration": reliability(facts.evaluation),
        "slices": slices(facts.evaluation),
        "loss": curve(facts.curves, {"train/loss": "training"}, "loss, nats"),
        "top1": curve(facts.curves, {"train/top1": "training", "eval/top1": "evaluation"}, "top-1", axis=_PERCENT),
        "rate": curve(facts.curves, {"train/learning_rate": "training"}, "learning rate", axis="~g"),
        "times": times(facts.nodes),
    }
    return {name: chart.to_dict() for name, chart in charts.items() if chart is not None}


def per_class(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Recall of the float model and of the int8 file: named on an axis where there are few classes, else as points."""
    if not rows:
        return None
    shown = [{key: row[key] for key in ("name", "pictures", "float", "int8", "difference")} for row in rows]
    needle = alt.param(name=NEEDLE, value="")
    return (_dumbbells if len(rows) <= FEW else _scatter)(shown).add_params(needle)


def _dumbbells(rows: list[dict[str, Any]]) -> Chart:
    order = [row["name"] for row in rows]
    base = alt.Chart(_data(rows))
    y = alt.Y("name:N", sort=order, title=None)
    seen = alt.condition(_MATCHES, alt.value(1), alt.value(0.08))
    line = base.mark_rule(strokeWidth=2, color="#9aa4b2").encode(
        y=y, x=_share_axis("float", "recall"), x2="int8:Q", opacity=seen
    )
    dots = (
        base.transform_fold([FLOAT, INT8], as_=["model", "recall"])
        .mark_point(filled=True, size=80)
        .encode(
            y=y, x=_share_axis("recall", "recall"), color=_color("model:N"), shape=_shape(), opacity=seen,
            tooltip=_of_class(),
        )
    )  # fmt: skip
    return alt.layer(line, dots).properties(width="container", height=20 * len(rows))


def _scatter(rows: list[dict[str, Any]]) -> Chart:
    data = alt.Chart(_data(rows))
    low = min(min(row["float"], row["int8"]) for row in rows)
    whole = alt.Scale(domain=[max(0.0, np.floor(20 * low - 0.5) / 20), 1.02], nice=False, clamp=True)
    diagonal = alt.Chart(_data([{"at": 0}, {"at": 1}])).mark_line(strokeDash=[4, 4], opacity=0.6, color="gray")
    dots = data.mark_circle(size=45).encode(
        x=alt.X("float:Q", title="recall of the float model", scale=whole, axis=alt.Axis(format=_PERCENT)),
        y=alt.Y("int8:Q", title="recall of the int8 file", scale=whole, axis=alt.Axis(format=_PERCENT)),
        color=alt.Color(
            "difference:Q", title="int8 − float", scale=alt.Scale(range=_DIVERGING, domainMid=0),
            legend=alt.Legend(format="+.0%"),
        ),
        opacity=alt.condition(_MATCHES, alt.value(0.8), alt.value(0.05)),
        tooltip=_of_class(),
    )  # fmt: skip
    names = (
        data.transform_filter(f"{NEEDLE} != '' && {_MATCHES}")
        .transform_window(number="row_number()")
        .transform_filter("datum.number <= 12")
        .mark_text(align="left", dx=7, fontSize=11)
        .encode(x=alt.X("float:Q", scale=whole), y=alt.Y("int8:Q", scale=whole), text="name:N")
    )
    return alt.layer(diagonal.encode(x="at:Q", y="at:Q"), dots, names).properties(width="container", height=420)


def reliability(evaluation: Evaluation | None) -> Chart | None:
    """Of pictures that a model is so sure of, how many are right; under it, how many pictures there are."""
    rows = list(_bins(evaluation)) if evaluation else []
    if not rows:
        return None
    base = alt.Chart(_data(rows))
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", title="confidence", scale=whole, axis=alt.Axis(format=_PERCENT))
    ideal = alt.Chart(_data([{"at": 0}, {"at": 1}])).mark_line(strokeDash=[4, 4], opacity=0.6, color="gray")
    spread = base.mark_rule(strokeWidth=2, opacity=0.45).encode(x=x, y="low:Q", y2="high:Q", color=_color("model:N"))
    right = alt.Y("right:Q", title="share that is right", scale=whole, axis=alt.Axis(format=_PERCENT))
    tooltip = ["model:N", "pictures:Q", alt.Tooltip("confidence:Q", format=".1%"), alt.Tooltip("right:Q", format=".1%")]
    line = base.mark_line(point=True).encode(x=x, y=right, color=_color("model:N"), tooltip=tooltip)
    upper = alt.layer(ideal.encode(x="at:Q", y="at:Q"), spread, line).properties(width=300, height=280)
    lower = base.mark_bar(opacity=0.7).encode(
        x=alt.X("from:Q", bin="binned", title=None, scale=whole, axis=alt.Axis(format=_PERCENT)), x2="to:Q",
        y=alt.Y("pictures:Q", title="pictures", stack=None), color=_color("model:N"), tooltip=tooltip,
    )  # fmt: skip
    return alt.vconcat(upper, lower.properties(width=300, height=80))


def _bins(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for name, scores in evaluation.overall.scores.items():
        calibration: Calibration | None = scores.calibration
        if calibration is None:
            continue
        width = 1 / len(calibration.pictures)
        for index in np.flatnonzero(calibration.pictures):
            pictures, right = int(calibration.pictures[index]), int(calibration.right[index])
            low, high = share_interval(right, pictures)
            yield {
                "model": model_name(name), "from": index * width, "to": (index + 1) * width, "pictures": pictures,
                "confidence": float(calibration.confidence[index]) / pictures, "right": right / pictures,
                "low": low, "high": high,
            }  # fmt: skip


def slices(evaluation: Evaluation | None) -> Chart | None:
    """The parts of the pictures on which the int8 file is worst, with 95 % intervals; the rule is all pictures."""
    rows = slice_rows(evaluation)[:MOST_SLICES]
    if evaluation is None or not rows:
        return None
    base = alt.Chart(_data(rows))
    y = alt.Y("name:N", sort=[row["name"] for row in rows], title=None, axis=alt.Axis(labelLimit=240))
    spread = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        y=y, yOffset="model:N", x=_share_axis("low", "top-1"), x2="high:Q", color=_color("model:N")
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=y, yOffset="model:N", x=_share_axis("top1", "top-1"), color=_color("model:N"), shape=_shape(),
        tooltip=["name:N", "model:N", "pictures:Q", *(alt.Tooltip(f"{key}:Q", format=".1%") for key in _INTERVAL)],
    )  # fmt: skip
    middle = alt.Chart(_data([{"all": evaluation.candidate.top1}])).mark_rule(strokeDash=[4, 4], opacity=0.7)
    overall = middle.encode(x=_share_axis("all", "top-1"), color=alt.value(COLORS[INT8]))
    return alt.layer(overall, spread, dots).properties(width="container", height=15 * len(rows))


_INTERVAL = ("top1", "low", "high")


def slice_rows(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    """Each slice and model: name, model, pictures, top1, low, high (95 %); the int8 file's worst slices first."""
    if evaluation is None or CANDIDATE not in evaluation.overall.scores:
        return []
    ordered = sorted((each for each in evaluation.slices if CANDIDATE in each.scores), key=_top1)
    return [
        {
            "name": f"{each.feature}: {each.value}", "model": model_name(model), "pictures": scores.pictures,
            **dict(zip(_INTERVAL, (scores.top1, *scores.top1_interval), strict=True)),
        }
        for each in ordered
        for model, scores in each.scores.items()
        if model in (CANDIDATE, BASELINE)
    ]  # fmt: skip


def _top1(part: Any) -> float:
    return part.scores[CANDIDATE].top1


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
    encoded = alt.Chart(_data(rows)).mark_line(point={"size": 14}, strokeWidth=1.5)
    return encoded.encode(
        x=alt.X("step:Q", title="step"),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=axis)),
        color=_color("model:N", (FLOAT, QUANTIZED)),
        strokeDash=_dash(list(tags.values())),
        tooltip=["model:N", "pictures:N", "step:Q", alt.Tooltip("value:Q", format=".4~g")],
    ).properties(width="container", height=220)  # fmt: skip


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Finite ones, evenly left out where they are many; the last one stays."""
    finite = [(step, value) for step, value in points if np.isfinite(value)]
    if len(finite) <= MOST_POINTS:
        return finite
    return [finite[index] for index in np.linspace(0, len(finite) - 1, MOST_POINTS).round().astype(int)]


def times(nodes: Sequence[Node]) -> Chart | None:
    """When each node began and ended."""
    if not nodes:
        return None
    rows = [
        {"node": each.name, "state": each.state, "from": each.started, "to": each.started + each.seconds}
        for each in nodes
    ]
    return (
        alt.Chart(_data([{**row, "seconds": row["to"] - row["from"]} for row in rows]))
        .mark_bar(cornerRadius=2, minBandSize=2)
        .encode(
            y=alt.Y("node:N", sort=[row["node"] for row in rows], title=None, axis=alt.Axis(labelLimit=200)),
            x=alt.X("from:Q", title="seconds after the run began"),
            x2="to:Q",
            color=_among("state:N", {state: _STATES[state] for state in _STATES if _any(rows, state)}),
            tooltip=["node:N", "state:N", alt.Tooltip("seconds:Q", format=",.1f")],
        )
        .properties(width="container", height=22 * len(rows))
    )


def _any(rows: Sequence[Mapping[str, Any]], state: str) -> bool:
    return any(row["state"] == state for row in rows)


def _data(rows: list[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=rows)


def _share_axis(field: str, title: str) -> alt.X:
    return alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=_PERCENT))


def _color(field: str, models: Sequence[str] = (FLOAT, INT8)) -> alt.Color:
    return _among(field, {model: COLORS[model] for model in models})


def _among(field: str, colors: Mapping[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return alt.Color(field, title=None, scale=scale, legend=alt.Legend(orient="top"))


def _shape() -> alt.Shape:
    """For those who do not see the colours apart."""
    return alt.Shape("model:N", title=None, scale=alt.Scale(domain=[FLOAT, INT8], range=["circle", "diamond"]))


def _dash(kinds: list[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=kinds, range=[[1, 0], [6, 3]][: len(kinds)])
    legend = alt.Legend(orient="bottom", symbolType="stroke", symbolSize=300) if len(kinds) > 1 else None
    return alt.StrokeDash("pictures:N", title=None, scale=scale, legend=legend)


def _of_class() -> list[Any]:
    shares = [alt.Tooltip(f"{key}:Q", format=".1%") for key in ("float", "int8")]
    return ["name:N", "pictures:Q", *shares, alt.Tooltip("difference:Q", format="+.1%")]
