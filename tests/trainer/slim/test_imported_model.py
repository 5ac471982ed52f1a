"""A checkpoint or a release's archive becomes a model folder like a trainer's, whole or not at all."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.slim import altered_checkpoint as altered
from trainer import export, quantization
from trainer.digest import sha256_file
from trainer.network.variant import Variant
from trainer.slim import checkpoint
from trainer.slim.imported_model import Source, import_model

pytestmark = pytest.mark.slow

NAME = "mobilenet_v1_0.25_128"


@pytest.fixture(scope="module")
def imported(oracle_checkpoint, tmp_path_factory):
    """The oracle's checkpoint as a model folder, and what was said of it."""
    folder = tmp_path_factory.mktemp("imported") / "model"
    return folder, import_model(Source(oracle_checkpoint, code="c0de"), folder)


@pytest.fixture(scope="module")
def eleven(oracle_checkpoint, tmp_path_factory):
    """11 classes, with averages, slots and quantization ranges, under a name that tells nothing."""
    tensors = altered.read(oracle_checkpoint)
    for name in ("weights", "biases"):
        whole = tensors[f"MobilenetV1/Logits/Conv2d_1c_1x1/{name}"]
        tensors[f"MobilenetV1/Logits/Conv2d_1c_1x1/{name}"] = whole[..., 100:111]
    both = altered.quantized(altered.trained_with_averages(tensors))
    return altered.write(tmp_path_factory.mktemp("eleven") / "model.ckpt-7", both)


def packed(folder: Path, prefix: Path, name: str) -> Path:
    with tarfile.open(folder / name, "w:gz") as tar:
        for file in sorted(prefix.parent.glob(f"{prefix.name}.*")):
            tar.add(file, f"./{file.name}")
    return folder / name


def logits(folder: Path, images: np.ndarray) -> np.ndarray:
    """Of the SavedModel's own signature."""
    served = tf.saved_model.load(str(folder)).signatures["serving_image"]
    return served(images=tf.constant(images))["logits"].numpy()


def test_the_saved_model_gives_the_references_logits(imported, oracle):
    with oracle("logits_0.25_128") as arrays:
        np.testing.assert_allclose(logits(imported[0], arrays["input"]), arrays["logits"], rtol=0, atol=1e-4)


def test_the_folder_is_what_a_trainer_writes_and_says_where_it_came_from(imported, oracle_checkpoint):
    folder, description = imported
    assert export.read_description(str(folder)) == description
    assert description == export.Description(
        width=0.25, resolution=128, classes=1001, central_fraction=0.875, quantized=False, steps=0,
        recipe={"name": "imported", "source": f"{NAME}.ckpt", "weights": "raw"},
        digests={"data": None, "code": "c0de", "recipe": None, "base_model": checkpoint.digest(oracle_checkpoint)},
    )  # fmt: skip
    assert export.labels(str(folder)) == ["background", *(f"class_{label}" for label in range(1, 1001))]
    assert not list(folder.parent.glob("*.importing*"))


def test_the_keras_weights_give_back_the_checkpoint_bit_for_bit(imported, oracle_checkpoint, tmp_path):
    model, _ = export.load_keras(str(imported[0]))
    checkpoint.export_tf1(model, tmp_path / "again.ckpt")
    again, reference = altered.read(tmp_path / "again.ckpt"), altered.read(oracle_checkpoint)
    assert again.keys() - {"global_step"} == reference.keys()
    assert [name for name in reference if again[name].tobytes() != reference[name].tobytes()] == []


def test_a_releases_archive_gives_the_same_weights_and_its_own_sum(imported, oracle_checkpoint, tmp_path):
    archive = packed(tmp_path, oracle_checkpoint, f"{NAME}.tgz")
    description = import_model(Source(archive), tmp_path / "model")
    weights = Path(export.KERAS, export.WEIGHTS_FILE)
    models = [export.load_keras(str(folder))[0].get_weights() for folder in (imported[0], tmp_path / "model")]
    assert all(np.array_equal(one, other) for one, other in zip(*models, strict=True))
    assert description.digests["base_model"] == sha256_file(archive)
    assert (tmp_path / "model" / weights).is_file()


def test_averages_labels_and_ranges_of_a_quantized_checkpoint_are_taken(eleven, oracle, tmp_path):
    names = ["background", *"abcdefghij"]
    source = Source(eleven, Variant(0.25, 128), central_fraction=1.0)
    description = import_model(source, tmp_path / "model", names)
    assert (description.classes, description.steps, description.central_fraction) == (11, 7_654_321, 1.0)
    assert description.recipe["weights"] == "moving averages"
    assert export.labels(str(tmp_path / "model")) == names
    with oracle("logits_0.25_128") as arrays:
        found = logits(tmp_path / "model", arrays["input"])
        np.testing.assert_allclose(found, arrays["logits"][:, 100:111], rtol=0, atol=1e-4)
    model, _ = export.load_keras(str(tmp_path / "model"))
    quantized = quantization.quantize(model, calibration=None, freeze_bn=True)
    quantization.take_ranges(quantized, export.read_ranges(str(tmp_path / "model")))
    last = quantized.get_layer("quant_Conv2d_13_pointwise_Relu6").non_trainable_weights
    assert [float(weight) for weight in last if "max" in weight.name] == [1 + 26 / 8]


def test_a_float_checkpoint_brings_no_ranges(imported):
    assert export.read_ranges(str(imported[0])) == {}


@pytest.mark.parametrize(
    ("arguments", "labels", "message"),
    [
        (
            {},
            None,
            r"no resolution: \S+model.ckpt-7 tells none .* Give --variant",
        ),
        ({"variant": Variant(0.5, 128)}, None, r"Conv2d_0/weights\S*: has \(3, 3, 3, 8\), wanted \(3, 3, 3, 16\)"),
        ({"variant": Variant(0.25, 128)}, ["background", "a"], r"has 11 classes, .*; the labels are 2 and start with"),
        (
            {"variant": Variant(0.25, 128)},
            list("abcdefghijk"),
            r"'background' first; the labels are 11 and start with",
        ),
    ],
    ids=["no resolution", "another width", "too few labels", "no background"],
)
def test_what_does_not_fit_is_an_error_and_nothing_is_written(eleven, tmp_path, arguments, labels, message):
    with pytest.raises(ValueError, match=message):
        import_model(Source(eleven, **arguments), tmp_path / "model", labels)
    assert list(tmp_path.iterdir()) == []


def test_a_resnet_or_a_checkpoint_that_was_cut_off_is_an_error_and_nothing_is_written(oracle_checkpoint, tmp_path):
    inputs = tmp_path / "inputs"
    resnet = altered.write(inputs / "resnet.ckpt", {"resnet_v1_50/conv1/weights": np.zeros((7, 7, 3, 64), np.float32)})
    cut = altered.write(inputs / "cut.ckpt", altered.read(oracle_checkpoint))
    data = inputs / "cut.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1_000_000])
    for path, message in ((resnet, "resnet.ckpt: not a MobileNetV1 of TF-Slim"), (cut, "cut.ckpt: .* cannot be read")):
        with pytest.raises(checkpoint.CheckpointError, match=message):
            import_model(Source(path, Variant(0.25, 128)), tmp_path / "model")
    assert list(tmp_path.iterdir()) == [inputs]


def test_a_folder_that_is_there_is_not_touched(oracle_checkpoint, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already: give a folder that does not exist yet"):
        import_model(Source(oracle_checkpoint), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_an_error_while_writing_leaves_nothing(oracle_checkpoint, tmp_path, monkeypatch):
    def full(*_, **__) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        import_model(Source(oracle_checkpoint), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
