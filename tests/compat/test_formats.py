"""Every file for others has a format version: one mechanism, one page; a newer version is rejected with a sentence."""

import ast
import functools
import importlib
import json
import re
import shutil
from pathlib import Path

import pytest

from components.conversion import artifact
from components.evaluation import classifiers, tfma_module
from components.gate import accuracy_gate, provenance_records
from components.ingestion import counts, summary
from components.release import bundle
from components.report import artifacts
from components.zoo import bundles, tables
from pipeline.evaluate import scores_file
from pipeline.family import choose, models_table
from tests.compat.recorded import paths, written
from trainer import export, tflite
from trainer.file_format import FileFormat, FormatError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "files.md").read_text()
NEWER = "of format 2, and this version reads formats up to 1"


@functools.cache
def formats() -> dict[str, FileFormat]:
    """Every FileFormat that a module of ours defines, by its file."""
    found = {}
    for package in ("trainer", "components", "pipeline"):
        for file in (ROOT / package).rglob("*.py"):
            names = [
                target.id
                for node in ast.parse(file.read_text()).body
                if isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and getattr(node.value.func, "id", "") == "FileFormat"
                for target in node.targets
                if isinstance(target, ast.Name)
            ]
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for each in (getattr(importlib.import_module(module), name) for name in names):
                assert each.file not in found, f"{each.file} has two homes"
                found[each.file] = each
    return found


def test_the_page_lists_each_format_with_its_version_and_no_other():
    listed = dict(re.findall(r"^## `([^`]+)`, format (\d+)$", PAGE, re.MULTILINE))
    assert listed == {name: str(each.version) for name, each in formats().items()}


def section(name: str) -> str:
    return PAGE.split(f"## `{name}`", 1)[1].split("\n## ", 1)[0]


OLD = ["manifest.json", "info.json", "zoo.json", "latency/VARIANT.json", "ingestion_report.json", "model.json",
       "conversion.json", "verdict.json", "scores.json", "mobilenet choose --json", "mobilenet models --json",
       "mobilenet benchmark --json", "mobilenet debug-quantization --json"]  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_the_page_names_each_key_of_what_0_1_0_wrote_and_today_reads_it(files, name):
    value = written(files, name)
    assert formats()[name].checked(value, name) == value
    text = section(name)
    missing = [key for key in value if key != "format" and f"`{key}`" not in text]
    assert missing == []


def test_a_file_without_a_version_is_version_1_and_other_versions_are_rejected_with_a_way_out():
    mine = FileFormat("mine.json", 2)
    assert mine.stamped({"a": 1}) == {"format": 2, "a": 1}
    assert [mine.checked(value, "x") for value in ({}, {"format": 1}, {"format": 2})] == [
        {},
        {"format": 1},
        {"format": 2},
    ]
    with pytest.raises(
        FormatError, match=r"^x is a mine\.json of format 3, .* up to 2\. Update this project, or write"
    ):
        mine.checked({"format": 3}, "x")
    for wrong in (0, -1, 1.0, "1", True, None):
        with pytest.raises(FormatError, match="wanted a whole number from 1 on"):
            mine.checked({"format": wrong}, "x")
    for wrong, kind in (([], "a list"), (None, "nothing"), ("text", "a str")):
        with pytest.raises(FormatError, match=f"x holds {kind}, wanted the object of a mine"):
            mine.checked(wrong, "x")


@pytest.fixture
def raised(files, tmp_path):
    """A copy of the files of 0.1.0 → the same with one file of format 2."""

    def make(pattern: str) -> Path:
        copy = Path(shutil.copytree(files, tmp_path / "copy"))
        paths = list(copy.rglob(pattern))
        assert paths
        for path in paths:
            path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
        return copy

    return make


MODEL = "runs/artifacts/QatTrainer-w005-r32/model/8/Format-Serving"
TFLITE = "runs/artifacts/TFLiteConverter-w005-r32/tflite/9/Format-Serving"
RELEASE = "models/0.05_32/1"


@pytest.mark.parametrize(
    ("pattern", "read"),
    [
        ("manifest.json", lambda files: bundle.read_manifest(files / RELEASE)),
        ("info.json", lambda files: tflite.Classifier(str(files / RELEASE))),
        ("zoo.json", lambda files: bundles.load(files / "models/zoo/zoo.json")),
        ("ingestion_report.json", lambda files: summary.read(str(files / "examples"))),
        ("model.json", lambda files: export.read_description(str(files / MODEL))),
        ("conversion.json", lambda files: artifacts._conversion(str(files / TFLITE).removesuffix("/Format-Serving"))),
        (
            "conversion.json",
            lambda files: classifiers._json(str(files / TFLITE / "conversion.json"), artifact.CONVERSION_FORMAT),
        ),
        (
            "verdict.json",
            lambda files: artifacts._verdict(str(next(files.rglob("verdict.json")).parent)),
        ),
    ],
    ids=["manifest", "info", "zoo", "ingestion", "model", "conversion", "conversion in evaluate", "verdict"],
)
def test_a_file_of_a_newer_version_is_rejected_by_its_reader(raised, pattern, read):
    with pytest.raises(ValueError, match=NEWER):
        read(raised(pattern))


def test_info_json_of_a_newer_version_is_no_release_to_read(raised):
    copy = raised("info.json")
    bundle.write_manifest(copy / RELEASE)
    with pytest.raises(bundle.BundleError, match=NEWER):
        bundle.read_info(copy / RELEASE)
    [fault] = bundles.read(copy / "models").faults
    assert NEWER in fault


def test_a_latency_of_a_newer_version_is_named_among_the_zoos_faults(raised):
    found = bundles.read(raised("latency/0.05_32.json") / "models")
    assert found.models == ()
    assert len(found.faults) == 1 and NEWER in found.faults[0]


def test_the_gate_takes_no_record_of_a_newer_version(raised):
    files = raised("ingestion_report.json")
    assert provenance_records.data_digest(files / "examples") is None


def outputs(files: Path, folder: Path) -> dict[str, dict]:
    """Today's, made from what 0.1.0 left."""
    zoo = bundles.read(files / "models")
    chosen = choose.choose(choose.candidates(files / "models")[0], choose.Budget())
    report = {k: v for k, v in summary.read(str(files / "examples")).items() if k != "format"}
    counts.write(report, folder / "written.json")
    labels = ["background", *report["splits"]["train"]["per_class"]]
    return {
        "zoo.json": json.loads(tables.as_json(zoo)),
        "mobilenet choose --json": json.loads(choose.as_json(chosen)),
        "mobilenet models --json": json.loads(models_table.as_json(models_table.family([], files / "models"))),
        "scores.json": scores_file.as_dict(tfma_module.read(str(files / "measured")), labels),
        "ingestion_report.json": json.loads((folder / "written.json").read_text()),
    }


def test_no_key_that_0_1_0_printed_or_wrote_is_gone_and_each_output_has_its_format(files, tmp_path):
    for name, now in outputs(files, tmp_path).items():
        assert paths(written(files, name)) - paths(now) == set(), name
        assert now["format"] == formats()[name].version, name


def test_a_verdict_is_written_with_its_format(tmp_path):
    accuracy_gate.write(accuracy_gate.Verdict(()), str(tmp_path))
    verdict = json.loads((tmp_path / accuracy_gate.VERDICT_FILE).read_text())
    assert verdict == {"format": 1, "blessed": True, "reason": "", "evidence": []}
