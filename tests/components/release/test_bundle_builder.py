"""The bundle of a tiny model: complete, true to its parts, and refused where the parts do not belong together."""

import dataclasses
import errno
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from components.conversion.edges import EdgeError, compare
from components.evaluation.scores import Evaluation, PairedCounts, Scores, of_two
from components.release import bundle, bundle_builder, tf1_graph
from components.release.bundle import BundleError
from components.release.bundle_builder import Parts
from trainer import export, input_pipeline, quantization, tflite
from trainer.imagenet import ENCODED, LABEL
from trainer.network import mobilenet_v1
from trainer.slim import checkpoint
from trainer.tflite import metadata

pytestmark = pytest.mark.slow

LABELS = ["background", "circle", "square", "star"]
PICTURES = 70  # More than one batch.
FRACTION = 0.9
NAME = "mobilenet_v1_0.25_32"
IMAGES = np.random.default_rng(5).uniform(-1, 1, (6, 32, 32, 3)).astype(np.float32)


def describe(*, quantized: bool) -> export.Description:
    return export.Description(
        width=0.25,
        resolution=32,
        classes=len(LABELS),
        central_fraction=FRACTION,
        quantized=quantized,
        steps=30 if quantized else 20,
        recipe={"name": "tiny", "freeze_bn": True},
        digests={"data": "d" * 64, "code": "c" * 64, "recipe": "r" * 64, "base_model": "b" * 64 if quantized else None},
    )


def write_examples(folder: Path) -> None:
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001")) as writer:
        for _ in range(PICTURES):
            jpeg = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (40, 36, 3), np.uint8)).save(jpeg, "JPEG")
            features = {
                ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[jpeg.getvalue()])),
                LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[int(rng.integers(1, 4))])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def write_tflite(folder: Path, float_model, qat_model) -> None:
    folder.mkdir(parents=True)
    converted = {
        "float.tflite": tflite.convert(float_model, edges="float"),
        "tflite": tflite.convert(qat_model, edges="int8"),
        "uint8.tflite": tflite.convert(qat_model, edges="uint8"),
    }
    for file, content in converted.items():
        whole = metadata.add_metadata(content, labels=LABELS, name=NAME, description=file)
        (folder / file).write_bytes(whole)


def scores(top1: int, top5: int, *, sha256: str = "") -> Scores:
    return Scores(PICTURES, top1, top5, 1.23456789, np.zeros((4, 4), np.int64), sha256=sha256)


def with_candidate(evaluation: Evaluation, **changes) -> Evaluation:
    """The same, but for a few things about the int8 file's scores."""
    return of_two(dataclasses.replace(evaluation.candidate, **changes), evaluation.baseline, evaluation.pairs)


def network():
    """Random, but with activations and logits as wide as a trained network's, so that its outputs differ."""
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=len(LABELS), bn_momentum=0.0)
    model(np.random.default_rng(6).uniform(-1, 1, (64, 32, 32, 3)).astype(np.float32), training=True)
    kernel = model.get_layer("Logits").weights[0]
    kernel.assign(kernel * 2)
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Parts:
    """A float model, its quantized child, three .tflite files and 70 pictures."""
    folder = tmp_path_factory.mktemp("parts")
    model = network()
    quantized = quantization.quantize(model, calibration=[IMAGES], freeze_bn=True)
    export.export(str(folder / "float" / "Format-Serving"), model, describe(quantized=False), LABELS)
    export.export(str(folder / "qat" / "Format-Serving"), quantized, describe(quantized=True), LABELS)
    write_tflite(folder / "tflite", model, quantized)
    write_examples(folder / "examples" / "Split-eval")
    pairs = PairedCounts(*(np.zeros(4, np.int64) for _ in range(4)))
    digest = hashlib.sha256((folder / "tflite" / "tflite").read_bytes()).hexdigest()
    return Parts(
        examples=folder / "examples",
        float_model=folder / "float" / "Format-Serving",
        qat_model=folder / "qat" / "Format-Serving",
        tflite=folder / "tflite",
        evaluation=of_two(scores(60, 68, sha256=digest), scores(61, 69), pairs),
        code="e" * 64,
    )


@pytest.fixture(scope="module")
def built(made, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "Format-Serving"
    bundle_builder.build(made, target)
    return target


@pytest.fixture
def parts(made, tmp_path) -> Parts:
    """The parts with a .tflite folder of their own, for a test that spoils it."""
    shutil.copytree(made.tflite, tmp_path / "tflite")
    return dataclasses.replace(made, tflite=tmp_path / "tflite")


def test_the_bundle_holds_what_the_references_tar_files_held_and_more(built):
    assert sorted(path.name for path in built.iterdir()) == [
        "MODEL_CARD.html",
        "MODEL_CARD.md",
        "bom.json",
        "info.json",
        "labels.txt",
        "manifest.json",
        f"{NAME}.ckpt.data-00000-of-00001",
        f"{NAME}.ckpt.index",
        f"{NAME}.ckpt.meta",
        f"{NAME}_eval.pbtxt",
        f"{NAME}_float.tflite",
        f"{NAME}_frozen.pb",
        f"{NAME}_int8.tflite",
        f"{NAME}_uint8.tflite",
        "saved_model",
    ]
    assert bundle.verify(built) == []
    assert not (built / "saved_model" / "keras").exists()
    assert [path.name for path in built.parent.iterdir()] == ["Format-Serving"]


def test_the_tflite_files_are_the_converters_to_the_byte(built, made):
    for edges, file in {"float": "float.tflite", "int8": "tflite", "uint8": "uint8.tflite"}.items():
        assert (built / f"{NAME}_{edges}.tflite").read_bytes() == (made.tflite / file).read_bytes()


def test_labels_are_one_a_line_with_the_background_first(built):
    assert (built / "labels.txt").read_text() == "background\ncircle\nsquare\nstar\n"


def test_checkpoint_frozen_graph_and_saved_model_are_one_model(built, made):
    model, _ = export.load_keras(str(made.float_model))
    restored = checkpoint.import_tf1(built / f"{NAME}.ckpt", width=0.25, resolution=32, classes=4)
    for ours, theirs in zip(model.weights, restored.weights, strict=True):
        assert ours.numpy().tobytes() == theirs.numpy().tobytes(), ours.name
    assert tf.train.load_variable(str(built / f"{NAME}.ckpt"), "global_step") == 20
    wanted = tf.nn.softmax(model(IMAGES, training=False)).numpy()
    saved = tf.saved_model.load(str(built / "saved_model"))
    signature = saved.signatures["serving_image"]
    # Wider than in test_tf1_graph.py: batch norm over 64 noise pictures has tiny variances, which widen float's noise.
    np.testing.assert_allclose(signature(images=tf.constant(IMAGES))["probabilities"], wanted, rtol=0, atol=1e-4)
    np.testing.assert_allclose(run_frozen(built / f"{NAME}_frozen.pb"), wanted, rtol=0, atol=1e-4)


def run_frozen(path: Path) -> np.ndarray:
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        return session.run(f"{tf1_graph.OUTPUT}:0", {"input:0": IMAGES})


def test_the_eval_graph_is_text_and_fake_quantized(built):
    text = (built / f"{NAME}_eval.pbtxt").read_text()
    assert 'name: "input"' in text
    assert 'name: "MobilenetV1/Predictions/Reshape_1"' in text
    assert text.count('op: "FakeQuantWithMinMaxVars') > 56


def test_info_says_what_the_interpreter_says_of_each_file(built):
    files = bundle.read_info(built)["files"]
    assert sorted(files) == [f"{NAME}_float.tflite", f"{NAME}_int8.tflite", f"{NAME}_uint8.tflite"]
    for name, said in files.items():
        interpreter = Interpreter(str(built / name))
        assert said["bytes"] == (built / name).stat().st_size
        for edge, details in (("input", interpreter.get_input_details), ("output", interpreter.get_output_details)):
            (seen,) = details()
            scale, zero_point = seen["quantization"]
            assert said[edge]["name"] == seen["name"]
            assert said[edge]["shape"] == seen["shape_signature"].tolist()
            assert said[edge]["type"] == np.dtype(seen["dtype"]).name
            assert said[edge]["scale"] == (scale or None)
            assert said[edge]["zero_point"] == (None if not scale else zero_point)


def test_info_holds_size_preprocessing_results_and_digests(built):
    info = bundle.read_info(built)
    assert (info["name"], info["variant"], info["resolution"], info["classes"]) == (NAME, "0.25_32", 32, 4)
    assert info["parameters"] == 470_329 - 997 * 257  # 1001 classes in the table, 4 here; 256 features and a bias.
    assert info["macs"] == 833_408  # Counted layer by layer.
    assert info["preprocessing"] | {"resize": ""} == {
        "resolution": 32, "central_fraction": FRACTION, "color": "RGB", "mean": 127.5, "std": 127.5, "resize": "",
        "exif_orientation": "recorded", "alpha": "on white, opaque where it is 0 everywhere",
        "depth": "8 bits, the upper ones of 16",
    }  # fmt: skip
    assert info["results"]["pictures"] == PICTURES
    assert info["results"]["int8"] == {
        "measured_on": f"{NAME}_int8.tflite",
        "top1_count": 60,
        "top5_count": 68,
        "top1": 60 / 70,
        "top5": 68 / 70,
        "cross_entropy": 1.2346,
    }
    assert info["results"]["float"]["top1_count"] == 61
    assert info["steps"] == {"float": 20, "quantized": 30}
    assert info["digests"]["quantized"] == {
        "data": "d" * 64,
        "code": "c" * 64,
        "recipe": "r" * 64,
        "base_model": "b" * 64,
    }
    assert info["digests"]["bundle_code"] == "e" * 64
    assert info["graph"]["output"] == "MobilenetV1/Predictions/Reshape_1"


def test_the_same_parts_give_the_same_bytes(built, made, tmp_path):
    bundle_builder.build(made, tmp_path / "again")
    assert bundle.read_manifest(tmp_path / "again") == bundle.read_manifest(built)


def test_a_file_that_was_not_evaluated_is_refused(made, tmp_path):
    other = dataclasses.replace(made, evaluation=with_candidate(made.evaluation, sha256="0" * 64))
    with pytest.raises(BundleError, match=r"tflite has SHA-256 \w{64}, but 0{64} was evaluated"):
        bundle_builder.build(other, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_uint8_file_of_another_model_is_refused_with_how_many_pictures_differ(parts, made, tmp_path):
    model, _ = export.load_keras(str(made.qat_model))
    kernel = model.get_layer("quant_Logits").weights[0]
    kernel.assign(kernel[..., ::-1])
    other = metadata.add_metadata(tflite.convert(model, edges="uint8"), labels=LABELS, name="", description="")
    (parts.tflite / "uint8.tflite").write_bytes(other)
    with pytest.raises(EdgeError, match=r"differs from the int8 file's on \d+ of 70 pictures \(top-1 on \d+\)"):
        bundle_builder.build(parts, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_an_int8_file_in_place_of_the_uint8_one_is_refused(parts, tmp_path):
    shutil.copyfile(parts.tflite / "tflite", parts.tflite / "uint8.tflite")
    with pytest.raises(EdgeError, match="wanted INT8 and UINT8 of one shape and scale"):
        bundle_builder.build(parts, tmp_path / "bundle")


def test_pictures_on_every_tie_of_the_input_grid_give_the_same_codes_in_both_files(made):
    pixels = np.arange(256, dtype=np.float32).repeat(12).reshape(1, 32, 32, 3)
    images = pixels / np.float32(127.5) - np.float32(1)
    int8, uint8 = ((made.tflite / file).read_bytes() for file in ("tflite", "uint8.tflite"))
    assert compare([images], int8=int8, uint8=uint8) == 1


def test_other_labels_in_a_file_are_refused(parts, tmp_path):
    file = parts.tflite / "float.tflite"
    labels = ["background", "a", "b", "c"]
    file.write_bytes(metadata.add_metadata(file.read_bytes(), labels=labels, name="", description=""))
    with pytest.raises(BundleError, match=r"float\.tflite has the labels background, a, b, c"):
        bundle_builder.build(parts, tmp_path / "bundle")


def test_an_evaluation_of_other_pictures_is_refused(made, tmp_path):
    fewer = with_candidate(made.evaluation, pictures=69)
    with pytest.raises(BundleError, match=r"69 pictures were evaluated, but .* holds 70"):
        bundle_builder.build(dataclasses.replace(made, evaluation=fewer), tmp_path / "bundle")


def test_a_quantized_model_of_another_variant_is_refused(made, tmp_path):
    shutil.copytree(made.qat_model, tmp_path / "qat")
    path = tmp_path / "qat" / "keras" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resolution": 64}))
    with pytest.raises(BundleError, match="resolution is 32 in the float model and 64 in the quantized one"):
        bundle_builder.build(dataclasses.replace(made, qat_model=tmp_path / "qat"), tmp_path / "bundle")


def test_killed_in_the_middle_nothing_is_visible(made, tmp_path, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_builder, "_write_float", killed)  # The .tflite files are there, the rest is not.
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_args, **_kwargs: None)  # Killed for good: nothing tidies up.
        with pytest.raises(KeyboardInterrupt):
            bundle_builder.build(made, tmp_path / "Format-Serving")
    assert [path.name for path in tmp_path.iterdir()] == ["Format-Serving.writing"]
    assert len(list((tmp_path / "Format-Serving.writing").iterdir())) == 3


def test_a_full_disk_is_one_clear_error_with_nothing_left(made, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bundle_builder.shutil, "copytree", full)
    with pytest.raises(BundleError, match=r"cannot be written: .*No space left on device.*Make room"):
        bundle_builder.build(made, tmp_path / "Format-Serving")
    assert list(tmp_path.iterdir()) == []


def test_the_eval_split_is_read_with_the_models_own_preprocessing(made, tmp_path, monkeypatch):
    def asked(files, **options):
        raise BundleError(f"{files} {options}")

    monkeypatch.setattr(input_pipeline, "eval_dataset", asked)
    with pytest.raises(BundleError, match=r"Split-eval.*'resolution': 32, 'central_fraction': 0\.9"):
        bundle_builder.build(made, tmp_path / "Format-Serving")
