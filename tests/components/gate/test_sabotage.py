"""Ways to get a bad file blessed: each is stopped by the evidence that can see it, and by no other."""

import dataclasses
import functools
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from components.conversion import artifact
from components.gate import accuracy_gate
from components.gate.accuracy_gate import Verdict, read_labels
from components.gate.networks import Networks
from components.gate.provenance_records import Parts
from components.gate.rule import Rule
from tests.components.gate import honest_artifacts, sabotage
from trainer import export, quantization
from trainer.digest import sha256_file
from trainer.keras import keras
from trainer.tflite.runner import Runner

pytestmark = pytest.mark.slow

RULE = Rule(floor=0.5)
judge = functools.partial(accuracy_gate.judge, networks=Networks())  # Every verdict on the same few models.
ANSWERS, FITNESS = ("paired accuracy", "provenance"), "fitness"  # Other answers are neither as good nor its model's.

# (name, the file's bytes, labels, a class) → the spoiled bytes. What is evaluated is the spoiled file itself.
SPOILED: dict[str, Callable[[bytes, list[str], int], bytes]] = {
    "random weights": lambda file, *_: sabotage.random_weights(file),
    "blue for red": lambda file, *_: sabotage.blue_for_red(file),
    "shifted by one": lambda file, *_: sabotage.shifted_by_one(file),
    "one dead class": lambda file, _, index: sabotage.without_class(file, index),
    "per-tensor weights": lambda file, *_: sabotage.per_tensor(file),
    "pictures in [0, 1]": lambda file, labels, _: sabotage.other_mean(sabotage.zero_to_one(file), labels),
    "another crop in the metadata": lambda file, labels, _: sabotage.other_crop(file, labels),
    "two label files": lambda file, *_: sabotage.second_labels(file),
    "two metadata buffers": lambda file, *_: sabotage.second_metadata(file),
    "a byte behind the zip": lambda file, *_: sabotage.bytes_behind(file),
    "a surer softmax": lambda file, *_: sabotage.surer_softmax(file),
    "two labels swapped": lambda file, labels, _: sabotage.other_labels(file, [*labels[:-2], *labels[:-3:-1]]),
}


# The Evaluator refuses these, whose input does not fit what they say: here with the honest file's counts as theirs.
REFUSED: dict[str, Callable[[bytes, list[str]], bytes]] = {"another mean in the metadata": sabotage.other_mean}


@pytest.fixture(scope="module")
def best_class(honest) -> int:
    return int(honest.evaluation.pairs.both_right.argmax())


@pytest.fixture(scope="module")
def spoiled(honest, best_class, tmp_path_factory) -> dict[str, Parts]:
    """Every sabotage of the file with conversion.json to match and an evaluation of its own, all in one of TFMA."""
    folder = tmp_path_factory.mktemp("spoiled")
    labels = read_labels(str(honest.examples))
    file = (honest.tflite / "tflite").read_bytes()
    contents = {name: spoil(file, labels, best_class) for name, spoil in SPOILED.items()}
    contents["a float file"] = (honest.tflite / "float.tflite").read_bytes()
    folders = {name: _passed_off(honest.tflite, folder / name, content) for name, content in contents.items()}
    measured = honest_artifacts.evaluate(honest.examples, honest.float_model, folders, folder / "evaluation")
    found = {
        name: dataclasses.replace(honest, tflite=path, evaluation=honest_artifacts.of_model(measured, name))
        for name, path in folders.items()
    }
    for name, spoil in REFUSED.items():
        path = _passed_off(honest.tflite, folder / name, spoil(file, labels))
        candidate = dataclasses.replace(honest.evaluation.candidate, sha256=sha256_file(path / "tflite"))
        evaluation = honest_artifacts.of_two(candidate, honest.evaluation.baseline, honest.evaluation.pairs)
        found[name] = dataclasses.replace(honest, tflite=path, evaluation=evaluation)
    return found


def _passed_off(tflite: Path, target: Path, content: bytes) -> Path:
    """The converter's folder with another file under the name of the one that ships, sums and sizes adapted."""
    shutil.copytree(tflite, target)
    (target / "tflite").write_bytes(content)
    honest_artifacts.change_json(target / "conversion.json", "files", "tflite", value=artifact.described(content))
    return target


def assert_blocked(verdict: Verdict, by: Iterable[str], *words: str) -> None:
    assert not verdict.blessed
    assert [each.kind for each in verdict.evidence if not each.passed] == list(by)
    for kind, line in zip(by, verdict.reason.splitlines(), strict=True):
        assert line.startswith(f"{kind.capitalize()}: ")
    for word in words:
        assert word in verdict.reason


def test_the_honest_file_is_blessed_with_a_sentence_of_each_kind(honest):
    verdict = judge(honest, RULE)
    assert verdict.blessed, verdict.reason
    kinds = [line.split(":")[0] for line in verdict.reason.splitlines()]
    assert kinds == ["Paired accuracy", "Structure", "Provenance", "Fitness"]
    assert honest.evaluation.baseline.top1 > 0.9  # There is something to lose.


@pytest.mark.parametrize(
    ("name", "kinds", "words"),
    [
        ("random weights", [*ANSWERS, FITNESS], ["worse than the float model", "know more than its largest class"]),
        ("blue for red", [*ANSWERS, FITNESS], ["worse than the float model", "right in training mode and wrong in"]),
        ("shifted by one", [*ANSWERS, FITNESS], ["worse than the float model", "10 classes lose"]),
        ("per-tensor weights", ["structure", "provenance"], ["weights have 1 scales", "wanted 8 along axis 0"]),
        ("another mean in the metadata", ["structure"], ["the mean [0.0] and deviation [255.0], wanted 127.5"]),
        ("another crop in the metadata", ["structure"], ["to take 0.3 of each side of a picture, and 1 was measured"]),
        ("two label files", ["structure"], ["more than the converter writes"]),
        ("two metadata buffers", ["structure"], ["more than the converter writes"]),
        ("a byte behind the zip", ["structure"], ["more than the converter writes"]),
        ("a surer softmax", ["structure", "provenance"], ["beta is 4.0, wanted 1"]),
        (
            "pictures in [0, 1]",
            ["paired accuracy", "structure", "provenance", FITNESS],
            ["wanted INT8 with scale 1/128 and zero point 0"],
        ),
        ("two labels swapped", ["structure"], ["output 9 is 'trouser', in the data 't_shirt_top'"]),
        ("a float file", ["structure", "provenance"], ["no full-int8 file", "The input is FLOAT32"]),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_spoiled_file_is_blocked_by_the_evidence_that_sees_it(spoiled, name, kinds, words):
    assert_blocked(judge(spoiled[name], RULE), kinds, *words)


def test_one_dead_class_is_blocked_and_named(spoiled, honest, best_class):
    label = read_labels(str(honest.examples))[best_class]
    verdict = judge(spoiled["one dead class"], RULE)
    assert_blocked(verdict, [*ANSWERS, FITNESS], f"class {best_class} ({label}): 0 of 50 right")
    assert f"One class is never found: class {best_class} ({label}): none of its 50 pictures" in verdict.reason
    assert "One class loses more than 5.00 points, beyond chance" in verdict.reason


def test_blue_for_red_cannot_be_seen_on_grey_pictures_and_can_on_tinted_ones(honest, spoiled):
    """Which is why the pictures here are tinted: the bundled ones are grey."""
    tinted = honest_artifacts.images(honest.examples, 50)
    grey = np.repeat(tinted.mean(axis=-1, keepdims=True), 3, axis=-1)
    files = [(parts.tflite / "tflite").read_bytes() for parts in (honest, spoiled["blue for red"])]
    on_grey, on_tinted = ([Runner(file).quantized(images) for file in files] for images in (grey, tinted))
    np.testing.assert_array_equal(on_grey[0], on_grey[1])
    assert (on_tinted[0].argmax(axis=1) != on_tinted[1].argmax(axis=1)).mean() > 0.5


def test_skipped_quantization_aware_training_is_blocked(honest, tmp_path):
    """The float model wrapped and calibrated, converted and evaluated: as good, but nobody trained it."""
    model, _ = export.load_keras(str(honest.float_model))
    images = honest_artifacts.images(honest.examples, 128)
    keras.backend.clear_session()
    quantized = quantization.quantize(model, calibration=[images], freeze_bn=True)
    described = dataclasses.replace(export.read_description(str(honest.qat_model)), steps=0)
    export.export(str(tmp_path / "qat"), quantized, described, read_labels(str(honest.examples)))
    honest_artifacts.convert(honest.examples, honest.float_model, tmp_path / "qat", tmp_path / "tflite")
    files = {"candidate": tmp_path / "tflite"}
    measured = honest_artifacts.evaluate(honest.examples, honest.float_model, files, tmp_path / "evaluation")
    parts = dataclasses.replace(
        honest,
        qat_model=tmp_path / "qat",
        tflite=tmp_path / "tflite",
        evaluation=honest_artifacts.of_model(measured, "candidate"),
    )
    words = ["records 0 steps of training", "makes 30 of the 600 pictures", "training was skipped"]
    assert_blocked(judge(parts, RULE), ["provenance"], *words)


def test_a_file_of_an_earlier_training_is_blocked(honest, tmp_path):
    """The same recipe with another seed: the file lies there with its own records and its own evaluation."""
    recipe = dataclasses.replace(honest_artifacts.QAT, seed=2)
    honest_artifacts.train(honest.examples, tmp_path / "qat", recipe, base_model=honest.float_model)
    parts = dataclasses.replace(honest, qat_model=tmp_path / "qat")
    assert_blocked(judge(parts, RULE), ["provenance"], "converted from qat weights with SHA-256", "a stale file")


def test_a_file_that_came_after_the_evaluation_is_blocked(honest, spoiled):
    """It would pass by itself: what was measured is another one."""
    parts = dataclasses.replace(spoiled["per-tensor weights"], evaluation=honest.evaluation)
    measured, found = honest.evaluation.sha256[:12], sha256_file(parts.tflite / "tflite")[:12]
    said = f"The file has SHA-256 {found}, but {measured} was evaluated"
    assert_blocked(judge(parts, RULE), ["structure", "provenance"], said)


def test_another_models_float_file_with_records_to_match_is_blocked_by_its_answers(honest, spoiled, tmp_path):
    tflite = _passed_off(honest.tflite, tmp_path / "tflite", (honest.tflite / "tflite").read_bytes())
    other = sabotage.other_float(file := (tflite / "float.tflite").read_bytes())
    assert other != file
    (tflite / "float.tflite").write_bytes(other)
    described = artifact.described(other)
    honest_artifacts.change_json(tflite / "conversion.json", "files", "float.tflite", value=described)
    verdict = judge(dataclasses.replace(honest, tflite=tflite), RULE)
    assert_blocked(
        verdict, ["provenance"], "float.tflite gives probabilities that are", "off those of the float model's"
    )


def test_counts_that_contradict_the_confusion_are_blocked(honest):
    """The file lost a fifth of its pictures, and the paired counts say that it lost none."""
    overall = honest.evaluation.overall
    confusion = overall.scores["candidate"].confusion.copy()
    confusion[1, 2] += confusion[1, 1]
    confusion[1, 1] = 0
    scores = {**overall.scores, "candidate": dataclasses.replace(overall.scores["candidate"], confusion=confusion)}
    evaluation = dataclasses.replace(honest.evaluation, overall=dataclasses.replace(overall, scores=scores))
    verdict = judge(dataclasses.replace(honest, evaluation=evaluation), RULE)
    assert_blocked(verdict, ["provenance", FITNESS], "The int8 file's counts contradict each other: right answers are")


def test_a_model_made_by_other_code_than_this_runs_is_blocked(honest):
    assert judge(honest, RULE, codes=(honest_artifacts.CODE, "d" * 64)).blessed
    verdict = judge(honest, RULE, codes=("d" * 64,))
    assert_blocked(
        verdict, ["provenance"], "float model was made by the code cccccccccccc, which is not the code of this"
    )


def test_labels_that_are_not_the_models_are_blocked(honest, tmp_path):
    shutil.copytree(honest.examples, tmp_path / "examples")
    labels = read_labels(str(honest.examples))
    (tmp_path / "examples" / "labels.txt").write_text("".join(f"{label}\n" for label in labels[:1] + labels[:0:-1]))
    verdict = judge(dataclasses.replace(honest, examples=tmp_path / "examples"), RULE)
    assert_blocked(verdict, ["structure", "provenance"], "The float model's labels.txt is not the examples'.")
