"""The zoo as it is read off bundles: which count, what they say, who is on the front; its files and its page."""

import csv
import dataclasses
import io
import json
import random
import re
from pathlib import Path

import pytest
from scipy.stats import binomtest

from components.release import bundle
from components.zoo import bundles, files, tables
from components.zoo import models as zoo_models
from components.zoo.models import ZooError
from tests import browser
from tests.components.zoo.zoo_folder import DATA, OTHER, measure, push


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Three variants on the same pictures, one of them measured in time, and one on others."""
    base = tmp_path_factory.mktemp("models")
    push(base, "0.25_32", top1=(350, 340), latency=(0.20, 0.12))
    push(base, "0.50_32", 1, top1=(400, 100))
    push(base, "0.50_32", 2, top1=(400, 395), size=900_000)
    push(base, "0.25_64", top1=(390, 395), size=310_000)
    push(base, "1.0_32", top1=(499, 499), data=OTHER)
    return base


def _named(zoo: zoo_models.Zoo) -> dict[str, zoo_models.Model]:
    return {model.name: model for model in zoo.models}


def test_of_each_variant_the_newest_whole_version_counts_and_a_damaged_one_is_named(tmp_path):
    for version, right in ((1, 300), (2, 350), (10, 400)):
        push(tmp_path, "0.25_32", version, top1=(right, right))
    (tmp_path / "0.25_32" / "10" / "labels.txt").write_text("changed\n")
    zoo = bundles.read(tmp_path)
    assert {model.name: (model.folder, model.top1) for model in zoo.models} == {
        "0.25_32 float": ("0.25_32/2", 0.7),
        "0.25_32 int8": ("0.25_32/2", 0.7),
    }
    assert re.fullmatch(r".*/0\.25_32/10 is not whole: labels\.txt: changed: .* Push the bundle again\.", zoo.faults[0])


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["macs"], 10**400),
        (["macs"], -1),
        (["variant"], "0.25_" + "9" * 400),
        (["variant"], 7),
        (["results", "pictures"], 0),
        (["results", "pictures"], 1e400),
        (["results", "int8", "top1_count"], 501),
        (["results"], [1]),
        (["files"], "none"),
        (["digests", "quantized"], None),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) and value[0] != 1 else "",
)
def test_a_bundle_that_says_what_cannot_be_is_left_out_by_name(tmp_path, keys, value):
    push(tmp_path, "0.50_64")
    folder = push(tmp_path, "0.25_64")
    info = json.loads((folder / "info.json").read_text())
    inner = info
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    bundle.write_json(folder / "info.json", info)
    bundle.write_manifest(folder)
    zoo = bundles.read(tmp_path)
    assert {model.variant for model in zoo.models} == {"0.50_64"}
    [fault] = zoo.faults
    assert fault.startswith(f"{folder}: info.json has no ") and len(fault) < 400
    assert r"0.50\_64" in tables.as_markdown(zoo)


def test_a_model_has_its_files_bytes_and_wilsons_intervals_as_scipy_gives_them(models):
    model = _named(bundles.read(models))["0.50_32 int8"]
    assert (model.bytes, model.pictures, model.classes, model.data) == (900_000, 500, 11, DATA)
    assert (model.macs, model.parameters) == (3_046_656, 824_235)
    expected = binomtest(395, 500).proportion_ci(method="wilson")
    assert (model.top1, model.top1_low, model.top1_high) == pytest.approx((0.79, expected.low, expected.high))
    expected = binomtest(495, 500).proportion_ci(method="wilson")
    assert (model.top5_low, model.top5_high) == pytest.approx((expected.low, expected.high))


def test_only_models_of_the_same_pictures_are_compared(models):
    zoo = bundles.read(models)
    assert [model.name for model in zoo.models if not model.compared] == ["1.0_32 float", "1.0_32 int8"]
    assert not any(model.front for model in zoo.models if not model.compared)
    assert zoo.data == DATA


def test_the_front_is_what_a_walk_by_rising_cost_leaves(models):
    zoo = bundles.read(models)
    for cost in zoo_models.COSTS:
        priced = [model for model in zoo.models if model.compared and zoo_models.cost(model, cost) is not None]
        best, walked = -1.0, set()
        for model in sorted(priced, key=lambda model: (zoo_models.cost(model, cost), -model.top1)):
            if model.top1 > best:
                best = model.top1
                same = (model.top1, zoo_models.cost(model, cost))
                walked |= {each.name for each in priced if (each.top1, zoo_models.cost(each, cost)) == same}
        assert {model.name for model in zoo.models if cost in model.front} == walked
    assert {model.name for model in zoo.models if "bytes" in model.front} == {
        "0.25_32 int8", "0.25_64 int8", "0.50_32 float",
    }  # fmt: skip


def test_a_latency_comes_with_machine_threads_and_kernels_and_is_of_that_very_file(models, tmp_path):
    latency = _named(bundles.read(models))["0.25_32 int8"].latency
    assert latency == zoo_models.Latency(0.12, "a bench", "ai-edge-litert 2.3.0", 1, "XNNPACK")
    push(tmp_path, "0.25_32", 1, latency=(3.0, 1.5))
    assert {model.kind: model.latency_ms for model in bundles.read(tmp_path).models} == {"float": 3.0, "int8": 1.5}
    push(tmp_path, "0.25_32", 2)  # Other files, which nobody has measured.
    assert {model.latency_ms for model in bundles.read(tmp_path).models} == {None}


def test_what_the_cache_sees_changes_with_bundles_and_measurements_and_with_nothing_else(tmp_path):
    push(tmp_path, "0.25_32")
    prints = [bundles.fingerprint(tmp_path)]
    files.deliver(files.write(bundles.read(tmp_path), tmp_path / "elsewhere"), tmp_path)
    assert bundles.fingerprint(tmp_path) == prints[0]
    push(tmp_path, "0.25_32", 2)
    prints.append(bundles.fingerprint(tmp_path))
    measure(tmp_path, "0.25_32", 3.0, 1.5)
    prints.append(bundles.fingerprint(tmp_path))
    assert len(set(prints)) == 3


def test_json_and_csv_have_every_digit_and_json_reads_back_as_the_same_zoo(models, tmp_path):
    zoo = bundles.read(models)
    (tmp_path / "zoo.json").write_text(tables.as_json(zoo))
    assert bundles.load(tmp_path / "zoo.json") == zoo
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(zoo))))
    assert [(row["variant"], row["kind"]) for row in rows] == [(model.variant, model.kind) for model in zoo.models]
    for row, model in zip(rows, zoo.models, strict=True):
        assert (float(row["top1_low"]), int(row["bytes"]), int(row["macs"])) == (
            model.top1_low,
            model.bytes,
            model.macs,
        )
        assert row["latency_ms"] == ("" if model.latency_ms is None else str(model.latency_ms))
        assert row["front"].split() == list(model.front)


def test_the_markdown_table_names_the_pictures_and_how_latency_was_measured(models):
    lines = tables.as_markdown(bundles.read(models)).splitlines()
    row = "| 0.25\\_32 int8 | 0.84 | 0.216 | 300,000 | 68.00 (63.8 to 71.9) | 99.00 (97.7 to 99.6) | 0.12 |"
    assert any(line.startswith(row) for line in lines)
    text = "\n".join(lines)
    assert "Measured on 500 pictures of 10 classes" in text
    assert "\\* Measured on other data, so not compared with the rest: 1.0\\_32 float, 1.0\\_32 int8." in text
    assert "Latency: median of one picture at a time, 1 thread, XNNPACK, ai-edge-litert 2.3.0, a bench." in text


def test_a_machines_name_is_text_on_the_page_and_in_the_table_whatever_it_holds(tmp_path):
    evil = "<script>alert(1)</script> | [x](y)"
    push(tmp_path, "0.25_32")
    measure(tmp_path, "0.25_32", 2, 1, machine=evil)
    folder = files.write(bundles.read(tmp_path), tmp_path / "zoo")
    page = (folder / "zoo.html").read_text()
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\[x\\](y)" in (folder / "zoo.md").read_text()


def test_the_page_draws_a_chart_for_each_cost_with_the_published_points_and_asks_for_nothing(models, tmp_path):
    folder = files.write(bundles.read(models), tmp_path)
    with browser.launched() as chromium, browser.opened(chromium, folder / "zoo.html") as seen:
        assert (seen.requests, seen.complaints) == ([], [])
        points = {
            place.get_attribute("data-chart"): place.locator(".mark-symbol.role-mark path").count()
            for place in seen.page.locator("[data-chart]").all()
        }
        # Six models that are compared, two of them measured in time; the ringed ones of each front; 32 published.
        assert points == {"macs": 32 + 6 + 2, "bytes": 6 + 3, "latency_ms": 2 + 2}
        assert seen.page.locator("table.models tbody tr").count() == 8


def test_an_empty_destination_has_a_page_that_says_so(tmp_path):
    zoo = bundles.read(tmp_path / "none")
    folder = files.write(zoo, tmp_path / "zoo")
    assert "No bundle has been pushed yet." in (folder / "zoo.html").read_text()
    assert json.loads((folder / "zoo.json").read_text())["models"] == []


def test_a_deleted_or_damaged_copy_is_made_good_from_the_artifact(models, tmp_path):
    artifact = files.write(bundles.read(models), tmp_path / "artifact")
    copy = Path(str(files.deliver(artifact, tmp_path / "models")))
    times = {name: (copy / name).stat().st_mtime_ns for name in files.FILES}
    (copy / "zoo.csv").unlink()
    (copy / "zoo.md").write_text("damaged")
    files.deliver(artifact, tmp_path / "models")
    for name in files.FILES:
        assert (copy / name).read_bytes() == (artifact / name).read_bytes()
    assert times["zoo.json"] == (copy / "zoo.json").stat().st_mtime_ns  # It was there, and is left alone.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda zoo: zoo.update(format=2), "is a zoo.json of format 2, and this version reads formats up to 1"),
        (lambda zoo: zoo["models"][0].update(top1=75.0), "model 0: top1 is 75.0, wanted a share from 0 to 1"),
        (lambda zoo: zoo["models"][1].update(bytes="many"), "model 1: bytes is 'many', wanted a whole number"),
        (lambda zoo: zoo["models"][0].pop("macs"), "model 0: macs is None, wanted a whole number"),
        (lambda zoo: zoo["models"].append(zoo["models"][0]), "twice, wanted every model once"),
    ],
)
def test_a_zoo_that_is_none_is_refused_with_what_is_wrong(models, tmp_path, change, message):
    value = json.loads(tables.as_json(bundles.read(models)))
    change(value)
    (tmp_path / "zoo.json").write_text(json.dumps(value))
    with pytest.raises(ZooError, match=message):
        bundles.load(tmp_path / "zoo.json")


@pytest.fixture(scope="module")
def many(models, tmp_path_factory):
    """The page of 500 models on the same pictures: 250 variants, the larger the better, with some luck."""
    like, draw = bundles.read(models).models[0], random.Random(5)
    found = []
    for index in range(250):
        for kind, lost in (("float", 0.0), ("int8", 0.01)):
            top1 = 0.5 + 0.0012 * index + draw.uniform(-0.05, 0.05) - lost
            found.append(
                dataclasses.replace(
                    like, variant=f"0.25_{32 + index}", kind=kind, macs=1_000_000 + 40_000 * index, top1=top1,
                    bytes=300_000 * (3 if kind == "float" else 1) + 1000 * index, folder=f"0.25_{32 + index}/1",
                    top1_low=top1 - 0.04, top1_high=top1 + 0.04, latency=None,
                )
            )  # fmt: skip
    return zoo_models.assembled(found), files.write(zoo_models.assembled(found), tmp_path_factory.mktemp("many"))


@pytest.mark.parametrize("width", [1440, 390])
def test_a_page_of_500_models_fits_its_window_and_is_no_longer_than_one_of_few(many, width):
    _, folder = many
    with browser.launched() as chromium, browser.opened(chromium, folder / "zoo.html", width=width) as seen:
        assert (seen.requests, seen.complaints) == ([], [])
        wide, long = seen.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= width
        assert long < 3000  # 36,000 where each model had its line on the page.


def test_500_models_are_searched_bounded_and_sorted_and_the_front_alone_is_named(many):
    zoo, folder = many
    with browser.launched() as chromium, browser.opened(chromium, folder / "zoo.html", width=1440) as seen:
        rows = seen.page.locator("table.models tbody tr")

        def first() -> str:
            return rows.first.locator("th").inner_text()

        assert (rows.count(), seen.page.locator("#browse-count").inner_text()) == (500, "500")
        seen.page.get_by_role("button", name="top-1, %").click()
        assert first() == max(zoo.models, key=lambda model: model.top1).name
        seen.page.get_by_role("button", name="bytes").click()
        assert first() == min(zoo.models, key=lambda model: model.bytes).name
        seen.page.locator("input[name=bytes]").fill("400000")
        seen.page.locator("input[name=top1]").fill("60")
        fit = [model for model in zoo.models if model.bytes <= 400_000 and model.top1 >= 0.6]
        assert rows.count() == len(fit)
        assert seen.page.locator("#browse-count").inner_text() == f"{len(fit)} of 500"
        seen.page.locator("input[name=name]").fill("0.25_100")
        assert rows.count() == 0
        seen.page.locator("input[name=bytes]").fill("")
        seen.page.locator("input[name=top1]").fill("")
        assert rows.count() == 2
        seen.page.locator("input[name=latency_ms]").fill("5")
        assert rows.count() == 0  # A latency that was not measured keeps no limit.
        names = seen.page.locator("[data-chart=macs] .mark-text.role-mark text").count()
        front = [model for model in zoo.models if "macs" in model.front and model.kind == "int8"]
        assert 2 <= names <= 8 < len(front)
