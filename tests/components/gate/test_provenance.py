"""Records that belong together, and each one that does not: told in a sentence that names it."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from components.gate import provenance
from components.gate.provenance_records import Parts
from tests.components.gate import honest_artifacts
from tests.components.gate.honest_artifacts import QAT, change_json
from trainer import export
from trainer.digest import sha256_file

pytestmark = pytest.mark.slow

OTHER = "f" * 64


@pytest.fixture
def parts(honest, tmp_path) -> Parts:
    """A copy to be changed."""
    names = {"examples": honest.examples, "tflite": honest.tflite, "float": honest.float_model, "qat": honest.qat_model}
    for name, folder in names.items():
        shutil.copytree(folder, tmp_path / name)
    return Parts(tmp_path / "examples", tmp_path / "tflite", tmp_path / "float", tmp_path / "qat", honest.evaluation)


def faults(parts: Parts) -> tuple[str, ...]:
    return provenance.examine(parts).faults


def model_json(serving_dir: Path) -> Path:
    return serving_dir / export.KERAS / export.DESCRIPTION_FILE


def test_what_belongs_together_passes_and_the_sentence_tells_steps_recipes_and_digests(parts):
    evidence = provenance.examine(parts)
    assert evidence.passed
    report = json.loads((parts.examples / "ingestion_report.json").read_text())
    for told in (
        parts.evaluation.sha256[:12],
        f"tiny_float {honest_artifacts.FLOAT.digest[:12]} (240 steps)",
        f"from the float model with tiny_qat {QAT.digest[:12]} (30 steps)",
        f"on this very data ({report['digest'][:12]})",
        "by the code cccccccccccc",
    ):
        assert told in evidence.reason
    assert evidence.facts["data"] == report["digest"]
    assert evidence.facts["weights"]["qat"] == sha256_file(parts.qat_model / "keras" / "weights.h5")


def test_the_evaluations_own_sum_of_the_float_model_is_the_one_that_is_computed_here(parts):
    graph = (parts.float_model / "saved_model.pb").read_bytes()
    variables = sorted((parts.float_model / "variables").iterdir())
    whole = hashlib.sha256(graph + b"".join(path.read_bytes() for path in variables)).hexdigest()
    assert parts.evaluation.baseline.sha256 == whole
    (parts.float_model / "saved_model.pb").write_bytes(graph + b"\0")
    [fault] = faults(parts)
    assert f"{whole[:12]} was evaluated as the baseline" in fault


@pytest.mark.parametrize(
    ("folder", "file", "keys", "value", "told"),
    [
        ("qat", "keras/model.json", ["steps"], 29, "records 29 steps of training, and its recipe tiny_qat makes 30"),
        ("float", "keras/model.json", ["steps"], 0, "records 0 steps of training, and its recipe tiny_float makes 240"),
        (
            "qat",
            "keras/model.json",
            ["digests", "data"],
            OTHER,
            "fake-quantized model was trained on the data ffffffff",
        ),
        ("float", "keras/model.json", ["digests", "data"], None, "float model was trained on the data none"),
        ("qat", "keras/model.json", ["digests", "recipe"], OTHER, "but ffffffffffff is recorded"),
        ("qat", "keras/model.json", ["recipe", "peak_lr"], 0.5, "recipe tiny_qat has the digest"),
        ("qat", "keras/model.json", ["recipe", "epochs"], None, "fake-quantized model records no recipe that is known"),
        ("float", "keras/model.json", ["digests", "code"], None, "float model does not record the code that made it"),
        ("qat", "keras/model.json", ["digests", "code"], "x", "quantized model does not record the code that made it"),
        ("qat", "keras/model.json", ["digests", "base_model"], OTHER, "fine-tuned from weights with SHA-256 ffffffff"),
        ("qat", "keras/model.json", ["quantized"], False, "do not belong together: wanted a float model and a fake-"),
        ("qat", "keras/model.json", ["resolution"], 64, "resolution is 32 in the float model and 64 in the quantized"),
        ("tflite", "conversion.json", ["models"], None, "was converted from float weights with SHA-256 none"),
        ("tflite", "conversion.json", ["models", "qat"], OTHER, "from qat weights with SHA-256 ffffffffffff"),
        ("tflite", "conversion.json", ["files", "uint8.tflite", "sha256"], OTHER, "uint8.tflite has SHA-256"),
        ("examples", "ingestion_report.json", ["splits", "eval", "pictures"], 501, "500 pictures were evaluated, and"),
        ("examples", "ingestion_report.json", ["digest"], OTHER, "and the examples are ffffffffffff"),
    ],
)
def test_a_record_that_does_not_fit_is_named(parts, tmp_path, folder, file, keys, value, told):
    change_json(tmp_path / folder / file, *keys, value=value)
    assert told in " ".join(faults(parts))


@pytest.mark.parametrize(
    ("folder", "file", "told"),
    [
        ("examples", "ingestion_report.json", "ingestion_report.json of the examples is missing"),
        ("tflite", "conversion.json", "conversion.json beside the file is missing"),
        ("float", "keras/model.json", "model.json of the float model is missing"),
        ("qat", "keras/model.json", "model.json of the fake-quantized model is missing"),
    ],
)
@pytest.mark.parametrize("content", [None, "{", "[]", '{"recipe": 1}'], ids=["missing", "cut off", "a list", "other"])
def test_a_record_that_is_missing_or_cannot_be_read_is_a_fault_and_not_a_crash(
    parts, tmp_path, folder, file, told, content
):
    path = tmp_path / folder / file
    path.unlink()
    if content:
        path.write_text(content)
    found = faults(parts)
    assert found
    if content != '{"recipe": 1}' or "model.json" in file:
        assert found == (f"{told} or cannot be read: {found[0].rpartition(': ')[2]}",)


def test_a_file_that_is_gone_is_told_with_the_sum_that_was_recorded(parts):
    (parts.tflite / "float.tflite").unlink()
    [fault] = faults(parts)
    assert fault.startswith("float.tflite has SHA-256 none, and conversion.json records ")


def test_a_model_from_scratch_passes_and_is_called_so(parts):
    change_json(model_json(parts.qat_model), "digests", "base_model", value=None)
    evidence = provenance.examine(parts)
    assert evidence.passed
    assert "the fake-quantized one from scratch with tiny_qat" in evidence.reason


def imported(parts: Parts, **digests: str | None) -> Parts:
    """As trainer/slim/imported_model.py describes a float model."""
    path = model_json(parts.float_model)
    recorded = {"data": None, "code": "c" * 64, "recipe": None, "base_model": "a" * 64, **digests}
    recipe = {"name": "imported", "source": "mobilenet_v1_0.25_32.ckpt", "weights": "raw"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "steps": 7, "recipe": recipe, "digests": recorded}))
    return parts


def test_an_imported_float_model_passes_and_the_sentence_tells_where_it_came_from(parts):
    evidence = provenance.examine(imported(parts))
    assert evidence.passed, evidence.faults
    assert "the float model was imported from mobilenet_v1_0.25_32.ckpt (aaaaaaaaaaaa)" in evidence.reason


def test_an_imported_float_model_must_record_its_checkpoint(parts):
    assert faults(imported(parts, base_model=None)) == (
        "The float model was imported and does not record the checkpoint's SHA-256. Import it again.",
    )


def test_a_fake_quantized_model_cannot_pass_for_an_imported_one(parts):
    change_json(model_json(parts.qat_model), "recipe", value={"name": provenance.IMPORTED})
    assert "The fake-quantized model records no recipe that is known here" in " ".join(faults(parts))


def test_a_recipe_counts_with_the_pictures_that_were_recorded(parts):
    """600 pictures in batches of 20, one epoch: 30. Of 619 pictures it would be the same, of 620 one more."""
    for pictures, passes in ((619, True), (620, False)):
        change_json(parts.examples / "ingestion_report.json", "splits", "train", "pictures", value=pictures)
        assert (faults(parts) == ()) is passes


@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_shard_that_was_changed_added_or_lost_is_told_whatever_the_report_says(parts, split):
    [shard] = (parts.examples / f"Split-{split}").iterdir()
    content = bytearray(shard.read_bytes())
    place = content.index(b"\xff\xd8\xff") + 200  # In a JPEG.
    content[place] ^= 1
    shard.write_bytes(content)
    assert ["was recorded when they were ingested: a shard was changed" in fault for fault in faults(parts)] == [True]
    shard.unlink()
    assert ["a shard was changed, added or lost" in fault for fault in faults(parts)] == [True]


def test_other_labels_beside_the_shards_are_told_of_both_models(parts):
    labels = (parts.examples / "labels.txt").read_text().splitlines()
    (parts.examples / "labels.txt").write_text("".join(f"{label}\n" for label in [*labels[:-2], *labels[:-3:-1]]))
    assert faults(parts) == (
        "The float model's labels.txt is not the examples'. Train it again.",
        "The fake-quantized model's labels.txt is not the examples'. Train it again.",
    )


def test_another_crop_in_the_converters_record_is_told(parts):
    change_json(parts.tflite / "conversion.json", "preprocessing", "central_fraction", value=0.3)
    [fault] = faults(parts)
    assert "The file was measured on 0.3 of each side of a picture, by conversion.json, and its models on 1.0" in fault


def test_parts_of_two_runs_do_not_pass(parts):
    evaluation = dataclasses.replace(parts.evaluation.candidate, sha256=OTHER)
    other = dataclasses.replace(
        parts, evaluation=honest_artifacts.of_two(evaluation, parts.evaluation.baseline, parts.evaluation.pairs)
    )
    [fault] = faults(other)
    assert "but ffffffffffff was evaluated: what ships must be what was measured" in fault
