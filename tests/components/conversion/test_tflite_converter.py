"""TFLiteConverter writes files that are what their models promised, or nothing."""

import dataclasses
import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfx.types import standard_artifacts

from components.conversion import agreement as tflite_agreement
from components.conversion import promises, tflite_converter
from components.conversion.agreement import Tolerance
from components.conversion.promises import ConversionError
from trainer import export, imagenet, quantization, tflite
from trainer.network import mobilenet_v1
from trainer.tflite import metadata

pytestmark = pytest.mark.slow

SIDE = 32
LABELS = ["background", "ant", "bee", "cow"]
PICTURES = 60


def pictures(count: int, *, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    return [np.asarray(Image.fromarray(picture).resize((40, 40), Image.Resampling.BICUBIC)) for picture in coarse]


def example(picture: np.ndarray, label: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG")
    features = {
        imagenet.ENCODED: tf.train.Feature(bytes_list=tf.train.BytesList(value=[out.getvalue()])),
        imagenet.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@dataclasses.dataclass
class Inputs:
    """The artifacts that the component reads."""

    root: Path
    float_model: object
    quantized: object

    def artifact(self, kind: type, name: str):
        artifact = kind()
        artifact.uri = str(self.root / name)
        return artifact

    @property
    def float_dir(self) -> str:
        return str(self.root / "float" / "Format-Serving")

    @property
    def qat_dir(self) -> str:
        return str(self.root / "qat" / "Format-Serving")

    @property
    def eval_files(self) -> list[str]:
        return [str(self.root / "examples" / "Split-eval" / "*")]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    root = tmp_path_factory.mktemp("converter")
    split = root / "examples" / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data_tfrecord-00000-of-00001")) as writer:
        for index, picture in enumerate(pictures(PICTURES, seed=1)):
            writer.write(example(picture, 1 + index % 3))
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=len(LABELS))
    images = np.stack([np.asarray(Image.fromarray(p).resize((SIDE, SIDE))) for p in pictures(64, seed=2)])
    images = images.astype(np.float32) / 127.5 - 1
    settle(model, images)
    quantized = quantization.quantize(model, calibration=[images], freeze_bn=True)
    described = export.Description(
        width=0.25, resolution=SIDE, classes=len(LABELS), central_fraction=0.875, quantized=False, steps=0,
        recipe={"freeze_bn": True}, digests={},
    )  # fmt: skip
    for name, each in (("float", model), ("qat", quantized)):
        serving = root / name / "Format-Serving"
        serving.parent.mkdir()
        export.export(str(serving), each, dataclasses.replace(described, quantized=name == "qat"), LABELS)
    return Inputs(root, model, quantized)


def settle(model, images: np.ndarray) -> None:
    """Gives batch norm the pictures' statistics, so that an untrained network lets its input through."""
    for layer in model.layers:
        if layer.name.endswith("_BatchNorm"):
            layer.momentum = 0.0
    tf.function(model, autograph=False)(images, training=True)


@pytest.fixture(scope="module")
def converted(inputs) -> Path:
    artifact = inputs.artifact(standard_artifacts.Model, "tflite")
    (inputs.root / "tflite").mkdir()
    report = tflite_converter.convert(
        inputs.float_dir,
        inputs.qat_dir,
        inputs.eval_files,
        Path(artifact.uri, "Format-Serving"),
        tolerance=Tolerance(),
    )
    assert report["labels"] == 4
    return Path(artifact.uri, "Format-Serving")


def test_the_component_hands_its_artifacts_to_the_rule(inputs, monkeypatch):
    calls = []
    monkeypatch.setattr(tflite_converter, "convert", lambda *args, **named: calls.append((args, named)))
    run = tflite_converter.TFLiteConverter.EXECUTOR_SPEC.executor_class._FUNCTION
    output = inputs.artifact(standard_artifacts.Model, "out")
    run(
        examples=inputs.artifact(standard_artifacts.Examples, "examples"),
        float_model=inputs.artifact(standard_artifacts.Model, "float"),
        qat_model=inputs.artifact(standard_artifacts.Model, "qat"),
        tflite=output,
        mean_steps=2.0,
        noise_ratio=1.0,
        top1=0.9,
        code="abc",
    )
    ((args, named),) = calls
    assert args[:3] == (inputs.float_dir, inputs.qat_dir, inputs.eval_files)
    assert args[3] == inputs.root / "out" / "Format-Serving"
    assert named == {"tolerance": Tolerance(mean_steps=2.0, noise_ratio=1.0, top1=0.9)}
    assert output.get_string_custom_property("code") == "abc"


def test_it_writes_three_files_and_what_is_known_of_them(converted):
    names = sorted(path.name for path in converted.iterdir())
    assert names == ["conversion.json", "float.tflite", "tflite", "uint8.tflite"]
    report = json.loads((converted / "conversion.json").read_text())
    assert report["variant"] == "0.25_32"
    assert report["preprocessing"] == {"resolution": SIDE, "central_fraction": 0.875}
    for name, described in report["files"].items():
        content = (converted / name).read_bytes()
        assert described["sha256"] == hashlib.sha256(content).hexdigest()
        assert described["bytes"] == len(content)
        assert metadata.read_labels(content) == LABELS
    counts = report["files"]["tflite"]["operators"]
    assert (counts["CONV_2D"], counts["DEPTHWISE_CONV_2D"], counts["SOFTMAX"]) == (15, 13, 1)
    assert [report["files"][name]["input"]["type"] for name in ("tflite", "uint8.tflite", "float.tflite")] == [
        "int8", "uint8", "float32",
    ]  # fmt: skip
    assert report["files"]["tflite"]["output"] == {
        "name": "probabilities", "type": "int8", "shape": [1, 4], "scale": 1 / 256, "zero_point": -128,
    }  # fmt: skip
    agreement = report["agreement"]
    assert agreement["pictures"] == PICTURES
    assert 0 < agreement["mean_steps"] <= agreement["tolerated_steps"]
    assert report["tolerance"] == {"mean_steps": 3.0, "noise_ratio": 1.5, "top1": 0.95}


def test_the_logits_of_another_model_are_refused_naming_the_operator(inputs):
    other = quantization.quantize(inputs.float_model, calibration=None, freeze_bn=True)
    other.set_weights(inputs.quantized.get_weights())
    kernel = next(v for v in other.weights if v.name == "Conv2d_4_pointwise/kernel:0")
    kernel.assign(-kernel)
    files = {
        "tflite": tflite.convert(other, edges="int8"),
        "uint8.tflite": tflite.convert(inputs.quantized, edges="uint8"),
        "float.tflite": tflite.convert(inputs.float_model, edges="float"),
    }
    pictures = tflite_converter.EvalPictures(inputs.eval_files, export.read_description(inputs.qat_dir))
    with pytest.raises(ConversionError) as raised:
        promises.check(files, inputs.float_model, inputs.quantized, pictures, tolerance=Tolerance())
    message = str(raised.value)
    assert "tflite: its logits are" in message
    assert "leaves the fake-quantized model first at operator 8 CONV_2D (Conv2d_4_pointwise_Relu6)" in message
    assert re.search(r"uint8\.tflite: the uint8 file's output differs from the int8 file's on \d+ of 60", message)
    assert "float.tflite" not in message


def test_a_file_with_a_float_operator_is_refused_naming_it_and_nothing_is_written(inputs, tmp_path, monkeypatch):
    float_file = tflite_converter.tflite.convert(inputs.float_model, edges="float")
    monkeypatch.setattr(tflite_converter.tflite, "convert", lambda model, *, edges: float_file)
    destination = tmp_path / "Format-Serving"
    with pytest.raises(ConversionError, match=r"nothing was written.*tflite: operator 0 CONV_2D \(Relu6\): input 0 is"):
        tflite_converter.convert(
            inputs.float_dir, inputs.qat_dir, inputs.eval_files, destination, tolerance=Tolerance()
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("resolution", "batch"), [(32, 50), (128, 50), (224, 26), (512, 5), (1024, 1), (4096, 1)])
def test_a_batch_of_pictures_takes_16_mb_or_is_one_picture(resolution, batch):
    assert tflite_converter.batch_size(resolution) == batch


@pytest.mark.parametrize(("wanted", "batches"), [(500, [60]), (55, [55]), (7, [7])])
def test_the_pictures_are_the_first_of_the_split_and_the_same_every_time(inputs, monkeypatch, wanted, batches):
    pictures = tflite_converter.EvalPictures(inputs.eval_files, export.read_description(inputs.qat_dir))
    monkeypatch.setattr(tflite_converter, "_BATCH", 60)
    everything = np.concatenate(list(pictures))
    monkeypatch.setattr(tflite_converter, "PICTURES", wanted)
    first, again = list(pictures), list(pictures)
    assert [len(images) for images in first] == batches
    np.testing.assert_array_equal(np.concatenate(first), everything[:wanted])
    np.testing.assert_array_equal(np.concatenate(again), everything[:wanted])


def test_swapped_models_are_refused(inputs, tmp_path):
    with pytest.raises(ConversionError, match="are the two inputs swapped"):
        tflite_converter.convert(
            inputs.qat_dir, inputs.float_dir, inputs.eval_files, tmp_path / "out", tolerance=Tolerance()
        )


def logits(*, spread: float = 4.0) -> np.ndarray:
    return np.random.default_rng(3).normal(0, spread, (200, 10))


def compared(emulated: np.ndarray, measured: np.ndarray, *, noise: float = 0.0) -> list[str]:
    """The faults, with steps of 0.1 and fake quantization's own change of `noise` steps."""
    found = tflite_agreement.agreement(
        unrounded=emulated + 0.1 * noise, emulated=emulated, measured=measured, step=0.1, tolerance=Tolerance()
    )
    return tflite_agreement.faults(found, Tolerance())


@pytest.mark.parametrize(
    ("steps", "noise", "fault"),
    [
        (0.5, 0.7, None),
        (2.9, 0.0, None),
        (3.1, 0.0, "its logits are 3.10 steps of 0.1000 off on average (at most 3.1), tolerated are 3.00"),
        (14.0, 10.0, None),
        (16.0, 10.0, "its logits are 16.00 steps of 0.1000 off on average (at most 16.0), tolerated are 15.00"),
        (float("nan"), 0.0, "its logits are nan steps of 0.1000 off on average (at most nan), tolerated are 3.00"),
    ],
    ids=["usual", "within", "beyond", "noisy-within", "noisy-beyond", "nan"],
)
def test_the_mean_difference_is_tolerated_up_to_3_steps_or_the_models_own_noise(steps, noise, fault):
    emulated = logits()
    assert compared(emulated, emulated + 0.1 * steps, noise=noise)[:1] == ([fault] if fault else [])


def test_an_undecided_model_may_answer_otherwise():
    emulated = logits(spread=0.02)
    measured = emulated + np.random.default_rng(4).normal(0, 0.1, emulated.shape)
    assert (emulated.argmax(1) == measured.argmax(1)).mean() < 0.5
    assert compared(emulated, measured) == []


def test_one_clear_picture_of_ten_may_differ_and_two_may_not():
    emulated = np.eye(10)
    measured = emulated.copy()
    measured[0] = measured[1]
    assert compared(emulated, measured) == []
    measured[2] = measured[1]
    assert compared(emulated, measured) == ["2 of 10 clear pictures get another first class, wanted the same on 95%"]
