"""The fake-quantized model starts as the float model, trains, and comes back from its weights."""

import keras as keras3
import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.lively import stir
from trainer import quantization, quantizers
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.slim.checkpoint import import_tf1

pytestmark = pytest.mark.slow

SIDE, CLASSES = 32, 11


def smooth_pictures(count: int, side: int, *, seed: int) -> np.ndarray:
    """Random pictures without the noise of single pixels, in [-1, 1]."""
    coarse = np.random.default_rng(seed).uniform(-1.5, 1.5, (count, 6, 6, 3)).astype(np.float32)
    return np.clip(tf.image.resize(coarse, (side, side), method="bicubic").numpy(), -1, 1)


def lively_model(**arguments) -> keras.Model:
    """A small network whose batch norms do something: a third of its gammas are negative."""
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES, **arguments)
    return stir(model)


@pytest.fixture(scope="module")
def pictures():
    return smooth_pictures(64, SIDE, seed=1)


@pytest.fixture(scope="module")
def float_model():
    return lively_model(bn_momentum=0.9)


@pytest.fixture(scope="module")
def quantized(float_model, pictures):
    return quantization.quantize(float_model, calibration=[pictures[:32], pictures[32:]], freeze_bn=True)


def variables(model: keras.Model) -> dict[str, np.ndarray]:
    return {
        f"{layer.name.removeprefix('quant_')}/{weight.name.split('/')[-1]}": weight.numpy()
        for layer in model.layers
        for weight in layer.weights
    }


def test_all_137_float_weights_are_carried_over_to_the_bit(float_model, quantized):
    before, after = variables(float_model), variables(quantized)
    assert len(before) == 137
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_the_float_model_keeps_its_weights_and_stays_trainable(float_model, pictures):
    before = variables(float_model)
    quantization.quantize(float_model, calibration=[pictures[:8]], freeze_bn=True)
    for name, value in variables(float_model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert len(float_model.trainable_weights) == 83


def test_a_calibrated_model_answers_as_the_float_model_before_any_step(oracle_checkpoint):
    model = import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)
    calibration, pictures = smooth_pictures(32, 128, seed=2), smooth_pictures(60, 128, seed=3)
    quantized = quantization.quantize(model, calibration=[calibration], freeze_bn=True)
    wanted, got = logits(model, pictures), logits(quantized, pictures)
    assert np.abs(wanted - got).mean() < 0.05 * wanted.std()
    assert (wanted.argmax(1) == got.argmax(1)).mean() >= 0.95


def test_ranges_are_the_means_of_the_batches_ranges_and_start_at_0_behind_relu6(float_model, quantized, pictures):
    names = ["Conv2d_0_Relu6", "Conv2d_7_depthwise_Relu6", "AvgPool_1a", "Logits"]
    probe = keras.Model(float_model.inputs, [float_model.get_layer(name).output for name in names])
    halves = [probe.predict(half, verbose=0) for half in (pictures[:32], pictures[32:])]
    found = variables(quantized)
    for place, name in enumerate(names):
        kind = "post_activation" if name == "Logits" else "output"
        highest = np.mean([half[place].max() for half in halves])
        np.testing.assert_allclose(found[f"{name}/{kind}_max:0"], highest, rtol=1e-5)
        if name != "Logits":
            assert f"{name}/{kind}_min:0" not in found
    lowest = np.mean([half[-1].min() for half in halves])
    np.testing.assert_allclose(found["Logits/post_activation_min:0"], lowest, rtol=1e-5)


@pytest.mark.parametrize(
    ("quantizer", "shape"),
    [(quantizers.WeightQuantizer(), (3, 3, 4, 6)), (quantizers.DepthwiseWeightQuantizer(), (3, 3, 6, 1))],
    ids=["conv", "depthwise"],
)
def test_weights_are_rounded_per_channel_in_narrow_range_as_numpy_does(quantizer, shape):
    channels = shape[3] if shape[3] > 1 else shape[2]
    kernel = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    flat = np.moveaxis(kernel.reshape(-1, channels), 1, 0) * 10.0 ** np.arange(-3, 3)[:, None]  # Scales apart.
    kernel = np.moveaxis(flat, 0, 1).reshape(shape).astype(np.float32)
    got = np.moveaxis(quantizer(kernel, training=False, weights={}).numpy().reshape(-1, channels), 1, 0)
    scale = np.abs(flat).max(1, keepdims=True) / 127
    np.testing.assert_allclose(got, np.round(flat / scale) * scale, rtol=1e-5)
    codes = np.round(got / scale)
    assert np.abs(codes).max(1).tolist() == [127] * channels


def test_a_channel_of_zeros_stays_zero():
    kernel = np.zeros((1, 1, 2, 3), np.float32)
    np.testing.assert_array_equal(quantizers.WeightQuantizer()(kernel, training=False, weights={}), kernel)


def test_the_largest_weight_of_each_channel_still_learns():
    kernel = tf.Variable(np.random.default_rng(5).normal(size=(3, 3, 16, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(quantizers.DepthwiseWeightQuantizer()(kernel, training=True, weights={}))
    np.testing.assert_array_equal(tape.gradient(total, kernel), np.ones(kernel.shape))


def test_no_8_bit_pixel_lies_on_a_tie_of_the_inputs_grid():
    pixels = (np.arange(256, dtype=np.float32) / 255 - 0.5) * 2
    got = quantizers.InputQuantizer()(pixels, training=False, weights={}).numpy() * 128
    np.testing.assert_array_equal(got, np.clip(np.floor(pixels * 128 + 0.5), -128, 127))
    assert np.abs(pixels * 128 % 1 - 0.5).min() > 1e-3
    assert (got[0], got[127], got[128], got[255]) == (-128, -1, 1, 127)


def test_weights_saved_as_h5_come_back_exactly_in_a_rebuilt_model(quantized, pictures, tmp_path):
    quantized.save_weights(tmp_path / "weights.h5")
    again = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES)
    again = quantization.quantize(again, calibration=None, freeze_bn=True)
    again.load_weights(tmp_path / "weights.h5")
    for weight, restored in zip(quantized.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(restored, weight)
    np.testing.assert_array_equal(logits(again, pictures), logits(quantized, pictures))


@pytest.mark.parametrize("freeze_bn", [True, False], ids=["frozen", "live"])
def test_a_step_trains_the_kernels_and_the_batch_norms_only_if_they_are_not_frozen(float_model, pictures, freeze_bn):
    model = quantization.quantize(float_model, calibration=[pictures], freeze_bn=freeze_bn)
    before = variables(model)
    step(model, pictures * 0.5)
    moved = {name for name, value in variables(model).items() if not np.array_equal(value, before[name])}
    kernels = {name for name in before if name.endswith("kernel:0")}
    statistics = {name for name in before if "BatchNorm/moving" in name or "BatchNorm/gamma" in name}
    assert len(kernels) == 28 and kernels <= moved
    assert statistics & moved == (set() if freeze_bn else statistics)
    assert "Conv2d_0_Relu6/output_max:0" in moved


def test_an_activations_range_follows_the_batches_at_one_percent_a_step(float_model, pictures):
    model = quantization.quantize(float_model, calibration=[pictures], freeze_bn=True)
    before = variables(model)["Conv2d_0_Relu6/output_max:0"]
    tf.function(model, autograph=False)(pictures * 0, training=True)
    first = keras.Model(model.inputs, model.get_layer("quant_Conv2d_0_BatchNorm").output)
    highest = tf.nn.relu6(first(pictures * 0)).numpy().max()
    after = variables(model)["Conv2d_0_Relu6/output_max:0"]
    assert after == pytest.approx(0.99 * before + 0.01 * highest, rel=1e-5)


def test_an_untrained_networks_ranges_hold_what_its_batch_norms_will_let_through_in_training(pictures):
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES)
    before = model.get_weights()
    live, frozen = (
        variables(quantization.quantize(model, calibration=[pictures], freeze_bn=freeze))[
            "Conv2d_13_pointwise_Relu6/output_max:0"
        ]
        for freeze in (False, True)
    )
    assert live > 2
    assert frozen < 0.01
    for weight, kept in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


def test_without_calibration_relu6_ranges_are_0_to_6():
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES)
    found = variables(quantization.quantize(model, calibration=None, freeze_bn=False))
    ranges = {name: value for name, value in found.items() if "Relu6/output" in name}
    assert len(ranges) == 27
    assert set(map(float, ranges.values())) == {6.0}


def test_a_keras_3_model_is_refused_with_what_to_build_instead():
    inputs = keras3.Input((SIDE, SIDE, 3))
    model = keras3.Model(inputs, keras3.layers.Flatten()(inputs))
    with pytest.raises(
        ValueError, match=r"got keras\..*wanted a tf_keras model: build it with trainer.network.mobilenet_v1"
    ):
        quantization.quantize(model, calibration=None, freeze_bn=True)  # pyright: ignore[reportArgumentType]


def test_a_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(quantization.QuantizationError, match="is a Subclassed that is not functional"):
        quantization.quantize(Subclassed(), calibration=None, freeze_bn=True)


def test_a_float16_model_is_refused():
    inputs = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(inputs, keras.layers.ReLU(6.0, dtype="mixed_float16")(inputs))
    with pytest.raises(quantization.QuantizationError, match="computes in float16, wanted float32"):
        quantization.quantize(model, calibration=None, freeze_bn=True)


def test_calibration_without_pictures_is_refused(float_model):
    with pytest.raises(quantization.QuantizationError, match="no pictures to calibrate with"):
        quantization.quantize(float_model, calibration=[], freeze_bn=True)


def test_a_float_model_that_overflows_is_refused(pictures):
    model = lively_model()
    model.get_layer("Logits").bias.assign([np.nan] * CLASSES)
    with pytest.raises(quantization.QuantizationError, match="not finite on the calibration pictures"):
        quantization.quantize(model, calibration=[pictures[:4]], freeze_bn=True)


def logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Without AutoGraph, which takes ten seconds to rewrite tfmot's wrappers."""
    return tf.function(model, autograph=False)(images, training=False).numpy()


def step(model: keras.Model, images: np.ndarray) -> None:
    optimizer = keras.optimizers.SGD(0.1)
    labels = np.arange(len(images)) % CLASSES
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(autograph=False)
    def run() -> None:
        with tf.GradientTape() as tape:
            value = loss(labels, model(images, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run()
