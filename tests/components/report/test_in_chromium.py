"""The page in headless Chromium, the network off: it draws and filters, asks for nothing and complains of nothing."""

import re

import numpy as np
import pytest

from components.report import page
from components.report.facts import Facts
from tests import browser
from tests.components.report import by_hand

pytestmark = pytest.mark.slow

MEGABYTE = 1_000_000
CHARTS = {"classes", "calibration", "slices", "loss", "top1", "rate", "times"}
MARKS = ".mark-symbol path, .mark-line path, .mark-rule line, .mark-rect path"


def rows_of(seen: browser.Seen, table: str) -> list[list[str]]:
    rows = seen.page.locator(f"#{table} tbody tr")
    return rows.evaluate_all(
        "(rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))"
    )


@pytest.mark.parametrize(("which", "largest"), [("page_of_ten", 5 * MEGABYTE), ("page_of_thousand", 15 * MEGABYTE)])
def test_it_is_small_draws_every_chart_and_asks_for_nothing(chromium, request, which, largest):
    file = request.getfixturevalue(which)
    assert file.stat().st_size < largest
    with browser.opened(chromium, file) as seen:
        drawn = {
            place.get_attribute("data-chart"): place.locator(MARKS).count()
            for place in seen.page.locator("[data-chart]").all()
        }
        assert drawn.keys() == CHARTS
        assert min(drawn.values()) >= 2, drawn
        assert seen.page.locator(".dag rect:not(.edge)").count() == len(by_hand.NODES)
        assert seen.page.locator("img").count() == len(
            request.getfixturevalue(which.removeprefix("page_of_")).thumbnails
        )
        assert seen.page.evaluate("[...document.images].every((each) => each.naturalWidth > 0)")
        assert seen.requests == []
        assert seen.complaints == []


def test_a_thousand_classes_are_points_all_of_them_and_a_filter_leaves_those_that_match(chromium, page_of_thousand):
    with browser.opened(chromium, page_of_thousand) as seen:
        points = seen.page.locator("[data-chart=classes] .mark-symbol.role-mark path")
        assert points.count() == 1000
        assert len(rows_of(seen, "class-table")) == 1000
        seen.page.fill("#class-filter", "CLASS 77")
        expected = {f"class {label}" for label in range(1, 1001) if str(label).startswith("77")}
        assert {row[0] for row in rows_of(seen, "class-table")} == expected
        assert seen.page.locator("#class-count").inner_text() == "11 of 1,000"
        strong = points.evaluate_all("(all) => all.map((each) => Number(each.getAttribute('opacity') ?? 1))")
        assert sum(opacity > 0.5 for opacity in strong) == 11
        seen.page.fill("#class-filter", "no such class")
        assert rows_of(seen, "class-table") == []
        assert seen.complaints == []


def test_the_table_of_classes_has_the_numbers_of_the_evaluation_and_sorts_by_mouse_and_by_key(
    chromium, ten, page_of_ten
):
    recall = ten.evaluation.candidate.recall
    with browser.opened(chromium, page_of_ten) as seen:
        shown = {row[0]: row for row in rows_of(seen, "class-table")}
        for label in range(1, 11):
            assert shown[ten.labels[label]][3] == f"{100 * recall[label]:.1f} %"
        heads = seen.page.locator("#class-table thead button")
        heads.nth(3).click()
        shares = [float(row[3].removesuffix(" %")) for row in rows_of(seen, "class-table")]
        assert shares == sorted(shares, reverse=True)
        heads.nth(3).press("Enter")
        assert [float(row[3].removesuffix(" %")) for row in rows_of(seen, "class-table")] == shares[::-1]
        assert seen.page.locator("#class-table th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_the_matrix_of_few_classes_is_the_evaluations_for_either_model(chromium, ten, page_of_ten):
    with browser.opened(chromium, page_of_ten) as seen:
        for model, scores in (("int8", ten.evaluation.candidate), ("float", ten.evaluation.baseline)):
            seen.page.select_option("#confusion-model", model)
            shown = [[int(cell or 0) for cell in row] for row in rows_of(seen, "confusion-matrix")]
            np.testing.assert_array_equal(shown, scores.confusion[1:, 1:])
        assert seen.page.locator("#overview").is_hidden()


def test_the_matrix_of_many_classes_begins_with_the_worst_and_looks_at_any(chromium, thousand, page_of_thousand):
    scores = thousand.evaluation.candidate
    worst = scores.confused(1)[0]
    with browser.opened(chromium, page_of_thousand) as seen:
        names = seen.page.locator("#confusion-matrix tbody th")
        assert names.count() == 40
        assert {thousand.labels[worst.label], thousand.labels[worst.predicted]} <= set(names.all_inner_texts())
        seen.page.fill("#confusion-class", "class 500")
        shown = names.all_inner_texts()
        others = np.flatnonzero(scores.confusion[500] + scores.confusion[:, 500])
        assert set(shown) == {thousand.labels[label] for label in others}
        row = dict(zip(shown, rows_of(seen, "confusion-matrix")[shown.index("class 500")], strict=True))
        assert {name: int(count) for name, count in row.items() if count} == {
            thousand.labels[label]: scores.confusion[500, label] for label in np.flatnonzero(scores.confusion[500])
        }


def test_all_classes_at_once_show_an_error_where_it_is_and_a_click_looks_at_its_class(
    chromium, thousand, page_of_thousand
):
    worst = thousand.evaluation.candidate.confused(1)[0]
    with browser.opened(chromium, page_of_thousand) as seen:
        canvas = seen.page.locator("#overview-canvas")
        pixels = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        painted = canvas.evaluate(f"(c) => {pixels}.filter((value, at) => at % 4 === 3 && value).length")
        assert painted > 5_000
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        x, y = ((place + 0.5) / 1001 * box["width"] for place in (worst.predicted, worst.label))
        canvas.click(position={"x": x, "y": y})
        assert seen.page.input_value("#confusion-class") == thousand.labels[worst.label]
        said = f"{thousand.labels[worst.label]} → {thousand.labels[worst.predicted]}: {worst.pictures}"
        assert seen.page.locator("#overview-cell").inner_text() == said


def test_the_most_confused_pairs_come_first_and_can_be_filtered(chromium, thousand, page_of_thousand):
    scores, other, names = thousand.evaluation.candidate, thousand.evaluation.baseline.confusion, thousand.labels
    expected = [
        [names[pair.label], names[pair.predicted], str(pair.pictures), str(other[pair.label, pair.predicted])]
        for pair in scores.confused(200)
    ]
    with browser.opened(chromium, page_of_thousand) as seen:
        assert rows_of(seen, "pair-table") == expected
        seen.page.fill("#pair-filter", "class 123")
        found = rows_of(seen, "pair-table")
        assert found
        assert all("class 123" in (label, predicted) for label, predicted, *_ in found)


def test_the_pictures_of_an_error_stand_with_its_classes(chromium, ten, page_of_ten):
    worst = ten.evaluation.candidate.confused(1)[0]
    with browser.opened(chromium, page_of_ten) as seen:
        first = seen.page.locator("figure").first
        assert re.sub(r"\s+", " ", first.locator("figcaption").inner_text()) == (
            f"{ten.labels[worst.label]} → {ten.labels[worst.predicted]} {worst.pictures} ×"
        )
        shown = [image.get_attribute("src") for image in first.locator("img").all()]
        assert shown == [ten.thumbnails[worst.label, name] for name in worst.names]


def test_names_from_outside_are_text_and_never_run(chromium, page_of_ten):
    with browser.opened(chromium, page_of_ten) as seen:
        assert by_hand.HOSTILE in [row[0] for row in rows_of(seen, "class-table")]
        assert by_hand.HOSTILE in seen.page.locator("#confusion-matrix tbody th").all_inner_texts()
        assert seen.page.locator(".files code").first.text_content() == f"train/ant/{by_hand.HOSTILE}"
        assert seen.page.evaluate("window.hacked") is None
        assert seen.page.locator("img[src=x]").count() == 0
        seen.page.locator("[data-chart=classes] .mark-symbol path").first.hover()
        assert seen.page.evaluate("window.hacked") is None
        assert (seen.requests, seen.complaints) == ([], [])


def test_its_policy_lets_no_other_script_run_and_nothing_be_fetched(chromium, page_of_ten):
    with browser.opened(chromium, page_of_ten) as seen:
        refused = seen.page.evaluate(
            """() => new Promise((done) => {
                const directives = [];
                document.addEventListener("securitypolicyviolation", (event) => {
                    directives.push(event.effectiveDirective);
                    if (directives.length === 3) done(directives.sort());
                });
                const script = document.createElement("script");
                script.textContent = "window.hacked = 1";
                document.body.append(script);
                new Image().src = "https://example.com/x.png";
                fetch("https://example.com/").catch(() => {});
            })"""
        )
        assert refused == ["connect-src", "img-src", "script-src-elem"]
        assert seen.page.evaluate("window.hacked") is None
        later = "try { done(eval('1')); } catch (error) { done(error.name); }"  # What runs at once, DevTools allow.
        assert seen.page.evaluate(f"() => new Promise((done) => setTimeout(() => {{ {later} }}))") == "EvalError"


@pytest.mark.parametrize("which", ["page_of_ten", "page_of_thousand"])
def test_on_a_phone_nothing_is_wider_than_the_screen(chromium, request, which):
    with browser.opened(chromium, request.getfixturevalue(which), width=390, height=844) as seen:
        wide = "document.documentElement.scrollWidth"
        assert seen.page.evaluate(wide) <= 390
        assert seen.complaints == []


def test_in_the_dark_text_is_light_on_dark_in_the_charts_too(chromium, page_of_ten):
    def brightness(seen: browser.Seen, selector: str, style: str) -> float:
        color = seen.page.locator(selector).first.evaluate(f"(e) => getComputedStyle(e).{style}")
        return float(np.mean([int(value) for value in re.findall(r"\d+", color)[:3]]))

    for dark in (False, True):
        with browser.opened(chromium, page_of_ten, dark=dark) as seen:
            label = brightness(seen, "[data-chart=classes] .role-axis-label text", "fill")
            card = brightness(seen, "section", "backgroundColor")
            assert (label - card > 80) is dark
            assert abs(label - card) > 80


def test_the_keyboard_reaches_the_content_first_and_headings_are_places(chromium, page_of_ten):
    with browser.opened(chromium, page_of_ten) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.getAttribute('href')") == "#main"
        for link in seen.page.locator("nav a").all():
            place = link.get_attribute("href")
            assert seen.page.locator(f"h2{place} a[href='{place}']").count() == 1


def test_without_scripts_the_numbers_and_the_pictures_are_there(chromium, ten, page_of_ten):
    with browser.opened(chromium, page_of_ten, scripts=False) as seen:
        text = seen.page.inner_text("body")
        assert f"{ten.evaluation.candidate.top1:.2%}".replace("%", " %") in text
        assert "need JavaScript" in text
        assert seen.page.locator("img").count() == len(ten.thumbnails)


def test_a_run_without_anything_is_a_page_that_says_so(chromium, tmp_path):
    file = tmp_path / "empty.html"
    file.write_text(page.render(Facts("MobileNetV1", faults=("FloatTrainer failed.",))))
    with browser.opened(chromium, file) as seen:
        assert "There is no evaluation to show." in seen.page.inner_text("#main")
        assert seen.page.locator(".fault").inner_text() == "FloatTrainer failed."
        assert seen.page.locator(".missing").count() == 9
        assert (seen.requests, seen.complaints) == ([], [])
