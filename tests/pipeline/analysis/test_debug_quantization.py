"""`mobilenet debug-quantization`: its numbers are the models' own, a spoiled operator is named, errors are clear."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from pipeline.analysis import commands as analysis_commands
from pipeline.analysis import drift_pictures
from tests.components.conversion import drifting
from tests.trainer import bundled
from trainer import eval_image, export, preprocessing, tflite
from trainer.keras import keras

pytestmark = pytest.mark.slow

FRACTION = 0.75
LABELS = ["background", *"abcdefghij"]
EVAL = drifting.SAMPLE / "eval"


@dataclasses.dataclass(frozen=True)
class Made:
    """A trainer's and a converter's artifacts, as they lie on a disk, and Examples."""

    root: Path
    float_model: keras.Model
    qat_model: keras.Model

    @property
    def qat(self) -> Path:
        return self.root / "qat"

    @property
    def tflite(self) -> Path:
        return self.root / "tflite"

    @property
    def file(self) -> bytes:
        return (self.tflite / "Format-Serving" / "tflite").read_bytes()

    def spoiled(self, operator: int, change) -> Path:
        path = self.root / f"{change.__name__}-{operator}.tflite"
        path.write_bytes(drifting.spoiled(self.file, operator, change))
        return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    root = tmp_path_factory.mktemp("drift")
    float_model, qat_model = drifting.models()
    described = export.Description(
        width=0.25, resolution=drifting.SIDE, classes=drifting.CLASSES, central_fraction=FRACTION, quantized=True,
        steps=0, recipe={"freeze_bn": True}, digests={},
    )  # fmt: skip
    (root / "qat").mkdir()
    export.export(str(root / "qat" / "Format-Serving"), qat_model, described, LABELS)
    (root / "float" / "keras").mkdir(parents=True)
    said = dataclasses.asdict(dataclasses.replace(described, quantized=False))
    (root / "float" / "keras" / "model.json").write_text(json.dumps(said))
    (root / "tflite" / "Format-Serving").mkdir(parents=True)
    (root / "tflite" / "Format-Serving" / "tflite").write_bytes(tflite.convert(qat_model, edges="int8"))
    (root / "float.tflite").write_bytes(tflite.convert(float_model, edges="float"))
    (root / "examples" / "Split-eval").mkdir(parents=True)
    bundled.write_shard(root / "examples" / "Split-eval" / "data_tfrecord-00000-of-00001", 40)
    return Made(root, float_model, qat_model)


def debug(*arguments: object) -> tuple[int, str]:
    """→ exit code and what is said."""
    result = CliRunner().invoke(
        analysis_commands.app, ["debug-quantization", *map(str, arguments)], catch_exceptions=False
    )
    return result.exit_code, result.output


def check(said: dict, made: Made, encoded: list[bytes]) -> None:
    """The agreement is what numpy gives for these pictures."""
    images = np.stack([
        eval_image.eval_image(jpeg, resolution=drifting.SIDE, central_fraction=FRACTION) for jpeg in encoded
    ])  # fmt: skip
    runner = tflite.Runner(made.file)
    measured = runner.logits(images)
    # As graphs: operator by operator, sums go another way round and a few values are rounded to the other side.
    graphs = (tf.function(model, autograph=False) for model in (made.float_model, made.qat_model))
    unrounded, emulated = (run(images, training=False).numpy() for run in graphs)
    [scale] = runner.graph.logits.scales
    steps = np.round((emulated - measured) / scale)
    found = said["agreement"]
    assert (found["pictures"], found["step"]) == (len(encoded), scale)
    assert found["share_differing"] == pytest.approx(np.count_nonzero(steps) / steps.size)
    assert found["mean_steps"] == pytest.approx(np.abs(steps).mean(), abs=1e-3)
    assert found["max_steps"] == pytest.approx(np.abs(steps).max(), abs=1e-3)
    assert found["top1"] == pytest.approx((emulated.argmax(1) == measured.argmax(1)).mean())
    assert found["noise_steps"] == pytest.approx(np.abs(emulated - unrounded).mean() / scale, rel=1e-3)


def test_an_honest_file_is_within_tolerance_with_numpys_numbers_on_files_of_all_classes(made):
    code, said = debug(made.qat, made.tflite, "--data", EVAL, "--pictures", 50, "--json")
    files = sorted(EVAL.glob("*/*.jpg"))[::10]
    found = json.loads(said)
    assert code == 0
    assert (found["faults"], found["layers"], found["first_departure"]) == ([], [], None)
    assert len({file.parent for file in files}) == 10
    check(found, made, [file.read_bytes() for file in files])


def read(data: list[Path], made: Made, limit: int) -> np.ndarray:
    described = export.read_description(str(made.qat / "Format-Serving"))
    return drift_pictures.read(data, described, limit, lambda _name, work, _total: work)


def decoded(encoded: list[bytes]) -> np.ndarray:
    """By TensorFlow, as the trainers decode."""
    side = drifting.SIDE
    return np.stack([
        preprocessing.eval_image(tf.constant(jpeg), resolution=side, central_fraction=FRACTION) for jpeg in encoded
    ])  # fmt: skip


def test_of_examples_the_first_pictures_of_the_eval_split_are_taken(made):
    shard = made.root / "examples" / "Split-eval" / "data_tfrecord-00000-of-00001"
    records = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(shard))]
    encoded = [record.features.feature["image/encoded"].bytes_list.value[0] for record in records]
    np.testing.assert_allclose(read([made.root / "examples"], made, 30), decoded(encoded[:30]), atol=1e-6)
    np.testing.assert_allclose(read([shard], made, 100), decoded(encoded), atol=1e-6)


def test_files_are_taken_as_they_are_given_and_of_folders_evenly(made):
    files = sorted(EVAL.glob("*/*.jpg"))
    wanted = decoded([file.read_bytes() for file in files[:3]])
    np.testing.assert_allclose(read(files[:3], made, 100), wanted, atol=1e-6)
    wanted = decoded([file.read_bytes() for file in files[::50]])
    np.testing.assert_allclose(read([EVAL], made, 10), wanted, atol=1e-6)


def test_for_people_the_numbers_and_with_layers_every_operator(made):
    code, said = debug(made.qat, made.tflite, "--data", EVAL, "--pictures", 20, "--layers")
    lines = said.splitlines()
    assert code == 0
    assert [line.split()[1] for line in lines if line.startswith("pictures ")] == ["20"]
    for operator in tflite.operators(made.file)[:-1]:
        assert sum(operator.name in line and f" {operator.layer} " in line for line in lines) == 1
    assert lines[-1].startswith("Each operator gives what its layers give for the same input")
    assert "Out of tolerance" not in said


def test_a_spoiled_file_ends_with_3_and_the_operator_is_named(made):
    code, said = debug(made.qat, made.spoiled(8, drifting.turned), "--data", EVAL, "--pictures", 20)
    assert code == 3
    assert "Out of tolerance: its logits are " in said
    assert "It leaves the fake-quantized model first at operator 8 CONV_2D (Conv2d_4_pointwise_Relu6), " in said


def test_a_spoiled_head_is_in_the_json_with_all_operators(made):
    code, said = debug(made.qat, made.spoiled(28, drifting.turned), "--data", EVAL, "--pictures", 20, "--json")
    found = json.loads(said)
    assert code == 3
    assert found["first_departure"] == found["layers"][28]
    assert found["first_departure"]["layer"] == "Logits"
    assert found["first_departure"]["alone_mean_steps"] > 5
    assert [row["operator"] for row in found["layers"]] == list(range(30))
    assert found["faults"][0].startswith("its logits are ")


def test_what_cannot_be_compared_is_one_clear_sentence(made, tmp_path):
    (tmp_path / "text.tflite").write_text("hello")
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty").mkdir()
    cut = tmp_path / "data_tfrecord-00000-of-00001"
    cut.write_bytes((made.root / "examples" / "Split-eval" / cut.name).read_bytes()[:-10])
    pictures = ("--data", EVAL)
    for arguments, message in (
        ((made.qat, made.tflite), "no pictures to compare on: give --data"),
        ((made.qat, made.tflite, "--data", tmp_path / "empty"), f"no pictures in {tmp_path / 'empty'}: wanted"),
        ((made.qat, made.tflite, "--data", tmp_path / "gone.jpg"), "gone.jpg: No such file"),
        ((made.qat, made.tflite, "--data", tmp_path / "text.jpg"), "text.jpg: not a picture"),
        ((made.qat, made.tflite, "--data", cut), "cannot be read as Examples with pictures (DataLossError)"),
        ((made.qat, made.tflite, *pictures, "--data", cut), f"got shards of Examples and {EVAL}: give one kind"),
        ((made.qat, made.root / "float.tflite", *pictures), "computes its logits in float32, wanted an int8 file"),
        ((made.qat, tmp_path / "text.tflite", *pictures), "not a .tflite file"),
        ((made.qat, tmp_path / "gone", *pictures), "is neither a .tflite file nor the folder of a TFLiteConverter"),
        ((made.root / "float", made.tflite, *pictures), "is a float model, wanted the fake-quantized one"),
        ((tmp_path, made.tflite, *pictures), "is no model of this project's trainers (keras/model.json is missing)"),
        ((made.qat, made.tflite, "--variant", "0.25_64", *pictures), "--variant 0.25_64 is for WORKDIR alone"),
        ((tmp_path,), "has no metadata.sqlite: wanted a run's work directory, or QAT_MODEL and TFLITE"),
    ):
        code, said = debug(*arguments)
        assert code == 1, said
        assert said.startswith("Error: ")
        assert message in said


def test_a_file_for_other_pictures_is_refused(made, tmp_path):
    folder = tmp_path / "Format-Serving"
    shutil.copytree(made.qat / "Format-Serving" / "keras", folder / "keras")
    description = json.loads((folder / "keras" / "model.json").read_text())
    (folder / "keras" / "model.json").write_text(json.dumps(description | {"resolution": 96}))
    code, said = debug(tmp_path, made.tflite, "--data", EVAL)
    assert code == 1
    assert "takes 64 pixels and has 11 classes, the model 96 and 11: give the file that was converted from" in said
