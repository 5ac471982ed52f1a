"""`mobilenet models`: the family's numbers, and which measurements may stand beside the published ones."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from components.evaluation.scores import PairedCounts, Scores, of_two
from components.release import bundle
from components.release import info as bundle_info
from pipeline.cli import app
from proof import file_sizes
from trainer import export
from trainer.network.variant import Variant

ROOT = Path(__file__).parents[3]
PICTURES = 50_000
NONE = np.zeros(0, np.int64)
MACS = 567_716_352 + 7 * 7 * 1024 + 1024 * 1001  # The docstring of the reference's code, the pool, the logits.


def mobilenet(*arguments: str, code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["models", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def push(zoo: Path, variant: str, version: int, *, classes: int, int8_top1: float = 0.5) -> Path:
    """A bundle that holds no more than its info.json, as BundleBuilder writes it."""
    folder = zoo / variant / str(version)
    folder.mkdir(parents=True)
    model = export.Description(
        **vars(Variant.parse(variant)),
        classes=classes,
        central_fraction=0.875,
        quantized=False,
        steps=10,
        recipe={},
        digests={"data": "0123456789abcdef" * 4},
    )
    evaluation = of_two(scores(int8_top1, 0.75), scores(0.625, 0.875), PairedCounts(*4 * [NONE]))
    info = bundle_info.describe(folder, "name", float_model=model, qat_model=model, evaluation=evaluation, code="")
    bundle.write_json(folder / bundle.INFO, info)
    bundle.write_manifest(folder)
    return folder


def scores(top1: float, top5: float) -> Scores:
    return Scores(PICTURES, round(top1 * PICTURES), round(top5 * PICTURES), 1.25, NONE)


@pytest.fixture
def zoo(tmp_path) -> Path:
    """The newest 1.0_224 is damaged; 0.25_128 has ten classes."""
    push(tmp_path, "1.0_224", 1, classes=1001, int8_top1=0.25)
    push(tmp_path, "1.0_224", 2, classes=1001)
    (push(tmp_path, "1.0_224", 10, classes=1001) / bundle.INFO).write_text("{}")
    push(tmp_path, "0.25_128", 1, classes=11)
    return tmp_path


def test_json_has_the_16_models_with_the_references_parameters_and_multiply_adds():
    rows = json.loads(mobilenet("--json"))["models"]
    assert [row["variant"] for row in rows] == [
        f"{width}_{side}" for width in ("1.0", "0.75", "0.50", "0.25") for side in (224, 192, 160, 128)
    ]
    assert all(round(row["reference_parameters"] / 1e6, 2) == row["published_million_parameters"] for row in rows)
    differing = [row for row in rows if round(row["macs"] / 1e6) != row["published_million_macs"]]
    assert [row["variant"] for row in differing] == ["0.75_224", "0.75_192", "0.75_160", "0.75_128", "0.25_192"]
    assert [row["variant"] for row in rows if row["macs_note"]] == [row["variant"] for row in differing]
    first = rows[0]
    assert (first["macs"], first["parameters"]) == (MACS, 4_233_001)
    assert (first["published_float_top1"], first["published_quantized_top1"]) == (70.9, 70.1)


def test_the_files_bytes_are_those_of_a_conversion_made_now():
    [row] = [row for row in json.loads(mobilenet("--json"))["models"] if row["variant"] == "0.25_128"]
    measured = file_sizes.measure(Variant(0.25, 128))
    for kind, count in measured.items():  # Another version's converter names some tensors otherwise.
        assert abs(row[f"{kind}_tflite_bytes"] - count) < 0.005 * count


def test_the_recorded_bytes_are_of_all_16_models_and_int8_saves_what_it_should():
    record = json.loads(file_sizes.SIZES.read_text())
    assert record["command"] == "python -m proof.file_sizes"
    assert list(record["bytes"]) == [row["variant"] for row in json.loads(mobilenet("--json"))["models"]]
    ratios = {name: sizes["int8"] / sizes["float"] for name, sizes in record["bytes"].items()}
    assert all(0.25 < ratio < 0.33 for ratio in ratios.values()), ratios


def test_only_a_bundle_of_1001_classes_stands_beside_the_published_figures_and_its_data_are_told(zoo):
    said = json.loads(mobilenet("--json", "--zoo", str(zoo)))
    rows = {row["variant"]: row for row in said["models"]}
    assert (rows["1.0_224"]["measured_float_top1"], rows["1.0_224"]["measured_int8_top1"]) == (62.5, 50.0)
    assert rows["1.0_224"]["measured_on"] == "50,000 pictures of 1001 classes, data 0123456789ab"
    assert {rows[name]["measured_int8_top1"] for name in rows if name != "1.0_224"} == {None}
    [other] = said["other_bundles"]
    assert (other["variant"], other["classes"], other["int8_top5"]) == ("0.25_128", 11, 75.0)
    [fault] = said["unreadable"]
    assert "1.0_224/10" in fault and "info.json: changed" in fault


def test_people_see_not_measured_the_five_rows_and_what_was_left_out(zoo):
    said = mobilenet("--zoo", str(zoo))
    assert said.count("not measured") == 15
    assert "62.5 / 87.5, 50.0 / 75.0" in said and "70.9 / 89.9" in said
    assert said.count("million MACs: ") == 5
    assert "* 0.75_224: the reference's table says 317 million MACs: counted with a stem of 16 channels" in said
    assert "* 0.25_192: the reference's table says 34 million MACs: no variant of the code gives 34 million" in said
    assert "50,000 pictures of 11 classes, data 0123456789ab: float 62.5 / 87.5, int8 50.0 / 75.0. Other data" in said
    assert "Left out: " in said


def test_csv_has_a_line_for_each_model_and_for_each_variant_asked_for():
    rows = list(csv.DictReader(io.StringIO(mobilenet("--csv", "--variant", "0.35_96", "--variant", "1_224"))))
    assert len(rows) == 17
    assert rows[-1]["variant"] == "0.35_96"
    assert rows[-1]["int8_tflite_bytes"] == rows[-1]["measured_int8_top1"] == "not measured"
    assert rows[-1]["published_float_top1"] == ""
    assert int(rows[-1]["parameters"]) > 470_329


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--zoo", "/no/such/folder"], "--zoo /no/such/folder is not a folder: give the one that bundles were pushed"),
        (["--variant", "0.25"], "'0.25' is not a variant"),
        (["--json", "--csv"], "got --json and --csv, wanted one of them"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_sentence(arguments, message):
    assert message in mobilenet(*arguments, code=1)


def test_the_table_comes_without_tensorflow():
    probe = (
        "import sys; from pipeline.family import models_table\n"
        "models_table.as_json(models_table.family([], None))\n"
        "assert not {'tensorflow', 'tf_keras', 'tfx'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_of_many_bundles_ten_notes_are_shown_and_the_rest_is_counted(tmp_path):
    for side in range(32, 44):
        push(tmp_path, f"0.25_{side}", 1, classes=11)
    short, everything = mobilenet("--zoo", str(tmp_path)), mobilenet("--zoo", str(tmp_path), "--all")
    assert (short.count("Other data than"), "2 more: --all shows them." in short) == (10, True)
    assert (everything.count("Other data than"), "--all" in everything) == (12, False)
