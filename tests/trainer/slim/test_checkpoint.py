"""TF-Slim checkpoints are read whole, whatever training left in them, or refused by the names of what does not fit."""

import numpy as np
import pytest

from tests.trainer.slim import altered_checkpoint as altered
from trainer.network import mobilenet_v1
from trainer.slim import checkpoint
from trainer.slim.checkpoint import CheckpointError, import_tf1

LOGITS = "MobilenetV1/Logits/Conv2d_1c_1x1"


@pytest.fixture(scope="module")
def tensors(oracle_checkpoint):
    return altered.read(oracle_checkpoint)


@pytest.fixture(scope="module")
def arrays(oracle):
    with oracle("logits_0.25_128") as loaded:
        return {name: loaded[name] for name in ("input", "logits")}


@pytest.fixture
def changed(tensors, tmp_path):
    """`changed(**{name: array or None})` → a checkpoint with these variables set, or taken out."""

    def write(values):
        kept = {name: value for name, value in {**tensors, **values}.items() if value is not None}
        return altered.write(tmp_path / "model.ckpt", kept)

    return write


def logits(path, arrays, **arguments):
    return import_tf1(path, resolution=128, **arguments)(arrays["input"], training=False).numpy()


def test_a_plain_checkpoint_gives_the_references_logits_with_width_and_classes_off_its_shapes(
    oracle_checkpoint, arrays
):
    np.testing.assert_allclose(logits(oracle_checkpoint, arrays), arrays["logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("statistics", [True, False], ids=["of all 137 variables", "of the 83 trained ones"])
def test_moving_averages_are_taken_and_slots_passed_over(tensors, arrays, tmp_path, statistics):
    path = altered.write(tmp_path / "m.ckpt", altered.trained_with_averages(tensors, statistics=statistics))
    np.testing.assert_allclose(logits(path, arrays), arrays["logits"], rtol=0, atol=1e-4)
    assert checkpoint.has_averages(path)
    assert checkpoint.read_steps(path) == 7_654_321


def test_without_averages_the_raw_weights_are_taken_which_are_another_model(tensors, arrays, tmp_path):
    both = altered.trained_with_averages(tensors)
    path = altered.write(tmp_path / "both.ckpt", both)
    raw = altered.write(tmp_path / "raw.ckpt", {name: both[name] for name in altered.model_variables(tensors)})
    found = logits(path, arrays, use_ema=False)
    np.testing.assert_array_equal(found, logits(raw, arrays))
    assert np.abs(found - arrays["logits"]).max() > 0.1


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("Conv2d_3_pointwise/weights", r"136 of 137 .* 1 that belong to them do not: MobilenetV1/Conv2d_3_pointwise/w"),
        ("Conv2d_0/BatchNorm/moving_mean", r"136 of 137 variables .* do not: MobilenetV1/Conv2d_0/BatchNorm/moving_m"),
    ],
)
def test_averages_of_some_variables_are_a_mixture_and_refused(tensors, tmp_path, lacking, message):
    both = altered.trained_with_averages(tensors)
    del both[f"MobilenetV1/{lacking}{altered.EMA}"]
    path = altered.write(tmp_path / "m.ckpt", both)
    with pytest.raises(CheckpointError, match=f"{message}.*--raw"):
        import_tf1(path, resolution=128)


def test_eleven_classes_are_read_off_the_logits_and_every_logit_is_theirs(changed, tensors, arrays):
    names = [f"{LOGITS}/weights", f"{LOGITS}/biases"]
    path = changed({name: tensors[name][..., 100:111] for name in names})
    assert checkpoint.read_classes(path) == 11
    np.testing.assert_allclose(logits(path, arrays), arrays["logits"][:, 100:111], rtol=0, atol=1e-4)


def test_what_other_optimizers_keep_is_passed_over_too(changed, arrays):
    weights = "MobilenetV1/Conv2d_0/weights"
    kept = ["Momentum", "Adam", "Adam_1", "Adagrad", "ExponentialMovingAverage/biased"]
    counters = ["beta1_power", "train/beta2_power", "global_step"]
    path = changed({**{f"{weights}/{name}": np.ones(3, np.float32) for name in kept},
                    **{name: np.float32(0.5) for name in counters}})  # fmt: skip
    np.testing.assert_allclose(logits(path, arrays), arrays["logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [0.01, 0.25, 0.35, 0.75, 1.0])
def test_the_width_is_found_from_the_depths_of_all_layers(width):
    model = mobilenet_v1.build(width=width, resolution=None, classes=2)
    shapes = {name: tuple(v.shape) for name, v in checkpoint.reference_variables(model).items()}
    assert checkpoint.checkpoint_shapes.find_width(shapes) == width


def test_depths_of_no_width_are_listed_with_the_widths_of_each():
    # The 0.75 of the reference's table has a stem of 16, which its code never built.
    model = mobilenet_v1.build(width=0.75, resolution=None, classes=2)
    shapes = {name: tuple(v.shape) for name, v in checkpoint.reference_variables(model).items()}
    shapes["MobilenetV1/Conv2d_0/weights"] = (3, 3, 3, 16)
    with pytest.raises(CheckpointError, match=r"(?s)Conv2d_0/weights: 16 channels, a width from 0.5 and below 0.5312"
                       r".*Conv2d_13_pointwise/weights: 768 channels, a width from 0.75 and below 0.751"):  # fmt: skip
        checkpoint.checkpoint_shapes.find_width(shapes)


def test_a_checkpoint_of_another_width_is_refused_with_both_shapes(oracle_checkpoint):
    with pytest.raises(CheckpointError, match=r"Conv2d_0/weights: has \(3, 3, 3, 8\), wanted \(3, 3, 3, 16\)"):
        import_tf1(oracle_checkpoint, width=0.5, resolution=128, classes=1001)


def test_a_checkpoint_of_another_class_count_is_refused(oracle_checkpoint):
    with pytest.raises(CheckpointError, match=r"(?s)in 2 variables:.*biases: has \(1001,\), wanted \(11,\)"):
        import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=11)


def test_missing_misshapen_and_left_over_variables_are_named_together_with_both_shapes(changed):
    path = changed({
        "MobilenetV1/Conv2d_5_depthwise/BatchNorm/gamma": None,
        "MobilenetV1/Conv2d_6_depthwise/depthwise_weights": np.zeros((5, 5, 64, 1), np.float32),
        "MobilenetV1/Conv2d_14_pointwise/weights": np.zeros((1, 1, 256, 256), np.float32),
    })  # fmt: skip
    with pytest.raises(CheckpointError) as caught:
        import_tf1(path, resolution=128)
    for text in (
        "does not fit this network (width 0.25, 1001 classes, 137 variables) in 3 variables",
        "MobilenetV1/Conv2d_5_depthwise/BatchNorm/gamma: missing, wanted (64,)",
        "MobilenetV1/Conv2d_6_depthwise/depthwise_weights: has (5, 5, 64, 1), wanted (3, 3, 64, 1)",
        "MobilenetV1/Conv2d_14_pointwise/weights: has (1, 1, 256, 256), wanted nothing of that name",
    ):
        assert text in str(caught.value)


def test_a_resnets_checkpoint_is_refused_with_some_of_its_names(tmp_path):
    names = ["resnet_v1_50/conv1/weights", "resnet_v1_50/logits/biases"]
    path = altered.write(tmp_path / "resnet_v1_50.ckpt", {name: np.zeros(3, np.float32) for name in names})
    with pytest.raises(CheckpointError, match=r"resnet_v1_50.ckpt: not a MobileNetV1 .* 2 variables, such as resnet_v"):
        import_tf1(path, resolution=224)


def test_a_data_file_that_ends_early_or_has_a_wrong_byte_is_refused(changed):
    path = changed({})
    data = path.with_name("model.ckpt.data-00000-of-00001")
    content = data.read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    for wrong in (content[:-5000], bytes(damaged)):
        data.write_bytes(wrong)
        with pytest.raises(CheckpointError, match=r"model.ckpt: MobilenetV1/\S+ cannot be read .* fetch it again"):
            import_tf1(path, resolution=128)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(changed, tensors, value):
    bad = tensors["MobilenetV1/Conv2d_0/weights"].copy()
    bad[1, 2, 0, 3] = value
    with pytest.raises(CheckpointError, match="MobilenetV1/Conv2d_0/weights is float32, not finite; wanted finite"):
        import_tf1(changed({"MobilenetV1/Conv2d_0/weights": bad}), resolution=128)


def test_a_folder_is_refused_with_the_checkpoints_in_it(oracle_checkpoint):
    with pytest.raises(CheckpointError, match=r"is a folder: give .* in it: mobilenet_v1_0.25_128.ckpt"):
        import_tf1(oracle_checkpoint.parent, resolution=128)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "text.ckpt.index").write_text("not a table")
    with pytest.raises(CheckpointError, match="not a readable TF1 checkpoint"):
        import_tf1(tmp_path / "text.ckpt", resolution=128)


def test_the_digest_is_of_the_content_and_not_of_the_name(changed, tensors, tmp_path):
    one = checkpoint.digest(changed({}))
    assert one == checkpoint.digest(altered.write(tmp_path / "other.ckpt", tensors))
    assert one != checkpoint.digest(changed({"global_step": np.int64(1)}))
