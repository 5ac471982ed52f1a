"""Models of every kind, on the same pictures, in one evaluation: each measures what a plain loop over it measures."""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from rich.console import Console
from typer.testing import CliRunner

from components.evaluation.scores import BINS, Evaluation, Scores, Slice
from pipeline.cli import app
from pipeline.evaluate import data, evaluate, scores_file, table
from pipeline.evaluate.models import Options
from pipeline.terminal.progress import Follower
from tests.components.evaluation.evaluation_artifacts import (
    CLASSES,
    EACH,
    SIDE,
    Artifacts,
    constant_model,
    convert,
    make,
)
from trainer import export, quantization
from trainer.keras import keras
from trainer.network.variant import Variant
from trainer.slim import checkpoint
from trainer.tflite import metadata

pytestmark = [
    pytest.mark.slow,
    # tf_keras draws the seeds of its initializers from a range with float ends, and says that HDF5 is old.
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    # The converter says so of every model with integer edges.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
]
OPTIONS = Options(variant=Variant(0.25, SIDE), central_fraction=1.0)


@dataclass(frozen=True)
class Measured:
    """The evaluation, its folder, and what each model gives for the 60 pictures when it is asked directly."""

    artifacts: Artifacts
    folder: Path
    found: Evaluation
    probabilities: dict[str, np.ndarray]

    @property
    def labels(self) -> np.ndarray:
        return np.array(self.artifacts.labels)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory) -> Artifacts:
    return make(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def measured(artifacts, tmp_path_factory) -> Measured:
    folder = tmp_path_factory.mktemp("models")
    images = artifacts.images()
    model, _ = export.load_keras(f"{artifacts.float_model.uri}/Format-Serving")
    quantized = quantization.quantize(model, calibration=[images], freeze_bn=True)
    peer = keras.applications.MobileNet((SIDE, SIDE, 3), alpha=0.25, weights=None, classes=CLASSES - 1)
    checkpoint.export_tf1(model, folder / "slim.ckpt", steps=1)
    model.save(folder / "float.h5")
    quantized.save(folder / "quantized.h5")
    _save(peer, folder / "peer")
    (folder / "uint8.tflite").write_bytes(convert(model, images, edges=tf.uint8))
    (folder / "float.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    (folder / "equal.tflite").write_bytes(convert(constant_model(), images))
    arguments = {
        "int8": artifacts.tflite.uri, "saved": artifacts.float_model.uri, "keras": folder / "float.h5",
        "fake": folder / "quantized.h5", "slim": folder / "slim.ckpt", "peer": folder / "peer",
        "uint8": folder / "uint8.tflite", "logits": folder / "float.tflite", "equal": folder / "equal.tflite",
    }  # fmt: skip
    request = evaluate.Request(
        [f"{name}={path}" for name, path in arguments.items()], Path(artifacts.examples.uri), folder / "evaluation",
        baseline="saved", options=OPTIONS, class_groups=_groups(folder),
    )  # fmt: skip
    found = evaluate.evaluate(request, follower=Follower(Console(quiet=True)))
    exact = tf.nn.softmax(model.predict(images, verbose=0)).numpy()
    without = peer.predict(images, verbose=0)
    return Measured(
        artifacts, folder / "evaluation", found,
        {
            "saved": exact, "keras": exact, "slim": exact, "logits": exact,
            "fake": tf.nn.softmax(quantized.predict(images, verbose=0)).numpy(),
            "peer": np.concatenate([np.full((len(without), 1), -1, np.float32), without], axis=1),
            "int8": _litert(Path(artifacts.tflite.uri, "Format-Serving", "tflite"), images),
            "uint8": _litert(folder / "uint8.tflite", images),
            "equal": np.full((len(images), CLASSES), 1 / CLASSES, np.float32),
        },
    )  # fmt: skip


def test_models_keep_the_order_in_which_they_were_given(measured):
    assert list(measured.found.overall.scores) == [
        "int8", "saved", "keras", "fake", "slim", "peer", "uint8", "logits", "equal",
    ]  # fmt: skip
    assert measured.found.baseline_name == "saved"
    assert list(measured.found.overall.pairs) == [
        "int8", "keras", "fake", "slim", "peer", "uint8", "logits", "equal",
    ]  # fmt: skip


MODELS = ("int8", "saved", "keras", "fake", "slim", "peer", "uint8", "logits")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_scores_what_a_plain_loop_over_it_scores(measured, name):
    scores, labels = measured.found.overall.scores[name], measured.labels
    probabilities = measured.probabilities[name].astype(np.float64)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (labels, order[:, 0]), 1)
    np.testing.assert_array_equal(scores.confusion, confusion)
    assert scores.top1_count == (order[:, 0] == labels).sum()
    assert scores.top5_count == (order[:, :5] == labels[:, np.newaxis]).any(axis=1).sum()
    losses = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1 / 512))
    assert scores.cross_entropy == pytest.approx(losses.mean(), abs=1e-6)
    assert scores.cross_entropy_error == pytest.approx(losses.std(ddof=1) / np.sqrt(len(labels)), abs=1e-6)
    assert scores.calibration is not None
    assert scores.calibration.error == pytest.approx(_ece(probabilities, labels), abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_recall_precision_and_agreement_are_numpys(measured, name):
    scores, labels = measured.found.overall.scores[name], measured.labels
    predicted = measured.probabilities[name].argmax(axis=1)
    for label in range(1, CLASSES):
        hits = ((predicted == label) & (labels == label)).sum()
        assert scores.recall[label] == hits / (labels == label).sum()
        if (predicted == label).any():
            assert scores.precision[label] == hits / (predicted == label).sum()
    assert np.isnan(scores.recall[0])
    if name != "saved":
        same = predicted == measured.probabilities["saved"].argmax(axis=1)
        assert measured.found.overall.pairs[name].agreed == same.sum()


def test_a_model_without_a_background_is_read_as_one_with_it(measured):
    assert measured.found.overall.scores["peer"].confusion.shape == (CLASSES, CLASSES)
    assert measured.found.overall.scores["peer"].confusion[:, 0].sum() == 0


def test_an_all_equal_output_scores_what_a_stable_argsort_gives(measured):
    scores = measured.found.overall.scores["equal"]
    assert scores.top1_count == 0  # Index 0, the background, comes first.
    assert scores.top5_count == 4 * EACH  # The next four are classes 1 to 4: 4/10 of a balanced split.


def test_groups_of_classes_are_slices(measured):
    groups = {each.value: each for each in measured.found.slices if each.feature == "class_group"}
    right = measured.probabilities["int8"].argmax(axis=1) == measured.labels
    low = measured.labels <= 3
    assert {value: each.scores["int8"].top1_count for value, each in groups.items()} == {
        "first": right[low].sum(),
        "no group": right[~low].sum(),
    }
    assert groups["first"].pairs["int8"].pictures == 3 * EACH


def test_the_folder_is_read_by_tfma_and_scores_json_says_the_same(measured):
    overall = tfma.load_eval_result(str(measured.folder), model_name="uint8").get_metrics_for_slice()
    said = json.loads((measured.folder / scores_file.NAME).read_text())
    assert overall is not None
    assert said["models"]["uint8"]["top1"] == overall["top1"]["doubleValue"]
    assert said["models"]["uint8"]["ece"] == overall["ece"]["doubleValue"]
    low, high = said["models"]["uint8"]["top1_interval"]
    assert 0 <= low < said["models"]["uint8"]["top1"] < high <= 1
    assert said["against_baseline"]["slim"]["agreement"] == 1.0
    assert said["models"]["saved"]["sha256"] != said["models"]["keras"]["sha256"]
    assert {each["feature"] for each in said["slices"]} == {"picture_size", "decode_note", "class_group"}


def test_a_folder_of_pictures_gives_what_their_shards_give(measured, artifacts, tmp_path):
    """The class folders go by the names inside the file, not by their own order: one is missing here."""
    file = Path(artifacts.tflite.uri, "Format-Serving", "tflite").read_bytes()
    names = Path(artifacts.examples.uri, "labels.txt").read_text().splitlines()
    (tmp_path / "named.tflite").write_bytes(metadata.add_metadata(file, labels=names, name="named", description=""))
    at = 0
    for name, label in zip(names[1:], range(1, CLASSES), strict=True):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for encoded in artifacts.encoded[at : at + EACH]:
            if label != 1:
                (tmp_path / "pictures" / name / f"{at:02}.jpg").write_bytes(encoded)
            at += 1
    (tmp_path / "pictures" / names[1]).rmdir()
    (tmp_path / "pictures" / names[2] / "bad.jpg").write_text("hello")
    result = CliRunner().invoke(app, [
        "evaluate", str(tmp_path / "named.tflite"), "--data", str(tmp_path / "pictures"), "--output",
        str(tmp_path / "out"), "--central-fraction", "1", "--json",
    ])  # fmt: skip
    assert result.exit_code == 4, result.output
    assert (
        f"1 pictures could not be read, and are in no number above:\n  eval/{names[2]}/bad.jpg: not a" in result.stderr
    )
    said = json.loads((tmp_path / "out" / "scores.json").read_text())["models"]["named.tflite"]
    rest = measured.labels != 1
    right = measured.probabilities["int8"].argmax(axis=1) == measured.labels
    assert (said["pictures"], said["top1_count"]) == (rest.sum(), right[rest].sum())
    assert (tmp_path / "out" / "log.txt").is_file()


def test_slices_of_many_models_have_a_row_for_each_instead_of_a_column():
    scores = {f"mobilenet_v1_{number}": Scores(8, number, 8, 0.0, np.zeros((2, 2))) for number in range(6)}
    result = Evaluation(Slice(scores), (Slice(scores, feature="picture_size", value="small"),), baseline_name=None)
    console = Console(width=80, record=True, quiet=False, file=io.StringIO())
    console.print(list(table.tables(result))[-1])
    lines = [line for line in console.export_text().splitlines() if "mobilenet_v1_" in line]
    assert [re.findall(r"\d+\.\d\d%", line)[0] for line in lines] == [
        "0.00%", "12.50%", "25.00%", "37.50%", "50.00%", "62.50%",
    ]  # fmt: skip


def test_models_of_other_classes_are_refused_by_the_first_that_differs(artifacts, tmp_path):
    file = Path(artifacts.tflite.uri, "Format-Serving", "tflite").read_bytes()
    names = ["background", "ankle_boot", "shoe", *(f"class_{i}" for i in range(3, CLASSES))]
    (tmp_path / "other.tflite").write_bytes(metadata.add_metadata(file, labels=names, name="other", description=""))
    said = refused(
        "evaluate", tmp_path / "other.tflite", "--data", artifacts.examples.uri, "--output", tmp_path / "out"
    )
    assert "output 2 is 'shoe' in the model and 'bag' in the data" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.tflite"], "nothing.tflite does not exist"),
        (["DATA"], "is no model that is known here: wanted a .tflite file, a SavedModel's folder"),
        (["MODEL", "a=MODEL", "a=MODEL"], "two models are called a: give them names"),
        (["MODEL", "--baseline", "b"], "--baseline is b: wanted one of tflite"),
        (["MODEL", "--slices", "image/colour"], "no example has the feature image/colour"),
        (["MODEL", "--central-fraction", "2"], "--central-fraction is 2.0, wanted more than 0 and at most 1"),
        (
            ["MODEL", "--class-groups", "GROUPS"],
            "line 1: got 'nothing,some', wanted class,group",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(artifacts, tmp_path, arguments, message):
    (tmp_path / "groups.csv").write_text("nothing,some\n")
    places = {"DATA": artifacts.examples.uri, "MODEL": artifacts.tflite.uri, "GROUPS": str(tmp_path / "groups.csv")}
    filled = [next((text.replace(key, place) for key, place in places.items() if key in text), text)
              for text in arguments]  # fmt: skip
    said = refused("evaluate", *filled, "--data", artifacts.examples.uri, "--output", tmp_path / "out")
    assert message in said
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_there_is_not_touched(artifacts, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    said = refused("evaluate", artifacts.tflite.uri, "--data", artifacts.examples.uri, "--output", tmp_path / "out")
    assert "is there already: give a folder that does not exist yet" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_shards_of_tf_slim_and_of_tfds_are_found_by_their_names(tmp_path):
    for name in ("validation-00000-of-00128", "imagenet2012-validation.tfrecord-00000-of-00064", "notes.txt"):
        (tmp_path / name).touch()
    found = data.find(tmp_path, ("background", "a"))
    assert found is not None
    assert [Path(file).name for file in found.files] == [
        "imagenet2012-validation.tfrecord-00000-of-00064",
        "validation-00000-of-00128",
    ]
    assert found.labels == ("background", "a")


def refused(*arguments: str | Path) -> str:
    """The message, on one line."""
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    return " ".join(result.output.split())


def _save(model: keras.Model, folder: Path) -> None:
    """A SavedModel as anybody's: one signature, float pictures. The variables alone: tracing each layer takes 20 s."""
    module = tf.Module()
    module.weights = model.weights
    spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)
    module.serve = tf.function(lambda images: model(images, training=False), input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def _groups(folder: Path) -> Path:
    path = folder / "groups.csv"
    names = ["ankle_boot", "bag", "coat"]
    path.write_text("class,group\n" + "".join(f"{name},first\n" for name in names))
    return path


def _ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    return sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(BINS)) / len(labels)


def _litert(path: Path, images: np.ndarray) -> np.ndarray:
    """One picture at a time through ai-edge-litert, without anything of ours."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (enter,), (leave,) = interpreter.get_input_details(), interpreter.get_output_details()
    limits = np.iinfo(enter["dtype"])
    rows = []
    for image in images:
        scale, zero = enter["quantization"]
        codes = np.clip(np.floor(image / np.float32(scale) + zero + 0.5), limits.min, limits.max)
        interpreter.set_tensor(enter["index"], codes.astype(enter["dtype"])[np.newaxis])
        interpreter.invoke()
        scale, zero = leave["quantization"]
        rows.append((interpreter.get_tensor(leave["index"])[0].astype(np.float32) - zero) * np.float32(scale))
    return np.stack(rows)
