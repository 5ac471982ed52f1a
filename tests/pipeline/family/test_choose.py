"""The best model under a budget: against a search that tries them all, and what is said where nothing fits."""

import io
import json
import random
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from components.release import bundle
from components.zoo import bundles, tables
from pipeline.cli import app
from pipeline.family import choose as choosing
from pipeline.family import zoo_commands
from pipeline.family.choose import Budget, Candidate
from tests.components.zoo.zoo_folder import OTHER, push

LATENCY_MS = {"0.25_32": 0.1, "0.25_64": 0.3, "0.50_32": 0.25, "0.50_64": 0.9, "1.0_32": 1.0}
RIGHT = {"0.25_32": 340, "0.25_64": 410, "0.50_32": 410, "0.50_64": 430, "1.0_32": 425, "1.0_64": 460}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Path:
    """Six variants, one without a latency, and one that was measured on other pictures."""
    base = tmp_path_factory.mktemp("models")
    for variant, right in RIGHT.items():
        time = LATENCY_MS.get(variant)
        latency = (2 * time, time) if time else None
        size = {"0.25": 300_000, "0.50": 900_000, "1.0": 3_400_000}[variant.split("_")[0]]
        push(base, variant, top1=(right, right), size=size, latency=latency)
    push(base, "0.75_64", top1=(499, 499), data=OTHER)
    return base


def _chosen(*arguments: str) -> tuple[int, dict]:
    done = CliRunner().invoke(app, ["choose", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def _fits(model: dict, budget: Budget) -> bool:
    """By zoo.json alone, and in other words than the product's."""
    limits = (
        (model["latency_ms"], budget.max_latency_ms),
        (model["bytes"], budget.max_bytes),
        (model["macs"], budget.max_macs),
    )
    kept = all(most is None or (cost is not None and cost <= most) for cost, most in limits)
    return kept and model["top1"] >= (budget.min_top1 or 0) and model["compared"] and model["kind"] == "int8"


def test_for_a_thousand_budgets_it_is_what_a_search_through_the_json_finds(zoo):
    models = json.loads(tables.as_json(bundles.read(zoo)))["models"]
    candidates, _ = choosing.candidates(zoo)
    draw = random.Random(7)
    found = []
    for _ in range(1000):
        budget = Budget(
            max_latency_ms=draw.choice([None, draw.uniform(0.05, 1.2)]),
            max_bytes=draw.choice([None, draw.randint(200_000, 4_000_000)]),
            max_macs=draw.choice([None, round(10 ** draw.uniform(5.5, 8))]),
            min_top1=draw.choice([None, draw.uniform(0.6, 0.95)]),
        )
        fit = [model for model in models if _fits(model, budget)]
        best = min(fit, key=lambda model: (-model["top1"], model["bytes"], model["macs"]), default=None)
        choice = choosing.choose(candidates, budget)
        assert (choice.chosen and choice.chosen.variant) == (best and best["variant"]), budget
        assert {each.variant for each in choice.runners_up} == {each["variant"] for each in fit if each is not best}
        assert len(fit) + len(choice.fallen) == len(candidates) == 7
        assert (choice.nearest is None) == bool(fit)
        found.append(best and best["variant"])
    assert set(found) == {*RIGHT, None}  # Every one of them is the best under some budget; under some, none is.


def test_of_equals_the_smaller_file_is_chosen(zoo):
    code, choice = _chosen("--zoo", str(zoo), "--max-latency-ms", "0.3")
    assert code == 0
    assert choice["chosen"]["variant"] == "0.25_64"  # 410 right, as 0.50_32, in a third of the bytes.
    assert [each["variant"] for each in choice["runners_up"]] == ["0.50_32", "0.25_32"]
    assert choice["chosen"]["file"] == "0.25_64/1/mobilenet_v1_0.25_64_int8.tflite"
    assert (zoo / choice["chosen"]["file"]).parent.is_dir()


def test_each_that_falls_out_has_a_reason_for_every_limit_that_it_breaks(zoo):
    _, choice = _chosen("--zoo", str(zoo), "--max-latency-ms", "0.5", "--max-bytes", "1M", "--min-top1", "70")
    reasons = {each["candidate"]["variant"]: each["reasons"] for each in choice["fallen"]}
    assert reasons["1.0_32"] == [
        "latency 1 ms, wanted at most 0.5 ms",
        "size 3,400,000 bytes, wanted at most 1,000,000 bytes",
    ]
    assert reasons["1.0_64"][0] == "latency not measured"
    assert reasons["0.25_32"] == ["top-1 68.00%, wanted at least 70.00%"]
    assert reasons["0.75_64"] == ["measured on other pictures than the rest", "latency not measured"]


def test_where_latency_is_missing_the_command_that_measures_it_is_named_and_takes_these_folders(zoo, tmp_path):
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "zoo.json").write_text(tables.as_json(bundles.read(zoo)))
    for place, base in ((zoo, zoo), (tmp_path / "zoo" / "zoo.json", tmp_path)):
        said = CliRunner().invoke(app, ["choose", "--zoo", str(place), "--max-latency-ms", "0.3"]).stdout.splitlines()
        folders = f"{base}/0.75_64/1 {base}/1.0_64/1"
        assert said[-1] == f"To measure latency on this machine: mobilenet benchmark {folders} --write"
    said = CliRunner().invoke(app, ["choose", "--zoo", str(zoo), "--max-bytes", "1M"]).stdout
    assert "benchmark" not in said


def test_the_zoo_counts_its_releases_and_their_files(zoo, tmp_path):
    said = CliRunner().invoke(app, ["zoo", str(zoo), "--output", str(tmp_path / "page")]).stdout
    assert said.replace("\n", "").endswith("zoo.html: 7 releases, 14 files.")


def test_a_file_on_too_few_pictures_is_chosen_only_where_that_is_asked_for(tmp_path):
    folder = push(tmp_path, "0.25_32")
    bundle.write_json(folder / bundle.INFO, bundle.read_info(folder) | {"evidence": "insufficient"})
    bundle.write_manifest(folder)
    code, choice = _chosen("--zoo", str(tmp_path))
    [fallen] = choice["fallen"]
    assert (code, fallen["candidate"]["evidence"]) == (1, "insufficient")
    assert fallen["reasons"] == [
        "not shown to be as good as its float model, on too few pictures: --accept-small takes it"
    ]
    code, choice = _chosen("--zoo", str(tmp_path), "--accept-small")
    assert (code, choice["chosen"]["evidence"]) == (0, "insufficient")
    zoo_json = json.loads(tables.as_json(bundles.read(tmp_path)))
    assert {model["evidence"] for model in zoo_json["models"]} == {"insufficient"}
    (tmp_path / "zoo.json").write_text(json.dumps(zoo_json))
    assert _chosen("--zoo", str(tmp_path / "zoo.json"))[0] == 1


def test_an_impossible_budget_says_what_is_nearest_and_ends_with_1(zoo):
    done = CliRunner().invoke(app, ["choose", "--zoo", str(zoo), "--max-bytes", "250k", "--min-top1", "80"])
    assert done.exit_code == 1
    said = done.stdout.replace("\n", " ")
    assert "Nothing fits. Nearest is 0.25_64: size 300,000 bytes, wanted at most 250,000 bytes." in said


def test_the_nearest_is_over_its_worst_limit_by_the_least():
    small, accurate = Candidate("small", 0.50, 10, 100), Candidate("accurate", 0.80, 10, 300)

    def nearest(**limits: float) -> str:
        found = choosing.choose([small, accurate], Budget(**limits)).nearest  # pyright: ignore[reportArgumentType]
        return found.candidate.variant if found else "one fits"

    assert nearest(max_bytes=200, min_top1=0.9) == "accurate"
    assert nearest(max_bytes=90, min_top1=0.55) == "small"


def test_without_a_zoo_it_goes_by_the_published_figures_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, choice = _chosen("--max-bytes", "1.6M", "--max-macs", "150M")
    assert (code, choice["chosen"]["variant"], choice["chosen"]["top1"]) == (0, "0.50_224", 0.607)
    assert choice["chosen"]["file"] is None
    assert choice["by"].startswith("Nothing was measured here: top-1 as the reference published it for ImageNet")
    code, choice = _chosen("--max-latency-ms", "5")
    assert code == 1
    assert {reason for each in choice["fallen"] for reason in each["reasons"]} == {"latency not measured"}


def test_a_zoo_json_alone_gives_the_same_choice(zoo, tmp_path):
    (tmp_path / "zoo.json").write_text(tables.as_json(bundles.read(zoo)))
    for place in (tmp_path, tmp_path / "zoo.json"):
        assert (
            _chosen("--zoo", str(place), "--max-macs", "5M")[1]["chosen"]
            == _chosen("--zoo", str(zoo), "--max-macs", "5M")[1]["chosen"]
        )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1M", 10**6), ("1.5 MB", 1_500_000), ("500k", 500_000), ("1Mi", 2**20), ("2GiB", 2**31), ("7", 7)],
)
def test_sizes_are_read_as_people_write_them(text, value):
    assert zoo_commands.quantity(text, option="--max-bytes") == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-bytes", "1x"], "--max-bytes is '1x', wanted a number above 0, such as 500k, 1.5M or 1Mi."),
        (["--max-macs", "0"], "--max-macs is '0', wanted a number above 0"),
        (["--min-top1", "0.6"], "--min-top1 is 0.6, wanted percent from 1 to 100, such as 60."),
        (["--max-latency-ms", "nan"], "--max-latency-ms is nan, wanted milliseconds above 0"),
        (["--zoo", "/no/such/place"], "/no/such/place does not exist: wanted the folder that bundles were pushed to"),
    ],
)
def test_what_cannot_be_a_budget_is_one_clear_sentence(arguments, message):
    done = CliRunner().invoke(app, ["choose", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("fit", "fallen", "lines", "line"),
    [
        (300, 200, 10, "290 more fit and 200 more fall out: --all shows them."),
        (4, 496, 10, "490 more fall out: --all shows them."),
        (10, 0, 10, ""),
        (3, 7, 10, ""),
    ],
)
def test_of_500_models_ten_lines_are_shown_and_the_rest_is_counted(fit, fallen, lines, line):
    found = [Candidate(f"fit-{n}", 0.9 - n / 1e4, 10, 100) for n in range(fit)]
    found += [Candidate(f"out-{n}", 0.5, 10, 900) for n in range(fallen)]
    choice = choosing.choose(found, Budget(max_bytes=200))
    shown, everything = (_screen(choice, most) for most in (zoo_commands.LINES, None))
    assert sum(each.startswith("fit-") and ":" not in each for each in shown[1:]) + _fallen(shown) == lines
    assert [each for each in shown if "--all" in each] == ([line] if line else [])
    assert _fallen(everything) == fallen
    assert len(everything) >= fit + fallen


def _screen(choice: choosing.Choice, most: int | None) -> list[str]:
    text = io.StringIO()
    zoo_commands._show(Console(file=text, width=200), choice, None, most=most)
    return [line.strip() for line in text.getvalue().splitlines()]


def _fallen(lines: list[str]) -> int:
    return sum(" falls out: " in line for line in lines)
