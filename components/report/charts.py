"""The page's charts as Vega-Lite specifications, made with Altair. Colours of text and axes are the page's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.report.encodings import PERCENT
from components.report.facts import Facts
from components.report.run_charts import curve, times
from components.report.score_charts import FEW, per_class, reliability, slices

__all__ = ["FEW", "all_of", "curve", "per_class", "reliability", "slices", "times"]  # For notebooks too.

Spec = dict[str, Any]


def all_of(facts: Facts, classes: Sequence[Mapping[str, Any]]) -> dict[str, Spec]:
    """The id of its place in the page → the chart; only those that there is something for.

    Args:
      classes: the rows of classes.rows.
    """
    top1 = {"train/top1": "training", "eval/top1": "evaluation"}
    charts = {
        "classes": per_class(classes),
        "calibration": reliability(facts.evaluation),
        "slices": slices(facts.evaluation),
        "loss": curve(facts.curves, {"train/loss": "training"}, "loss, nats"),
        "top1": curve(facts.curves, top1, "top-1", axis=PERCENT),
        "rate": curve(facts.curves, {"train/learning_rate": "training"}, "learning rate"),
        "times": times(facts.nodes),
    }
    return {name: chart.to_dict() for name, chart in charts.items() if chart is not None}
