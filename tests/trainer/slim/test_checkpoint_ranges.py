"""A quantized release's activation ranges become those of our fake-quantized model."""

import numpy as np
import pytest

from tests.trainer.slim import altered_checkpoint as altered
from trainer import quantization
from trainer.slim import checkpoint
from trainer.slim.checkpoint import CheckpointError

pytestmark = pytest.mark.slow

NAMES = [name.rsplit("/", 1)[1] for name in altered.activation_layers()]


@pytest.fixture(scope="module")
def tensors(oracle_checkpoint):
    return altered.quantized(altered.read(oracle_checkpoint))


@pytest.fixture(scope="module")
def path(tensors, tmp_path_factory):
    return altered.write(tmp_path_factory.mktemp("quantized") / "m_quant.ckpt", tensors)


@pytest.fixture(scope="module")
def model(path):
    return checkpoint.import_tf1(path, resolution=128)


@pytest.fixture(scope="module")
def quantized(model):
    return quantization.quantize(model, calibration=None, freeze_bn=True)


def test_the_logits_are_the_references_and_the_ranges_are_passed_over(model, oracle):
    with oracle("logits_0.25_128") as arrays:
        found = model(arrays["input"], training=False)
        np.testing.assert_allclose(found, arrays["logits"], rtol=0, atol=1e-4)


def test_the_ranges_are_read_by_our_layers_names(path):
    wanted = {f"{name}_Relu6": (0.0, 1 + i / 8) for i, name in enumerate(NAMES)}
    assert checkpoint.read_ranges(path) == {**wanted, "Logits": (-9.5, 11.25)}


def test_a_float_checkpoint_has_no_ranges(oracle_checkpoint):
    assert checkpoint.read_ranges(oracle_checkpoint) == {}


def test_all_29_ranges_of_the_fake_quantized_model_are_the_checkpoints(quantized, path):
    quantization.take_ranges(quantized, checkpoint.read_ranges(path))
    found = {
        f"{layer.name}/{weight.name.split('/')[-1].split(':')[0]}": float(weight.numpy())
        for layer in quantized.layers
        for weight in layer.non_trainable_weights
        if weight.shape == () and weight.name.split("/")[-1].startswith(("output_", "post_activation_"))
    }
    wanted = {f"quant_{name}_Relu6/output_max": 1 + i / 8 for i, name in enumerate(NAMES)}
    wanted["quant_AvgPool_1a/output_max"] = 1 + 26 / 8  # That of Conv2d_13_pointwise.
    wanted |= {"quant_Logits/post_activation_min": -9.5, "quant_Logits/post_activation_max": 11.25}
    assert found == wanted


def test_the_ranges_clip_the_fake_quantized_models_activations(quantized, path, oracle):
    ranges = checkpoint.read_ranges(path)
    quantization.take_ranges(quantized, {**ranges, "Logits": (-0.5, 0.25)})
    with oracle("logits_0.25_128") as arrays:
        logits = quantized(arrays["input"], training=False).numpy()
    assert -0.51 < logits.min() < -0.49
    assert 0.24 < logits.max() < 0.26


def test_a_layer_without_a_range_or_an_unknown_one_is_refused_by_name(quantized, path):
    ranges = checkpoint.read_ranges(path)
    fewer = {layer: pair for layer, pair in ranges.items() if layer != "Conv2d_3_depthwise_Relu6"}
    with pytest.raises(quantization.QuantizationError, match=r"1 of 29 layers have no .*: Conv2d_3_depthwise_Relu6"):
        quantization.take_ranges(quantized, fewer)
    with pytest.raises(quantization.QuantizationError, match="layers that the network lacks: Conv2d_14_Relu6"):
        quantization.take_ranges(quantized, {**ranges, "Conv2d_14_Relu6": (0.0, 1.0)})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min": 7.0}, "the range of Conv2d_0_Relu6 is 7.0 to 1.0"),
        ({"max": np.nan}, "Conv2d_0/act_quant/max is float32, not finite"),
        ({"max": None}, "the range of Conv2d_0_Relu6 is 0.0 to None"),
        ({"max": [1.0, 2.0]}, "the range of Conv2d_0_Relu6 is 0.0 to None"),
    ],
)
def test_half_a_range_or_one_upside_down_is_refused(tensors, tmp_path, values, message):
    changed = dict(tensors)
    for end, value in values.items():
        name = f"MobilenetV1/MobilenetV1/Conv2d_0/act_quant/{end}"
        changed.pop(name)
        if value is not None:
            changed[name] = np.asarray(value, np.float32)
    with pytest.raises(CheckpointError, match=message):
        checkpoint.read_ranges(altered.write(tmp_path / "m.ckpt", changed))
