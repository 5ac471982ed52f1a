"""The charts' numbers, and that Vega-Lite itself takes each specification."""

import html
import warnings

import numpy as np
import pytest
import vl_convert

from components.evaluation.scores import CANDIDATE
from components.report import charts, classes, run_charts, score_charts
from components.report.facts import FLOAT, QUANTIZED


def values(chart) -> list[dict]:
    """The rows of a chart's one data set that is not a line of reference."""
    [rows] = [rows for rows in chart.to_dict()["datasets"].values() if len(rows) > 2]
    return rows


@pytest.mark.parametrize("which", ["ten", "thousand"])
def test_vega_lite_compiles_every_chart_without_a_warning(which, request):
    facts = request.getfixturevalue(which)
    made = charts.all_of(facts, classes.rows(facts))
    assert made.keys() == {"classes", "calibration", "slices", "loss", "top1", "rate", "times"}
    for name, spec in made.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "<svg" in vl_convert.vegalite_to_svg(spec), name


def test_the_classes_rows_are_the_confusion_matrices_diagonals(thousand):
    rows = {row["label"]: row for row in classes.rows(thousand)}
    for name, scores in ((FLOAT, thousand.evaluation.baseline), ("int8", thousand.evaluation.candidate)):
        shown = np.array([rows[label][name] for label in range(1, 1001)])
        np.testing.assert_allclose(shown, scores.recall[1:], atol=1e-5)
    pairs = thousand.evaluation.pairs
    assert sum(row["lost"] for row in rows.values()) == pairs.only_baseline.sum()
    first, last = classes.rows(thousand)[0], classes.rows(thousand)[-1]
    assert first["difference"] == min(row["difference"] for row in rows.values()) < 0 < last["difference"]


def test_the_reliability_diagram_has_each_filled_bin_with_its_share_and_confidence(ten):
    calibration = ten.evaluation.candidate.calibration
    rows = [row for row in values(score_charts.reliability(ten.evaluation)) if row["model"] == "int8"]
    filled = np.flatnonzero(calibration.pictures)
    assert [row["pictures"] for row in rows] == calibration.pictures[filled].tolist()
    for row, index in zip(rows, filled, strict=True):
        assert row["right"] == calibration.right[index] / calibration.pictures[index]
        assert row["confidence"] == pytest.approx((index + 0.5) / len(calibration.pictures))
        assert row["low"] - 1e-9 <= row["right"] <= row["high"] + 1e-9
        assert row["from"] <= row["confidence"] <= row["to"]
    error = (
        sum(row["pictures"] * abs(row["right"] - row["confidence"]) for row in rows) / ten.evaluation.candidate.pictures
    )
    assert error == pytest.approx(calibration.error)


def test_the_int8_files_worst_slice_comes_first(ten):
    rows = [row for row in score_charts.slice_rows(ten.evaluation) if row["model"] == "int8"]
    assert [row["top1"] for row in rows] == sorted(part.scores[CANDIDATE].top1 for part in ten.evaluation.slices)
    assert all(row["low"] < row["top1"] < row["high"] for row in rows)


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_no_infinite_point():
    points = [(step, float(step)) for step in range(10_000)]
    points[5] = (5, float("inf"))
    rows = values(run_charts.curve({QUANTIZED: {"train/loss": points}}, {"train/loss": "training"}, "loss"))
    assert len(rows) == run_charts.MOST_POINTS
    assert (rows[0]["step"], rows[-1]["step"]) == (0, 9_999)
    assert all(np.isfinite(row["value"]) for row in rows)


def test_times_are_where_the_nodes_ran(ten):
    rows = values(run_charts.times(ten.nodes))
    assert [(row["node"], row["from"], row["seconds"]) for row in rows] == [
        (node.name, node.started, pytest.approx(node.seconds)) for node in ten.nodes
    ]


def test_without_measurements_there_are_no_charts():
    assert score_charts.per_class([]) is None
    assert score_charts.reliability(None) is None
    assert score_charts.slices(None) is None
    assert run_charts.curve({}, {"train/loss": "training"}, "loss") is None
    assert run_charts.times([]) is None


def test_classes_called_like_what_javascript_objects_have_are_drawn():
    names = ["ant", "constructor", "toString", "__proto__", 'it\'s "<b>" \\ é']
    rows = [{"name": name, "pictures": 9, "float": 0.9, "int8": 0.8, "difference": -0.1} for name in names]
    chart = charts.per_class(rows)
    assert chart is not None
    drawn = html.unescape(vl_convert.vegalite_to_svg(chart.to_dict()))
    assert [name for name in names if f">{name}</text>" not in drawn] == []
