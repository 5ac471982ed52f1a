"""The page's text, without a browser: what it says is what was measured, and nothing from outside becomes markup."""

import base64
import dataclasses
import hashlib
import html
import json
import re

import numpy as np
import pytest

from components.evaluation.scores import Evaluation, Scores, Slice
from components.gate.evidence import Evidence
from components.report import confusion, dag, data_report, page, summary
from components.report.facts import Facts, Node
from tests.components.report import by_hand


@pytest.fixture(scope="module")
def text(ten) -> str:
    return page.render(ten)


def test_json_in_the_page_cannot_end_its_element_and_says_the_same(text, ten):
    [data] = re.findall(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)
    assert not set("<>&") & set(data)
    content = json.loads(data)
    assert content["confusion"]["names"] == ten.labels
    awkward = {"text": "</script>\u2028<!--", "numbers": [float("nan"), float("inf"), 0.5]}
    assert json.loads(page.as_json(awkward)) == {"text": "</script>\u2028<!--", "numbers": [None, None, 0.5]}
    assert "\u2028" not in page.as_json(awkward)


def test_the_policy_names_exactly_the_scripts_of_the_page(text):
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    policy = html.unescape(re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)[0])
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-(.*?)'", policy) == sums
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy


def test_nothing_in_the_page_is_fetched_from_elsewhere(text):
    without_scripts = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', without_scripts) == []
    assert "@import" not in without_scripts
    assert "url(" not in without_scripts


def test_names_from_outside_are_escaped(text):
    assert by_hand.HOSTILE not in text
    assert "<img src=x" not in text
    assert html.escape(by_hand.HOSTILE, quote=False)[:30] in text


def test_the_first_screen_has_the_counts_of_the_evaluation(ten):
    int8, baseline = ten.evaluation.candidate, ten.evaluation.baseline
    tiles = {tile["label"]: tile["value"] for tile in summary.tiles(ten)}
    assert tiles["int8 top-1"] == f"{100 * int8.top1_count / 500:.2f} %"
    assert tiles["int8 − float, points"] == f"{(int8.top1_count - baseline.top1_count) / 5:+.2f}"
    assert tiles["int8 file"] == "0.31 MB"
    rows = summary.rows(ten)
    assert [row["model"] for row in rows] == ["float", "int8"]
    assert [row["bytes"] for row in rows] == ["868,605", "309,469"]
    assert rows[1]["sha256"] == int8.sha256


def test_each_kind_of_evidence_is_shown_with_its_sentence():
    evidence = (
        Evidence("structure", ("There is no softmax.", "The labels are others.")),
        Evidence("provenance", (), "It was converted from these."),
    )
    said = summary.verdict(Facts("t", verdict={"blessed": False, "evidence": [each.as_dict() for each in evidence]}))
    assert said is not None
    assert [tuple(each.values()) for each in said["evidence"]] == [
        ("Structure", False, "There is no softmax. The labels are others."),
        ("Provenance", True, "It was converted from these."),
    ]


def test_a_verdict_without_evidence_is_its_reason(ten):
    text = page.render(dataclasses.replace(ten, verdict={"blessed": False, "reason": "Too few <pictures>."}))
    assert "Too few &lt;pictures&gt;." in text
    assert "Not blessed" in text


def test_the_cells_give_the_whole_matrix_back(thousand):
    scores = thousand.evaluation.candidate
    content = confusion.content(thousand)
    assert content is not None
    flat = np.array(content["models"]["int8"]["cells"]).reshape(-1, 3)
    matrix = np.zeros_like(scores.confusion)
    matrix[flat[:, 0], flat[:, 1]] = flat[:, 2]
    np.testing.assert_array_equal(matrix, scores.confusion)


def test_of_more_cells_than_a_page_bears_the_largest_stay(monkeypatch):
    monkeypatch.setattr(confusion, "MOST_CELLS", 3)
    matrix = np.array([[5, 1, 0], [2, 7, 1], [0, 3, 4]])
    scores = Scores(23, 16, 23, 0.5, matrix)
    assert np.array(confusion.cells(scores)).reshape(-1, 3).tolist() == [[0, 0, 5], [1, 1, 7], [2, 2, 4]]


def test_slices_and_models_without_a_matrix_have_no_section():
    scores = Scores(10, 5, 8, 0.5, np.zeros((0, 0), np.int64))
    facts = Facts("t", evaluation=Evaluation(Slice({"candidate": scores, "baseline": scores})))
    assert confusion.content(facts) is None
    assert page.render(facts).count("Not measured.") == 4


def test_recipes_and_digests_are_those_of_the_models(ten):
    assert ("recipe", "quantized model", "e" * 64) in data_report.digests(ten)
    assert ("file", "the int8 file that was evaluated", ten.evaluation.sha256) in data_report.digests(ten)
    assert [(each["name"], each["steps"]) for each in data_report.recipes(ten)] == [
        ("sample_float", 300),
        ("sample_qat", 120),
    ]


def test_of_two_classes_with_one_name_each_has_its_number():
    facts = Facts("t", labels=["background", "crane", "heron", "crane"])
    assert [facts.name_of(label) for label in range(5)] == ["background", "crane (1)", "heron", "crane (3)", "4"]


def test_the_dag_is_drawn_downwards_without_the_edges_that_longer_ways_say():
    drawing = dag.drawing(by_hand.NODES)
    assert drawing is not None
    heights = {box.node.name: box.y for box in drawing["boxes"]}
    assert all(heights[before] < heights[node.name] for node in by_hand.NODES for before in node.after)
    # Of 7 edges, ExampleGen → Trainer and ExampleGen → Evaluator go by way of others.
    assert len(drawing["edges"]) == 5
    places = [(box.x, box.y) for box in drawing["boxes"]]
    assert len(set(places)) == len(places)
    assert all(x >= 0 and x + dag.WIDTH <= drawing["width"] for x, _ in places)


def test_a_node_that_waits_for_one_of_another_run_or_for_itself_is_drawn_all_the_same():
    drawing = dag.drawing([Node("A", "done", 0, 1, ("B", "A", "gone")), Node("B", "done", 1, 1, ("A",))])
    assert drawing is not None
    assert [box.node.name for box in drawing["boxes"]] == ["A", "B"]
    assert len(drawing["edges"]) == 1
