"""`mobilenet predict` on a tiny model: the interpreter's own answers, in a process without TensorFlow."""

import codecs
import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps
from rich.console import Console
from typer.testing import CliRunner

from components.release import bundle
from components.release.bundle import BundleError
from pipeline.cli import app
from pipeline.release import pictures, predict
from pipeline.release.pictures import Given
from pipeline.release.predict import PredictError
from tests.trainer.pictures.faulty_pictures import CONVERTED, FAULTS, TAKEN, encoded, exif, photo
from trainer import eval_image, export, preprocessing, quantization, tflite
from trainer.network import mobilenet_v1
from trainer.pictures.record import Preprocessing
from trainer.tflite import classifier as tflite_classifier
from trainer.tflite import metadata
from trainer.tflite.graph import TFLiteError
from trainer.tflite.normalization import Normalization

pytestmark = pytest.mark.slow

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
    return metadata.add_metadata(tflite.convert(quantized, edges="int8"), labels=LABELS, name=NAME, description="")


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


def predicted(model: Path, images: Sequence[Path], *, top: int) -> list[predict.Prediction]:
    return predict.predict(model, [Given(str(image)) for image in images], top=top)


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
    predictions = predicted(release, images, top=4)
    assert [prediction.image for prediction in predictions] == [str(image) for image in images]
    for prediction in predictions:
        wanted = interpreted(file, Path(prediction.image), central_fraction=FRACTION)
        assert {guess.index: guess.probability for guess in prediction.guesses} == pytest.approx(
            dict(enumerate(wanted))
        )
        probabilities = [guess.probability for guess in prediction.guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(guess.label == LABELS[guess.index] for guess in prediction.guesses)


def test_a_file_within_its_bundle_is_preprocessed_alike_and_one_alone_as_the_reference(release, file, images, tmp_path):
    within = predicted(release / f"{NAME}_int8.tflite", images, top=4)
    assert within == predicted(release, images, top=4)
    (tmp_path / "alone.tflite").write_bytes(file)
    alone = predicted(tmp_path / "alone.tflite", images, top=4)
    assert alone != within
    wanted = interpreted(file, images[0], central_fraction=0.875)
    assert {guess.index: guess.probability for guess in alone[0].guesses} == pytest.approx(dict(enumerate(wanted)))


def test_top_limits_the_classes_and_may_exceed_them(release, images):
    assert [len(p.guesses) for p in predicted(release, images, top=2)] == [2] * 5
    assert [len(p.guesses) for p in predicted(release, images, top=50)] == [4] * 5
    with pytest.raises(PredictError, match="top is 0, wanted at least 1"):
        predicted(release, images, top=0)


def test_more_pictures_than_a_batch_keep_their_order(release, images, monkeypatch):
    alone = [predicted(release, [image], top=4)[0] for image in images]
    monkeypatch.setattr(predict, "BATCH", 2)
    assert predicted(release, images, top=4) == alone


def test_equal_probabilities_go_by_the_index():
    guesses = tflite_classifier.guesses(np.array([0.25, 0.3, 0.25, 0.3], np.float32), LABELS, 4)
    assert [guess.index for guess in guesses] == [1, 3, 0, 2]


def test_bad_pictures_stop_no_others_and_are_named_as_ingestion_names_them(release, images, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(images[0].read_bytes()[:2000])
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / name for name in ("text.jpg", "cut.jpg", "gone.jpg", "folder")]
    predictions = predicted(release, [*images[:2], *bad, *images[2:]], top=1)
    assert [each for each in predictions if not each.fault] == predicted(release, images, top=1)
    message = predict.faults(predictions)
    assert "4 of 9 pictures cannot be read" in message
    assert "text.jpg: not a picture" in message
    assert "cut.jpg: truncated JPEG" in message
    assert "gone.jpg: No such file or directory" in message
    assert "folder: not a file" in message
    assert json.loads(predict.as_json(predictions))[2] == {
        "image": str(bad[0]), "classes": [], "error": predictions[2].fault,
    }  # fmt: skip
    with pytest.raises(PredictError, match=r"none of 4 pictures can be read:\n  .*text.jpg: not a picture"):
        predicted(release, bad, top=1)


def test_one_bad_picture_of_a_folder_has_an_exit_code_of_its_own(release, images, tmp_path):
    folder = tmp_path / "shown"
    folder.mkdir()
    (folder / "bad.jpg").write_text("hello")
    (folder / "no suffix").write_bytes(images[0].read_bytes())
    done = CliRunner().invoke(app, ["predict", str(release), str(folder), "--json"])
    assert done.exit_code == 4
    assert [len(each["classes"]) for each in json.loads(done.stdout)] == [0, 4]
    assert "1 of 2 pictures cannot be read:\n  " in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "labels"),
    [
        ("labels.txt", codecs.BOM_UTF8 + "a\nb\nc\né\n".encode(), ["a", "b", "c", "é"]),
        ("labels.txt", b"a\nb\nc\nd\n\n", ["a", "b", "c", "d"]),
        ("labels.txt", "a\r\nb\r\nc\r\né".encode("latin-1"), ["a", "b", "c", "é"]),
        ("labels.txt", "\ufeffa\nb\nc\né\n".encode("utf-16-le"), ["a", "b", "c", "é"]),
        ("labelmap.txt", b"a\nb\nc\nd\n", ["a", "b", "c", "d"]),
    ],
)
def test_labels_that_others_put_into_a_file_are_read_whatever_their_name_and_encoding(file, name, content, labels):
    bare = file[: file.rindex(b"PK\x03\x04")]
    whole = io.BytesIO(bare)
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("about.txt", "one line")
        archive.writestr(name, content)
    assert list(tflite.Classifier(whole.getvalue()).labels) == labels


@pytest.mark.parametrize(("mode", "format"), [("CMYK", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("RGB", "PNG")])
def test_odd_pictures_are_taken_as_ingestion_takes_them(release, tmp_path, mode, format):
    Image.new(mode, (40, 40)).save(tmp_path / "odd", format)
    assert len(predicted(release, [tmp_path / "odd"], top=1)) == 1


def test_one_pixel_is_a_picture(release, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.jpg")
    assert len(predicted(release, [tmp_path / "dot.jpg"], top=1)) == 1


def test_what_is_no_bundle_and_no_tflite_file_is_refused(release, images, tmp_path):
    with pytest.raises(PredictError, match=r"nowhere does not exist\. Give a release bundle's folder"):
        predicted(tmp_path / "nowhere", images, top=1)
    with pytest.raises(BundleError, match="not a release bundle"):
        predicted(tmp_path, images, top=1)
    with pytest.raises(TFLiteError):
        predicted(images[0], images, top=1)


def test_a_changed_int8_file_in_a_bundle_is_refused(release, images):
    path = release / f"{NAME}_int8.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"_int8\.tflite: changed"):
        predicted(release, images, top=1)


@pytest.mark.parametrize("name", ["../outside", "", "other"])
def test_an_info_that_names_another_file_leads_nowhere(release, images, name):
    bundle.write_json(release / bundle.INFO, bundle.read_info(release) | {"name": name})
    bundle.write_manifest(release)
    with pytest.raises(BundleError, match="is not in"):
        predicted(release, images, top=1)


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
            predicted(given, images, top=1)


def test_an_info_changed_after_the_bundle_was_built_is_refused(release, images):
    info = bundle.read_info(release) | {"preprocessing": {"central_fraction": 1.0}}
    bundle.write_json(release / bundle.INFO, info)
    for given in (release, release / f"{NAME}_int8.tflite"):
        with pytest.raises(BundleError, match=r"info\.json: changed"):
            predicted(given, images, top=1)


def test_an_info_of_something_else_beside_a_file_is_not_read(file, images, tmp_path):
    (tmp_path / "alone.tflite").write_bytes(file)
    before = predicted(tmp_path / "alone.tflite", images, top=1)
    (tmp_path / "info.json").write_text('{"files": 5}')
    assert predicted(tmp_path / "alone.tflite", images, top=1) == before


@pytest.mark.parametrize("fraction", [0, 1.5, "x", None, [], float("nan")])
def test_an_info_without_a_sane_crop_is_refused(release, images, fraction):
    bundle.write_json(
        release / bundle.INFO, bundle.read_info(release) | {"preprocessing": {"central_fraction": fraction}}
    )
    bundle.write_manifest(release)
    with pytest.raises(PredictError, match="central_fraction"):
        predicted(release, images, top=1)


def test_the_table_shows_names_classes_and_shares_and_no_control_characters():
    guesses = (predict.Guess(1, "[red]cat\x1b[31m", 0.75), predict.Guess(2, "dog", 0.25))
    shown = io.StringIO()
    console = Console(file=shown, width=80)
    console.print(predict.table([predict.Prediction("a[b].jpg", guesses)]))
    lines = shown.getvalue().splitlines()
    assert lines[1].split() == ["a[b].jpg", "[red]cat\ufffd[31m", "75.0%"]
    assert lines[2].split() == ["dog", "25.0%"]


def test_tensorflow_is_not_imported(release, images):
    code = (
        "import sys; from pathlib import Path; from pipeline.release import predict; "
        "from pipeline.release.pictures import Given; from trainer import tflite; "
        f"print(len(predict.predict(Path({str(release)!r}), [Given({str(images[0])!r})], top=1))); "
        f"print(len(tflite.Classifier({str(release)!r}).predict({str(images[0])!r}))); "
        "print(sorted({'tensorflow', 'tf_keras', 'tfx', 'apache_beam'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.splitlines() == ["1", "4", "[]"], done.stderr


def test_a_classifier_of_one_line_gives_the_commands_answer(release, file, images):
    [wanted] = predicted(release, images[:1], top=4)
    alone = tflite.Classifier(file, central_fraction=FRACTION)
    assert tuple(alone.predict(images[0], top=4)) == wanted.guesses
    assert alone.predict(images[0].read_bytes(), top=2) == list(wanted.guesses[:2])
    pixels = np.asarray(Image.open(images[0]))
    assert [guess.label for guess in alone.predict(pixels, top=1)] == [wanted.guesses[0].label]


def test_a_file_says_its_crop_itself(file, images):
    saying = metadata.add_metadata(file, labels=LABELS, name=NAME, description="", central_fraction=FRACTION)
    assert tflite.Classifier(saying).central_fraction == FRACTION
    assert tflite.Classifier(file).central_fraction == 0.875
    wanted = tflite.Classifier(file, central_fraction=FRACTION).predict(images[0])
    assert tflite.Classifier(saying).predict(images[0]) == wanted


def odd_pictures(folder: Path) -> list[Path]:
    """One of each kind that Pillow's own conversion shows otherwise than ingestion does, and one on its side."""
    made = {fault.file: fault.make() for fault in FAULTS if fault.outcome in (TAKEN, CONVERTED)}
    made["turned.jpg"] = encoded(photo(), exif=exif(6))
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in made]


def test_a_classifier_reads_every_odd_picture_as_the_command_does_and_latest_is_a_bundle(release, tmp_path):
    odd = odd_pictures(tmp_path)
    (release.parent / "7").symlink_to(release)
    (release.parent / "latest").write_text("7\n")
    classifier = tflite.Classifier(release.parent / "latest", central_fraction=FRACTION)
    for prediction in predicted(release, odd, top=4):
        assert list(prediction.guesses) == classifier.predict(prediction.image, top=4)
    (release.parent / "latest").write_text("8\n")
    with pytest.raises(TFLiteError, match=r"latest names the version '8', which is not beside it"):
        tflite.Classifier(release.parent / "latest")


def test_an_applied_orientation_travels_in_the_file_and_in_info_json_and_is_obeyed(file, release, tmp_path):
    how = Preprocessing(central_fraction=FRACTION, exif_orientation="applied")
    saying = metadata.add_metadata(file, labels=LABELS, name=NAME, description="", preprocessing=how)
    (tmp_path / "alone.tflite").write_bytes(saying)
    (release / f"{NAME}_int8.tflite").write_bytes(saying)
    info = bundle.read_info(release) | {"preprocessing": how.as_dict()}
    bundle.write_json(release / bundle.INFO, info)
    bundle.write_manifest(release)
    assert tflite.Classifier(saying).preprocessing == how
    for turned in range(1, 9):
        picture = tmp_path / f"{turned}.jpg"
        picture.write_bytes(encoded(photo(), exif=exif(turned)))
        upright = np.asarray(ImageOps.exif_transpose(Image.open(picture)).convert("RGB"))
        wanted = eval_image.of_pixels(upright, resolution=32, central_fraction=FRACTION)
        found = tflite.Classifier(saying).image(picture)
        assert np.abs(found - wanted).max() * 127.5 < 9  # Pillow's DCT is another one.
        alone, bundled = (predicted(model, [picture], top=4) for model in (tmp_path / "alone.tflite", release))
        assert alone == bundled
        assert list(alone[0].guesses) == tflite.Classifier(saying).predict(picture, top=4)


def test_a_file_without_metadata_numbers_its_classes(images, tmp_path):
    plain = tflite.convert(mobilenet_v1.build(width=0.25, resolution=32, classes=3), edges="float")
    (tmp_path / "plain.tflite").write_bytes(plain)
    [prediction] = predicted(tmp_path / "plain.tflite", images[:1], top=3)
    assert sorted(guess.label for guess in prediction.guesses) == ["class 0", "class 1", "class 2"]


def test_another_normalisation_in_the_file_is_followed(file, images, monkeypatch):
    """The same network fed as it wants to be: 0…1 in place of -1…1 is what (pixel - 0) / 255 gives."""
    fed = []
    classifier = tflite.Classifier(file)
    monkeypatch.setattr(classifier, "normalization", Normalization((0.0,), (255.0,)))
    monkeypatch.setattr(classifier.runner, "probabilities", lambda batch: fed.append(batch) or np.zeros((1, 4)))
    classifier.probabilities(np.array([[[[-1.0, 0.0, 1.0]]]], np.float32))
    np.testing.assert_allclose(fed[0].ravel(), [0.0, 0.5, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"got an array \[4, 4\] of uint8, wanted uint8 \[H, W, 3\]"),
        (np.zeros((4, 4, 3), np.float32), "of float32"),
        (b"nothing", "not a picture that can be read"),
    ],
    ids=["grey", "float", "bytes"],
)
def test_a_classifier_refuses_what_is_no_picture(file, picture, message):
    with pytest.raises(ValueError, match=message):
        tflite.Classifier(file).predict(picture)


def test_folders_and_standard_input_are_pictures_too(release, images, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.JPG").write_bytes(images[0].read_bytes())
    (tmp_path / "deep" / "a.jpg").write_bytes(images[1].read_bytes())
    (tmp_path / "deep" / "notes.txt").write_text("no picture")
    piped = io.BytesIO(images[0].read_bytes())
    given = pictures.find([str(tmp_path / "deep"), "-"], stdin=piped)
    assert [each.name.removeprefix(f"{tmp_path}/") for each in given] == ["deep/a.jpg", "deep/er/b.JPG", "-"]
    predictions = predict.predict(release, given, top=4)
    assert predictions[1].guesses == predictions[2].guesses
    with pytest.raises(PredictError, match="nothing on standard input"):
        pictures.find(["-"], stdin=io.BytesIO())
    (tmp_path / "empty").mkdir()
    with pytest.raises(PredictError, match=r"no pictures in .*empty: wanted JPEG, PNG"):
        pictures.find([str(tmp_path / "empty")], stdin=piped)


def test_json_holds_every_picture_with_its_classes(release, images):
    read = json.loads(predict.as_json(predicted(release, images, top=2)))
    assert [each["image"] for each in read] == [str(image) for image in images]
    assert set(read[0]["classes"][0]) == {"index", "label", "probability"} and len(read[0]["classes"]) == 2


def test_a_saved_model_gives_what_its_keras_model_gives(images, tmp_path):
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=len(LABELS))
    model.get_layer("Logits").bias.assign([0, 1, 2, 3])
    description = export.Description(0.25, 32, len(LABELS), FRACTION, False, 1, {}, {})
    export.export(str(tmp_path / "saved_model"), model, description, LABELS)
    [prediction] = predicted(tmp_path / "saved_model", images[:1], top=4)
    image = eval_image.eval_image(images[0].read_bytes(), resolution=32, central_fraction=FRACTION)
    wanted = tf.nn.softmax(model(image[np.newaxis], training=False)).numpy()[0]
    assert {guess.label: guess.probability for guess in prediction.guesses} == pytest.approx(
        dict(zip(LABELS, wanted, strict=True)), abs=1e-5
    )


def test_a_folder_gives_a_line_for_each_picture_and_a_score_where_folders_are_classes(release, images, tmp_path):
    folder = tmp_path / "shown" / "star"
    folder.mkdir(parents=True)
    for image in images:
        image.rename(folder / image.name)
    done = CliRunner().invoke(app, ["predict", str(release), str(tmp_path / "shown")])
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    guessed = [next(name for name in LABELS[1:] if f"  {name} " in line) for line in lines[:5]]
    assert [line.split()[0] for line in lines[:5]] == [f"star/{i}.jpg" for i in range(5)]
    assert lines[6].startswith(f"{guessed.count('star')} of 5 right (")
    done = CliRunner().invoke(app, ["predict", str(release), str(tmp_path / "shown"), "--csv"])
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["class"], row["true_class"]) for row in rows] == [(name, "star") for name in guessed]
    assert (
        "Error: --top is 0, wanted at least 1."
        in CliRunner().invoke(app, ["predict", str(release), str(folder), "--top", "0"]).stderr
    )


def test_predict_says_nothing_on_standard_error_not_even_tensorflow_lite(release, images):
    command = [sys.executable, "-m", "pipeline", "predict", str(release), str(images[0])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert (done.returncode, done.stderr) == (0, "")
    assert "background" not in done.stdout and done.stdout.count("%") == 3
