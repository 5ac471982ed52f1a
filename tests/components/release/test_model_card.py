"""The card's numbers, read back out of Markdown and HTML by parsers that we did not write."""

import html.parser
import re

import pytest
from markdown_it import MarkdownIt

from components.evaluation.intervals import drop_interval, share_interval
from components.release import software
from components.release.model_card import card, facts
from tests.components.release.release_facts import LABELS, NAME, evaluation, info


@pytest.fixture(scope="module")
def papers() -> dict[str, str]:
    return card.render(facts.of(info(), evaluation(), LABELS))


class Tables(html.parser.HTMLParser):
    """Every table's rows of texts, and all text and all elements of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.elements: set[str] = set()
        self.text = ""
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_data(self, data):
        self.text += data
        if self._in_cell:
            self.tables[-1][-1][-1] += data.strip()

    def handle_endtag(self, tag):
        self._in_cell &= tag not in ("td", "th")


@pytest.fixture(scope="module")
def pages(papers) -> list[Tables]:
    """Both papers as a browser would have them."""
    return [Tables(MarkdownIt().enable("table").render(papers["MODEL_CARD.md"])), Tables(papers["MODEL_CARD.html"])]


def row(page: Tables, *begin: str) -> list[str]:
    [found] = [row for table in page.tables for row in table if row[: len(begin)] == list(begin)]
    return found


def interval(count: int, pictures: int) -> str:
    low, high = share_interval(count, pictures)
    return f"[{100 * low:.1f} to {100 * high:.1f}]"


def test_results_are_those_measured_with_their_intervals(pages):
    for page in pages:
        assert row(page, "int8", "70.6 %")[1:] == ["70.6 %", interval(353, 500), "99.6 %", interval(498, 500)]
        assert row(page, "float", "70.4 %")[1:] == ["70.4 %", interval(352, 500), "99.4 %", interval(497, 500)]
        assert "Only the float model is right on 12 of the pictures, only the int8 file on 13" in page.text
        low, high = drop_interval(only_baseline=12, only_candidate=13, pictures=500)
        assert f"is +0.2 points (95 %: {-100 * high:+.1f} to {-100 * low:+.1f})" in page.text.replace("\n", " ")


def test_slices_are_listed_with_their_intervals_and_shown_as_text(pages):
    for page in pages:
        assert row(page, "picture_size", "under 64 px")[2:4] == ["400", "75.0 %"]
        assert row(page, "picture_size", "<b>64 px")[2:] == [
            "100", "53.0 %", interval(53, 100), "62.0 %", interval(62, 100),
        ]  # fmt: skip


def test_the_weakest_classes_come_first_among_the_limits(pages):
    for page in pages:
        [table] = [table for table in page.tables if table[0][0].lower() == "class"]
        assert [row[0] for row in table[1:]] == ["b|c <i>d</i>", "*e*", "ant"]
        assert table[1][1:] == ["52.0 %", "200"]


def test_files_recipes_digests_and_versions_are_named(pages):
    for page in pages:
        assert row(page, f"{NAME}_int8.tflite")[1] == "300,001"
        assert row(page, "quantized", "tiny_qat")[2:] == ["another model's weights", "124", "1"]
        assert row(page, "float", "tiny_float")[2:] == ["random weights", "496", "1"]
        assert row(page, "quantized", "base_model")[2] == "b" * 64
        assert f"tensorflow {software.versions()['tensorflow']}" in page.text
        assert "mobilenet run --data PICTURES --variant 0.25_32" in page.text


def test_labels_from_outside_are_text_in_both(pages):
    for page in pages:
        assert "ant, b|c <i>d</i>, *e*." in re.sub(r"\s+", " ", page.text)
        assert not page.elements & {"i", "b", "em", "script"}


def test_the_page_may_load_nothing(papers):
    assert "default-src 'none'" in papers["MODEL_CARD.html"]
    assert re.findall(r"""\b(?:src|href)=["']?([^"' >]*)""", papers["MODEL_CARD.html"]) == ["data:,"]


def test_the_same_facts_give_the_same_bytes(papers):
    assert card.render(facts.of(info(), evaluation(), LABELS)) == papers


@pytest.mark.parametrize("text", ["a\nb", "x\x1b[31m", "# head", "1 | 2", "`code`", "[a](b)", "<img src=x>", "~~no~~"])
def test_any_text_is_one_line_of_plain_text_in_markdown(text):
    rendered = Tables(
        MarkdownIt().enable(["table", "strikethrough"]).render(f"| a |\n| --- |\n| {card.escaped(text)} |\n")
    )
    shown = "".join(each if each.isprintable() else " " for each in text).strip()
    assert rendered.tables == [[["a"], [shown]]]
    assert rendered.elements <= {"table", "thead", "tbody", "tr", "th", "td"}


def test_a_card_says_where_too_few_pictures_show_nothing():
    few = card.render(facts.of(info() | {"evidence": "insufficient"}, evaluation(), LABELS))
    enough = card.render(facts.of(info() | {"evidence": "sufficient"}, evaluation(), LABELS))
    said = "Not shown to be as good as the float model: 500 pictures are too few to tell."
    assert all(said in text for text in few.values()) and not any("Not shown" in text for text in enough.values())
