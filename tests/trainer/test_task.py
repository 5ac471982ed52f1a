"""`run_fn` as TFX's Trainer calls it: a model artifact that can be served, rebuilt and fine-tuned."""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from trainer import export, input_pipeline, task, whole
from trainer.imagenet import ENCODED, LABEL, LABELS_FILE, REPORT_FILE
from trainer.keras import keras
from trainer.network.variant import Variant
from trainer.recipes import tiny
from trainer.training import initial_model, loop, resume_folder, trained_model
from trainer.training.distribution import Workers
from trainer.training.training_task import Task

pytestmark = pytest.mark.slow

LABELS = ["background", "black", "grey", "white"]
PICTURES = 48
FLOAT = dataclasses.replace(tiny.FLOAT, epochs=2, batch_size=8)
QAT = dataclasses.replace(tiny.QAT, epochs=1, batch_size=8, calibration_pictures=16)


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> Path:
    """An Examples artifact of flat pictures."""
    folder = tmp_path_factory.mktemp("examples")
    for split in ("train", "eval"):
        (folder / f"Split-{split}").mkdir()
        with tf.io.TFRecordWriter(str(folder / f"Split-{split}" / "data_tfrecord-00000-of-00001")) as writer:
            for number in range(PICTURES):
                writer.write(_example(1 + number % 3, number))
    (folder / LABELS_FILE).write_text("".join(f"{label}\n" for label in LABELS))
    report = {"digest": "d" * 64, "classes": 3, "splits": {s: {"pictures": PICTURES} for s in ("train", "eval")}}
    (folder / REPORT_FILE).write_text(json.dumps(report))
    return folder


def _example(label: int, number: int) -> bytes:
    picture = np.full((28, 28, 3), 100 * (label - 1), np.uint8)
    picture[number % 28] += np.uint8(number)
    features = {
        ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_jpeg(picture).numpy()])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _fn_args(examples: Path, node: Path, recipe, base_model: str | None = None) -> Any:
    return SimpleNamespace(
        custom_config={"recipe": recipe.as_dict(), "variant": "0.25_32", "code": "c" * 64},
        train_files=[str(examples / "Split-train" / "*")],
        eval_files=[str(examples / "Split-eval" / "*")],
        base_model=base_model,
        model_run_dir=str(node / "model_run" / "7"),
        serving_model_dir=str(node / "model" / "7" / "Format-Serving"),
    )


@pytest.fixture(scope="module")
def float_model(examples, tmp_path_factory) -> str:
    fn_args = _fn_args(examples, tmp_path_factory.mktemp("float"), FLOAT)
    task.run_fn(fn_args)
    return fn_args.serving_model_dir


def test_what_a_training_tells_changes_no_weight(examples, float_model, tmp_path, monkeypatch):
    """`source.CHANGES_NO_ARTIFACT` says so of trainer.training.reporter."""
    silence = mock.MagicMock()
    silence.return_value.due.return_value = False
    monkeypatch.setattr(loop, "Reporter", silence)
    fn_args = _fn_args(examples, tmp_path, FLOAT)
    task.run_fn(fn_args)
    (silent, _), (told, _) = export.load_keras(fn_args.serving_model_dir), export.load_keras(float_model)
    for ours, theirs in zip(silent.get_weights(), told.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def qat_model(examples, float_model, tmp_path_factory) -> str:
    fn_args = _fn_args(examples, tmp_path_factory.mktemp("qat"), QAT, base_model=float_model)
    task.run_fn(fn_args)
    return fn_args.serving_model_dir


def test_the_description_tells_variant_steps_and_digests(float_model, qat_model):
    of_float, of_qat = export.read_description(float_model), export.read_description(qat_model)
    assert (of_float.variant, of_float.classes, of_float.steps) == (Variant(0.25, 32), 4, 12)
    assert (of_qat.quantized, of_qat.steps) == (True, 6)
    assert of_float.digests["data"] == "d" * 64
    assert of_float.digests["code"] == "c" * 64
    assert of_float.digests["recipe"] == FLOAT.digest
    assert of_float.digests["base_model"] is None
    assert len(of_qat.digests["base_model"] or "") == 64


@pytest.mark.parametrize("model", ["float_model", "qat_model"])
def test_both_signatures_and_the_keras_weights_give_the_same_answer(model, examples, request):
    folder = request.getfixturevalue(model)
    serving = tf.saved_model.load(folder).signatures
    records = [r.numpy() for r in tf.data.TFRecordDataset(input_pipeline.shards([f"{examples}/Split-eval/*"])).take(8)]
    [(images, _)] = input_pipeline.eval_dataset(
        [f"{examples}/Split-eval/*"], resolution=32, central_fraction=1.0, batch_size=8
    ).take(1)
    keras_model, _ = export.load_keras(folder)
    expected = keras_model(images, training=False).numpy()
    from_examples = serving["serving_default"](examples=tf.constant(records))
    from_images = serving["serving_image"](images=images)
    for answer in (from_examples, from_images):
        np.testing.assert_allclose(answer["logits"], expected, atol=1e-4)
        np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), 1.0, atol=1e-5)


def test_the_labels_travel_with_the_saved_model(float_model):
    assert export.labels(float_model) == LABELS


def test_nothing_to_resume_is_left_behind_a_finished_run(float_model):
    node = Path(float_model).parents[2]
    assert list((node / "resume").iterdir()) == []
    assert list(node.glob("model_run/7/events.out.tfevents*"))  # TensorBoard's.


@pytest.fixture
def other_classes(examples, tmp_path) -> Path:
    """The same pictures with a class less."""
    other = tmp_path / "examples"
    other.mkdir()
    for split in ("train", "eval"):
        (other / f"Split-{split}").symlink_to(examples / f"Split-{split}")
    (other / LABELS_FILE).write_text("background\na\nb\n")
    (other / REPORT_FILE).write_text((examples / REPORT_FILE).read_text())
    return other


def test_a_base_model_of_other_classes_is_refused_with_both_counts(other_classes, float_model, tmp_path):
    with pytest.raises(ValueError, match=r"0\.25_32 with 4 classes; wanted float, 0\.25_32, 3 classes"):
        task.run_fn(_fn_args(other_classes, tmp_path / "node", QAT, base_model=float_model))


def test_a_float_model_of_other_classes_is_trained_on_with_a_new_head(float_model, tmp_path):
    job = Task(FLOAT, 32, 3, [], PICTURES, [], str(tmp_path), str(tmp_path))
    model = initial_model.build(job, Variant(0.25, 32), float_model)
    base, _ = export.load_keras(float_model)
    assert model.output_shape == (None, 3)
    for layer in model.layers:
        if layer.name != "Logits":
            for ours, theirs in zip(layer.get_weights(), base.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_the_ranges_of_an_imported_quantized_model_are_taken_and_no_picture_calibrates(float_model, tmp_path):
    imported = tmp_path / "Format-Serving"
    shutil.copytree(float_model, imported)
    job = Task(QAT, 32, 4, [str(tmp_path / "none")], PICTURES, [], str(tmp_path), str(tmp_path))
    names = [
        layer.name for layer in initial_model.network(job, Variant(0.25, 32)).layers if layer.name.endswith("_Relu6")
    ]
    ranges = {name: (0.0, 1 + place / 8) for place, name in enumerate(names)} | {"Logits": (-9.5, 11.25)}
    (imported / export.KERAS / export.RANGES_FILE).write_text(json.dumps(ranges))
    model = initial_model.build(job, Variant(0.25, 32), str(imported))
    found = {
        f"{layer.name.removeprefix('quant_')}{weight.name.split('/')[-1]}": float(weight)
        for layer in model.layers
        for weight in layer.weights
        if weight.name.endswith(("output_max:0", "post_activation_min:0", "post_activation_max:0"))
    }
    wanted = {f"{name}output_max:0": high for name, (_, high) in ranges.items() if name != "Logits"}
    wanted |= {"Logitspost_activation_min:0": -9.5, "Logitspost_activation_max:0": 11.25}
    assert found == {**wanted, "AvgPool_1aoutput_max:0": 1 + 26 / 8}


def test_a_model_trained_in_mixed_precision_is_handed_on_in_float32(tmp_path):
    job = Task(FLOAT, 32, 4, [], PICTURES, [], str(tmp_path), str(tmp_path))
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        mixed = initial_model.network(job, Variant(0.25, 32))
        exported = trained_model.finish(mixed, job, Variant(0.25, 32), Workers(tf.distribute.get_strategy()))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert mixed.output.dtype == tf.float16
    assert exported.output.dtype == tf.float32
    for ours, theirs in zip(exported.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_checkpoints_lie_under_the_folder_that_custom_config_names_or_beside_model_run(tmp_path):
    run = str(tmp_path / "node" / "model_run" / "7")
    beside = resume_folder.find(run, {"data": "d"})
    named = resume_folder.find(run, {"data": "d"}, under=str(tmp_path / "kept"))
    assert (beside.parent, named.parent) == (tmp_path / "node" / "resume", tmp_path / "kept")
    assert beside.name == named.name != resume_folder.find(run, {"data": "e"}).name


def test_finished_checkpoints_go_without_a_rename_which_buckets_refuse(tmp_path, monkeypatch):
    kept = tmp_path / "0123456789abcdef"
    kept.mkdir()
    for name in ("checkpoint", "ckpt-7.index", "ckpt-7.data-00000-of-00001"):
        (kept / name).touch()
    for owner in (os, Path):
        monkeypatch.setattr(owner, "rename", lambda *_: pytest.fail("renamed"))
    resume_folder.delete(kept)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_does_not_see_the_chiefs_model_says_where_it_looked(tmp_path, monkeypatch):
    whole.wait_until_visible(tmp_path)
    monkeypatch.setattr(whole, "VISIBLE_SECONDS", 0.0)
    with pytest.raises(FileNotFoundError, match=r"Format-Serving, where this worker sees nothing .* workers share"):
        whole.wait_until_visible(tmp_path / "Format-Serving")
