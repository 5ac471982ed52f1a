"""Charts of what was measured: class by class, by confidence, and on parts of the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from components.evaluation.intervals import share_interval
from components.evaluation.scores import BASELINE, CANDIDATE, Calibration, Evaluation
from components.report.encodings import COLORS, PERCENT, Chart, color, data, shape, share_axis
from components.report.facts import FLOAT, INT8
from components.report.summary import model_name

FEW = 40  # Classes that are named on an axis; of more, each is a point.
MOST_SLICES = 30
NEEDLE = "needle"  # The signal that the box for class names sets.
_MATCHES = f"indexof(lower(datum.name), lower({NEEDLE})) >= 0"
_DIVERGING = ["#d63b32", "#9aa4b2", "#2f74e0"]  # Lost, equal, gained.
_INTERVAL = ("top1", "low", "high")


def per_class(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Recall of the float model and of the int8 file: named on an axis where there are few classes, else as points."""
    if not rows:
        return None
    shown = [{key: row[key] for key in ("name", "pictures", "float", "int8", "difference")} for row in rows]
    needle = alt.param(name=NEEDLE, value="")
    return (_dumbbells if len(rows) <= FEW else _scatter)(shown).add_params(needle)


def _dumbbells(rows: list[dict[str, Any]]) -> Chart:
    base = alt.Chart(data([{**row, "place": place} for place, row in enumerate(rows)]))
    # By a field: names in an expression, as a list makes them, are not told from what every object in JavaScript has.
    y = alt.Y("name:N", sort=alt.EncodingSortField("place", op="min"), title=None)
    seen = alt.condition(_MATCHES, alt.value(1), alt.value(0.08))
    line = base.mark_rule(strokeWidth=2, color="#9aa4b2").encode(
        y=y, x=share_axis("float", "recall"), x2="int8:Q", opacity=seen
    )
    dots = (
        base.transform_fold([FLOAT, INT8], as_=["model", "recall"])
        .mark_point(filled=True, size=80)
        .encode(
            y=y, x=share_axis("recall", "recall"), color=color("model:N"), shape=shape(), opacity=seen,
            tooltip=_of_class(),
        )
    )  # fmt: skip
    return alt.layer(line, dots).properties(width="container", height=20 * len(rows))


def _scatter(rows: list[dict[str, Any]]) -> Chart:
    base = alt.Chart(data(rows))
    low = min(min(row["float"], row["int8"]) for row in rows)
    whole = alt.Scale(domain=[max(0.0, np.floor(20 * low - 0.5) / 20), 1.02], nice=False, clamp=True)
    diagonal = alt.Chart(data([{"at": 0}, {"at": 1}])).mark_line(strokeDash=[4, 4], opacity=0.6, color="gray")
    dots = base.mark_circle(size=45).encode(
        x=alt.X("float:Q", title="recall of the float model", scale=whole, axis=alt.Axis(format=PERCENT)),
        y=alt.Y("int8:Q", title="recall of the int8 file", scale=whole, axis=alt.Axis(format=PERCENT)),
        color=alt.Color(
            "difference:Q", title="int8 − float", scale=alt.Scale(range=_DIVERGING, domainMid=0),
            legend=alt.Legend(format="+.0%"),
        ),
        opacity=alt.condition(_MATCHES, alt.value(0.8), alt.value(0.05)),
        tooltip=_of_class(),
    )  # fmt: skip
    names = (
        base.transform_filter(f"{NEEDLE} != '' && {_MATCHES}")
        .transform_window(number="row_number()")
        .transform_filter("datum.number <= 12")
        .mark_text(align="left", dx=7, fontSize=11)
        .encode(x=alt.X("float:Q", scale=whole), y=alt.Y("int8:Q", scale=whole), text="name:N")
    )
    return alt.layer(diagonal.encode(x="at:Q", y="at:Q"), dots, names).properties(width="container", height=420)


def _of_class() -> list[Any]:
    shares = [alt.Tooltip(f"{key}:Q", format=".1%") for key in ("float", "int8")]
    return ["name:N", "pictures:Q", *shares, alt.Tooltip("difference:Q", format="+.1%")]


def reliability(evaluation: Evaluation | None) -> Chart | None:
    """Of pictures that a model is so sure of, how many are right; under it, how many pictures there are."""
    rows = list(_bins(evaluation)) if evaluation else []
    if not rows:
        return None
    base = alt.Chart(data(rows))
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("confidence:Q", title="confidence", scale=whole, axis=alt.Axis(format=PERCENT))
    ideal = alt.Chart(data([{"at": 0}, {"at": 1}])).mark_line(strokeDash=[4, 4], opacity=0.6, color="gray")
    spread = base.mark_rule(strokeWidth=2, opacity=0.45).encode(x=x, y="low:Q", y2="high:Q", color=color("model:N"))
    right = alt.Y("right:Q", title="share that is right", scale=whole, axis=alt.Axis(format=PERCENT))
    tooltip = ["model:N", "pictures:Q", alt.Tooltip("confidence:Q", format=".1%"), alt.Tooltip("right:Q", format=".1%")]
    line = base.mark_line(point=True).encode(x=x, y=right, color=color("model:N"), tooltip=tooltip)
    upper = alt.layer(ideal.encode(x="at:Q", y="at:Q"), spread, line).properties(width=300, height=280)
    lower = base.mark_bar(opacity=0.7).encode(
        x=alt.X("from:Q", bin="binned", title=None, scale=whole, axis=alt.Axis(format=PERCENT)), x2="to:Q",
        y=alt.Y("pictures:Q", title="pictures", stack=None), color=color("model:N"), tooltip=tooltip,
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
    base = alt.Chart(data(rows))
    y = alt.Y("name:N", sort=[row["name"] for row in rows], title=None, axis=alt.Axis(labelLimit=240))
    spread = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        y=y, yOffset="model:N", x=share_axis("low", "top-1"), x2="high:Q", color=color("model:N")
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=y, yOffset="model:N", x=share_axis("top1", "top-1"), color=color("model:N"), shape=shape(),
        tooltip=["name:N", "model:N", "pictures:Q", *(alt.Tooltip(f"{key}:Q", format=".1%") for key in _INTERVAL)],
    )  # fmt: skip
    middle = alt.Chart(data([{"all": evaluation.candidate.top1}])).mark_rule(strokeDash=[4, 4], opacity=0.7)
    overall = middle.encode(x=share_axis("all", "top-1"), color=alt.value(COLORS[INT8]))
    return alt.layer(overall, spread, dots).properties(width="container", height=15 * len(rows))


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
