"""`mobilenet predict` on a tiny model: the interpreter's own answers, in a process without TensorFlow."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from rich.console import Console

from components import bundle
from components.bundle import BundleError
from pipeline import predict
from pipeline.predict import PredictError
from trainer import mobilenet_v1, preprocessing, quantization, tflite, tflite_metadata
from trainer.tflite import TFLiteError

LABELS = ["background", "circle", "square", "star"]
NAME = "mobilenet_v1_0.25_32"
FRACTION = 0.5


@pytest.fixture(scope="module")
def file() -> bytes:
    """An int8 file of random weights, with activations as wide as a trained network's."""
    images = np.random.default_rng(6).uniform(-1, 1, (64, 32, 32, 3)).astype(np.float32)
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=len(LABELS), bn_momentum=0.0)
    model(images, training=True)
    quantized = quantization.quantize(model, calibration=[images], freeze_bn=True)
    return tflite_metadata.add_metadata(
        tflite.convert(quantized, edges="int8"), labels=LABELS, name=NAME, description=""
    )


@pytest.fixture
def release(file, tmp_path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / f"{NAME}_int8.tflite").write_bytes(file)
    info = {"name": NAME, "files": {f"{NAME}_int8.tflite": {}}, "preprocessing": {"central_fraction": FRACTION}}
    bundle.write_json(folder / bundle.INFO, info)
    bundle.write_manifest(folder)
    return folder


@pytest.fixture
def images(tmp_path) -> list[Path]:
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{i}.jpg" for i in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8)).resize((200, 150)).save(path, quality=90)
    return paths


def interpreted(file: bytes, image: Path, *, central_fraction: float) -> np.ndarray:
    """The same by other means: TensorFlow decodes, the interpreter runs one picture."""
    pixels = preprocessing.eval_image(
        tf.constant(image.read_bytes()), resolution=32, central_fraction=central_fraction
    ).numpy()
    interpreter = Interpreter(model_content=file)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = source["quantization"]
    codes = np.clip(np.floor(pixels / scale + zero_point + 0.5), -128, 127).astype(np.int8)
    interpreter.set_tensor(source["index"], codes[np.newaxis])
    interpreter.invoke()
    scale, zero_point = target["quantization"]
    return (interpreter.get_tensor(target["index"])[0].astype(np.float32) - zero_point) * scale


def test_a_bundle_gives_the_interpreters_probabilities_with_its_own_preprocessing(release, file, images):
    predictions = predict.predict(release, images, top=4)
    assert [prediction.image for prediction in predictions] == images
    for prediction in predictions:
        wanted = interpreted(file, prediction.image, central_fraction=FRACTION)
        assert {guess.index: guess.probability for guess in prediction.guesses} == pytest.approx(
            dict(enumerate(wanted))
        )
        probabilities = [guess.probability for guess in prediction.guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(guess.label == LABELS[guess.index] for guess in prediction.guesses)


def test_a_file_within_its_bundle_is_preprocessed_alike_and_one_alone_as_the_reference(release, file, images, tmp_path):
    within = predict.predict(release / f"{NAME}_int8.tflite", images, top=4)
    assert within == predict.predict(release, images, top=4)
    (tmp_path / "alone.tflite").write_bytes(file)
    alone = predict.predict(tmp_path / "alone.tflite", images, top=4)
    assert alone != within
    wanted = interpreted(file, images[0], central_fraction=0.875)
    assert {guess.index: guess.probability for guess in alone[0].guesses} == pytest.approx(dict(enumerate(wanted)))


def test_top_limits_the_classes_and_may_exceed_them(release, images):
    assert [len(p.guesses) for p in predict.predict(release, images, top=2)] == [2] * 5
    assert [len(p.guesses) for p in predict.predict(release, images, top=50)] == [4] * 5
    with pytest.raises(PredictError, match="top is 0, wanted at least 1"):
        predict.predict(release, images, top=0)


def test_more_pictures_than_a_batch_keep_their_order(release, images, monkeypatch):
    alone = [predict.predict(release, [image], top=4)[0] for image in images]
    monkeypatch.setattr(predict, "BATCH", 2)
    assert predict.predict(release, images, top=4) == alone


def test_equal_probabilities_go_by_the_index():
    guesses = predict._guesses(np.array([0.25, 0.3, 0.25, 0.3], np.float32), LABELS, 4)
    assert [guess.index for guess in guesses] == [1, 3, 0, 2]


def test_bad_pictures_are_all_named_at_once_as_ingestion_names_them(release, images, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(images[0].read_bytes()[:2000])
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / name for name in ("text.jpg", "cut.jpg", "gone.jpg", "folder")]
    with pytest.raises(PredictError) as caught:
        predict.predict(release, [*images, *bad], top=1)
    message = str(caught.value)
    assert "4 of 9 pictures cannot be read" in message
    assert "text.jpg: not a picture" in message
    assert "cut.jpg: truncated JPEG" in message
    assert "gone.jpg: No such file or directory" in message
    assert "folder: not a file" in message


@pytest.mark.parametrize(("mode", "format"), [("CMYK", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("RGB", "PNG")])
def test_odd_pictures_are_taken_as_ingestion_takes_them(release, tmp_path, mode, format):
    Image.new(mode, (40, 40)).save(tmp_path / "odd", format)
    assert len(predict.predict(release, [tmp_path / "odd"], top=1)) == 1


def test_one_pixel_is_a_picture(release, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.jpg")
    assert len(predict.predict(release, [tmp_path / "dot.jpg"], top=1)) == 1


def test_what_is_no_bundle_and_no_tflite_file_is_refused(release, images, tmp_path):
    with pytest.raises(PredictError, match=r"nowhere does not exist\. Give a release bundle's folder"):
        predict.predict(tmp_path / "nowhere", images, top=1)
    with pytest.raises(BundleError, match="not a release bundle"):
        predict.predict(tmp_path, images, top=1)
    with pytest.raises(TFLiteError):
        predict.predict(images[0], images, top=1)


def test_a_changed_int8_file_in_a_bundle_is_refused(release, images):
    path = release / f"{NAME}_int8.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"_int8\.tflite: changed"):
        predict.predict(release, images, top=1)


@pytest.mark.parametrize("name", ["../outside", "", "other"])
def test_an_info_that_names_another_file_leads_nowhere(release, images, name):
    bundle.write_json(release / bundle.INFO, bundle.read_info(release) | {"name": name})
    bundle.write_manifest(release)
    with pytest.raises(BundleError, match="is not in"):
        predict.predict(release, images, top=1)


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"files": 5}, r"info\.json: files is 5, wanted a dict\. Build the bundle again"),
        ({"files": None}, "files is None, wanted a dict"),
        ({"name": ["x"]}, r"name is \['x'\], wanted a str"),
    ],
)
def test_an_info_of_the_wrong_types_is_refused_for_the_bundle_and_for_its_file(release, images, spoiled, message):
    bundle.write_json(release / bundle.INFO, bundle.read_info(release) | spoiled)
    bundle.write_manifest(release)
    for given in (release, release / f"{NAME}_int8.tflite"):
        with pytest.raises(PredictError, match=message):
            predict.predict(given, images, top=1)


def test_an_info_changed_after_the_bundle_was_built_is_refused(release, images):
    info = bundle.read_info(release) | {"preprocessing": {"central_fraction": 1.0}}
    bundle.write_json(release / bundle.INFO, info)
    for given in (release, release / f"{NAME}_int8.tflite"):
        with pytest.raises(BundleError, match=r"info\.json: changed"):
            predict.predict(given, images, top=1)


def test_an_info_of_something_else_beside_a_file_is_not_read(file, images, tmp_path):
    (tmp_path / "alone.tflite").write_bytes(file)
    before = predict.predict(tmp_path / "alone.tflite", images, top=1)
    (tmp_path / "info.json").write_text('{"files": 5}')
    assert predict.predict(tmp_path / "alone.tflite", images, top=1) == before


@pytest.mark.parametrize("fraction", [0, 1.5, "x", None, [], float("nan")])
def test_an_info_without_a_sane_crop_is_refused(release, images, fraction):
    bundle.write_json(
        release / bundle.INFO, bundle.read_info(release) | {"preprocessing": {"central_fraction": fraction}}
    )
    bundle.write_manifest(release)
    with pytest.raises(PredictError, match="central_fraction"):
        predict.predict(release, images, top=1)


def test_the_table_shows_names_classes_and_shares_and_no_control_characters():
    guesses = (predict.Guess(1, "[red]cat\x1b[31m", 0.75), predict.Guess(2, "dog", 0.25))
    shown = io.StringIO()
    console = Console(file=shown, width=80)
    console.print(predict.table([predict.Prediction(Path("a[b].jpg"), guesses)]))
    lines = shown.getvalue().splitlines()
    assert lines[1].split() == ["a[b].jpg", "[red]cat\ufffd[31m", "75.0%"]
    assert lines[2].split() == ["dog", "25.0%"]


def test_tensorflow_is_not_imported(release, images):
    code = (
        "import sys; from pathlib import Path; from pipeline import predict; "
        f"print(len(predict.predict(Path({str(release)!r}), [Path({str(images[0])!r})], top=1))); "
        "print(sorted({'tensorflow', 'tf_keras', 'tfx', 'apache_beam'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.splitlines() == ["1", "[]"], done.stderr
