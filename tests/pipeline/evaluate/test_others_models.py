"""Models of others, each with an input of its own: measured as a plain loop over the file does it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from typer.testing import CliRunner

from pipeline.cli import app
from tests.components.evaluation.evaluation_artifacts import CENTRAL_FRACTION, CLASSES, SIDE, Artifacts, make
from trainer import export
from trainer.keras import keras
from trainer.tflite import metadata
from trainer.tflite.graph import pack, parse

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
]
MEANS = np.array([123.675, 116.28, 103.53], np.float32)  # ImageNet's, of levels.
STDS = np.array([58.395, 57.12, 57.375], np.float32)
SHARES = ("0.485,0.456,0.406", "0.229,0.224,0.225")  # The same as PyTorch writes them.


@dataclass(frozen=True)
class Others:
    """The files in a folder, the eval split as shards and as levels of 0…255, and its labels."""

    folder: Path
    examples: str
    levels: np.ndarray
    labels: np.ndarray


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> Others:
    artifacts = make(tmp_path_factory.mktemp("artifacts"))
    folder = tmp_path_factory.mktemp("others")
    ours, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    levels = _levels(artifacts)
    nets = {
        "unit": _wrapped(ours, keras.layers.Rescaling(2.0, -1.0)),
        "levels": _wrapped(ours, keras.layers.Rescaling(1 / 127.5, -1.0)),
        "torch": _wrapped(ours, _layer(lambda x: (x * STDS + MEANS) / 127.5 - 1)),
        "caffe": _wrapped(ours, _layer(lambda x: ((x + MEANS[::-1]) / 127.5 - 1)[..., ::-1])),
    }
    for name, net in nets.items():
        (folder / f"{name}.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(net).convert())
    (folder / "dynamic.tflite").write_bytes(_quantized(nets["unit"]))
    for kind in (tf.int8, tf.uint8):
        (folder / f"{kind.name}_unit.tflite").write_bytes(_quantized(nets["unit"], levels / 255, kind))
        (folder / f"{kind.name}_levels.tflite").write_bytes(_quantized(nets["levels"], levels, kind))
    (folder / "raw.tflite").write_bytes(_raw(nets["levels"]))
    nets["unit"].save(folder / "unit.h5")
    _save(nets["levels"], folder / "saved")
    return Others(folder, artifacts.examples.uri, levels, np.array(artifacts.labels))


def _levels(artifacts: Artifacts) -> np.ndarray:
    return (artifacts.images() + np.float32(1)) * np.float32(127.5)


def _layer(change) -> keras.layers.Layer:
    return keras.layers.Lambda(change)


def _wrapped(model: keras.Model, change: keras.layers.Layer) -> keras.Model:
    picture = keras.Input((SIDE, SIDE, 3))
    return keras.Model(picture, keras.layers.Softmax()(model(change(picture))))


def _quantized(model: keras.Model, images: np.ndarray | None = None, kind: tf.DType = tf.float32) -> bytes:
    """Dynamic range without pictures, else integers throughout."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if images is not None:
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images.astype(np.float32))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = kind
    return converter.convert()


def _raw(model: keras.Model) -> bytes:
    """Takes the levels themselves, as uint8 without a scale."""
    picture = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    net = keras.Model(picture, model(_layer(lambda x: tf.cast(x, tf.float32))(picture)))
    return tf.lite.TFLiteConverter.from_keras_model(net).convert()


def _save(model: keras.Model, folder: Path) -> None:
    module = tf.Module()
    module.weights = model.weights
    spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)
    module.serve = tf.function(lambda images: model(images, training=False), input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


UNIT, LEVELS = ("--input-range", "0,1"), ("--input-range", "0..255")
CASES = {
    "unit": (["unit.tflite", "dynamic.tflite", "int8_unit.tflite", "uint8_unit.tflite"], UNIT, lambda x: x / 255),
    "levels": (["levels.tflite", "int8_levels.tflite", "uint8_levels.tflite", "raw.tflite"], LEVELS, lambda x: x),
    "raw-says-itself": (["raw.tflite"], (), lambda x: x),
    "torch": (
        ["torch.tflite"],
        ("--input-range", "0,1", "--mean", SHARES[0], "--std", SHARES[1]),
        lambda x: (x - MEANS) / STDS,
    ),
    "caffe": (
        ["caffe.tflite"],
        ("--channel-order", "BGR", "--mean", "103.53,116.28,123.675"),
        lambda x: x[..., ::-1] - MEANS[::-1],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_top1_is_a_plain_loops_to_the_picture(others, tmp_path, name):
    files, options, feed = CASES[name]
    said = _evaluated(others, tmp_path / "out", *files, options=options)
    fed = feed(others.levels)
    for file in files:
        wanted = (_loop(others.folder / file, fed) == others.labels).sum()
        assert said[file]["top1_count"] == wanted
        assert wanted > 12, f"{file} finds {wanted} of {len(others.labels)}: the loop feeds it wrongly"


@pytest.mark.parametrize(("file", "options"), [("unit.h5", UNIT), ("saved", LEVELS)])
def test_keras_files_and_saved_models_are_fed_as_the_options_say(others, tmp_path, file, options):
    found = _evaluated(others, tmp_path / "out", file, options=options)[file]
    assert found["top1_count"] == (_loop(others.folder / "unit.tflite", others.levels / 255) == others.labels).sum()


def test_metadata_is_followed_and_the_options_hold_for_the_others_only(others, tmp_path):
    names = (Path(others.examples) / "labels.txt").read_text().splitlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "MEAN", 0.0)
        patch.setattr(metadata, "STD", 255.0)
        file = metadata.add_metadata(
            (others.folder / "unit.tflite").read_bytes(), labels=names, name="", description=""
        )
    (tmp_path / "says.tflite").write_bytes(file)
    said = _evaluated(others, tmp_path / "out", str(tmp_path / "says.tflite"), "levels.tflite", options=LEVELS)
    assert said["says.tflite"]["top1_count"] == said["levels.tflite"]["top1_count"] > 20


def test_outputs_are_matched_with_the_data_by_name(others, tmp_path):
    """The same file with its last layer's outputs turned round, and its labels with them."""
    names = (Path(others.examples) / "labels.txt").read_text().splitlines()
    net = keras.models.load_model(others.folder / "unit.h5", compile=False)
    turned = keras.Model(net.input, keras.layers.Lambda(lambda x: tf.reverse(x, [1]))(net.output))
    file = tf.lite.TFLiteConverter.from_keras_model(turned).convert()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "MEAN", 0.0)
        patch.setattr(metadata, "STD", 255.0)
        file = metadata.add_metadata(file, labels=names[::-1], name="", description="")
    (tmp_path / "turned.tflite").write_bytes(file)
    found = _evaluated(others, tmp_path / "out", str(tmp_path / "turned.tflite"))["turned.tflite"]
    assert found["top1_count"] == (_loop(others.folder / "unit.tflite", others.levels / 255) == others.labels).sum()


@pytest.mark.parametrize("file", ["uint8_unit.tflite", "int8_levels.tflite", "raw.tflite"])
def test_an_input_whose_scale_does_not_fit_is_refused_by_a_sentence_that_names_the_model(others, tmp_path, file):
    options = () if file != "raw.tflite" else ("--input-range", "0,1")
    if file == "raw.tflite":  # It says itself what it takes; metadata that says otherwise does not fit.
        content = parse((others.folder / file).read_bytes())
        names = (Path(others.examples) / "labels.txt").read_text().splitlines()
        (tmp_path / file).write_bytes(metadata.add_metadata(pack(content), labels=names, name="", description=""))
    path = str(tmp_path / file) if file == "raw.tflite" else file
    said = _refused(others, tmp_path / "out", f"theirs={_path(others, path)}", options=options)
    assert "theirs: its " in said and "input stands for numbers from" in said
    assert "--input-range of mobilenet evaluate" in said
    assert not (tmp_path / "out").exists()


def test_a_model_that_gives_nan_is_refused_by_name(others, tmp_path):
    net = keras.models.load_model(others.folder / "unit.h5", compile=False)
    spoiled = keras.Model(net.input, keras.layers.Lambda(lambda x: x * np.float32("nan"))(net.output))
    (tmp_path / "nan.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(spoiled).convert())
    said = _refused(others, tmp_path / "out", f"broken={tmp_path / 'nan.tflite'}", options=UNIT)
    assert "broken: the .tflite file: it gives no numbers (NaN or infinity) for" in said
    assert "while running" not in said
    picture = next((Path(__file__).parents[3] / "data" / "sample" / "eval").glob("*/*.jpg"))
    done = CliRunner().invoke(app, ["predict", str(tmp_path / "nan.tflite"), str(picture), "--json"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "it gives no numbers" in done.stderr


def _path(others: Others, file: str) -> str:
    return file if Path(file).is_absolute() else str(others.folder / file)


def _arguments(others: Others, output: Path, models, options) -> list[str]:
    return [
        "evaluate", *models, "--data", others.examples, "--output", str(output), "--slices", "none", "--json",
        "--central-fraction", str(CENTRAL_FRACTION), *options,
    ]  # fmt: skip


def _evaluated(others: Others, output: Path, *files: str, options=()) -> dict:
    models = [_path(others, file) for file in files]
    done = CliRunner().invoke(app, _arguments(others, output, models, options))
    assert done.exit_code == 0, done.output
    return json.loads((output / "scores.json").read_text())["models"]


def _refused(others: Others, output: Path, *models: str, options=()) -> str:
    done = CliRunner(env={"COLUMNS": "400"}).invoke(app, _arguments(others, output, models, options))
    assert done.exit_code == 1, done.output
    return " ".join(done.output.split())


def _loop(path: Path, fed: np.ndarray) -> np.ndarray:
    """The classes, one picture at a time, without anything of ours."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (enter,), (leave,) = interpreter.get_input_details(), interpreter.get_output_details()
    classes = []
    for image in fed.astype(np.float32):
        if enter["dtype"] != np.float32:
            scale, zero = enter["quantization"] if enter["quantization"][0] else (1.0, 0)
            limits = np.iinfo(enter["dtype"])
            image = np.clip(np.floor(image / np.float32(scale) + (zero + 0.5)), limits.min, limits.max)
        interpreter.set_tensor(enter["index"], image.astype(enter["dtype"])[np.newaxis])
        interpreter.invoke()
        classes.append(int(interpreter.get_tensor(leave["index"])[0].argmax()))
    assert leave["shape"][1] == CLASSES
    return np.array(classes)
