"""The .tflite file: int8 throughout, one step from its emulation, and never trusted before it is read."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot

from tests.trainer.lively import stir
from trainer import quantization, tflite
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.tflite import runner as tflite_runner

SIDE, CLASSES = 32, 11

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(r"ignore:.*tf\.lite\.Interpreter is deprecated:UserWarning")]


def images(count: int, side: int = SIDE, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def float_model():
    return stir(mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES))


@pytest.fixture(scope="module")
def quantized(float_model):
    return quantization.quantize(float_model, calibration=[images(64)], freeze_bn=True)


@pytest.fixture(scope="module")
def int8_file(quantized):
    return tflite.convert(quantized, edges="int8")


@pytest.fixture(scope="module")
def float_file(float_model):
    return tflite.convert(float_model, edges="float")


def block(name: str) -> keras.Model:
    """One block of the network between a picture and a small head."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    if name == "conv":
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(16, 3, 2, "same", use_bias=False)(inputs)))
    elif name == "depthwise":
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, 1, "same", use_bias=False)(inputs)))
    else:
        x = inputs
    x = layers.Conv2D(5, 1, name="Logits")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return stir(keras.Model(inputs, layers.Flatten()(x)))


@pytest.mark.parametrize(("name", "place"), [("conv", 0), ("depthwise", 0), ("head", 1)])
def test_each_block_of_the_file_is_at_most_one_step_off_its_emulation(name, place):
    pictures = images(200, 8)
    quantized = quantization.quantize(block(name), calibration=[pictures], freeze_bn=True)
    runner = tflite.Runner(tflite.convert(quantized, edges="int8"))
    operator = runner.graph.operators[place]
    (got,) = runner.activations(pictures, [operator.outputs[0]])
    layer = next(layer for layer in quantized.layers if layer.name == f"quant_{operator.layer}")
    emulated = tf.function(keras.Model(quantized.inputs, layer.output), autograph=False)(pictures).numpy()
    steps = np.round((emulated - got) / operator.outputs[0].scales[0])
    assert operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D")
    assert np.abs(steps).max() <= 1
    assert (steps == 0).mean() >= 0.98
    assert np.unique(got).size > 20  # It is not all zeros.


def test_every_operator_of_the_int8_file_is_int8_and_convolutions_have_a_scale_for_each_channel(int8_file):
    assert tflite.check_int8(int8_file) == []
    operators = tflite.operators(int8_file)
    names = [operator.name for operator in operators]
    assert (names.count("CONV_2D"), names.count("DEPTHWISE_CONV_2D"), names[-1]) == (15, 13, "SOFTMAX")
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(names)
    for operator in operators:
        if "CONV" in operator.name:
            weights = operator.inputs[1]
            assert len(weights.scales) == operator.outputs[0].shape[-1]
            assert weights.constant is not None and weights.constant.min() >= -127
    assert operators[-1].outputs[0].scales == (1 / 256,)


def test_the_files_input_is_the_references_scale_and_its_edges_bear_names(int8_file):
    graph = tflite.read_graph(int8_file)
    assert (graph.input.name, graph.input.scales, graph.input.zero_points) == ("images", (1 / 128,), (0,))
    assert (graph.output.name, graph.resolution, graph.classes) == ("probabilities", SIDE, CLASSES)


def test_uint8_edges_add_two_operators_and_change_no_answer(quantized, int8_file):
    file = tflite.convert(quantized, edges="uint8")
    assert tflite.check_int8(file) == []
    assert [operator.name for operator in tflite.operators(file)].count("QUANTIZE") == 2
    pictures = images(40, seed=2)
    got, wanted = (tflite.Runner(each).quantized(pictures) for each in (file, int8_file))
    assert (got.dtype, wanted.dtype) == (np.uint8, np.int8)
    np.testing.assert_array_equal(got.astype(int), wanted.astype(int) + 128)


def test_the_float_file_gives_the_float_models_probabilities_and_is_not_int8(float_model, float_file):
    pictures = images(40, seed=2)
    runner = tflite.Runner(float_file)
    logits = float_model.predict(pictures, verbose=0)
    np.testing.assert_allclose(runner.logits(pictures), logits, atol=1e-4 * np.abs(logits).max())
    np.testing.assert_allclose(runner.probabilities(pictures), tf.nn.softmax(logits), atol=1e-5)
    faults = tflite.check_int8(float_file)
    assert faults[0] == "operator 0 CONV_2D (Relu6): input 0 is FLOAT32"
    assert len([fault for fault in faults if "output is FLOAT32" in fault]) == 30


def test_a_model_quantized_per_tensor_is_caught_and_its_float_convolutions_named(float_model):
    scheme = tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme(disable_per_axis=True)
    annotated = tfmot.quantization.keras.quantize_annotate_model(float_model)
    wrap = tf.autograph.experimental.do_not_convert(tfmot.quantization.keras.quantize_apply)
    file = tflite.convert(wrap(annotated, scheme=scheme), edges="int8")
    faults = tflite.check_int8(file)
    floating = {fault.split(":")[0] for fault in faults if "output is FLOAT32" in fault}
    assert len([name for name in floating if "CONV_2D" in name]) == 27
    assert any("DEPTHWISE_CONV_2D (Conv2d_5_depthwise_Relu6)" in name for name in floating)


def test_ai_edge_litert_and_tensorflows_interpreter_give_the_same_integers(int8_file):
    pictures = images(8, seed=3)
    runner = tflite.Runner(int8_file)
    interpreter = tf.lite.Interpreter(model_content=int8_file)
    interpreter.resize_tensor_input(runner.graph.input.index, (8, SIDE, SIDE, 3))
    interpreter.allocate_tensors()
    interpreter.set_tensor(runner.graph.input.index, tflite_runner.quantize(pictures, runner.graph.input))
    interpreter.invoke()
    other = interpreter.get_tensor(runner.graph.output.index).astype(int)
    # Other builds of XNNPACK and TFLite's own kernels may round one step to the other side.
    assert np.abs(other - runner.quantized(pictures).astype(int)).max() <= 1


def test_batches_of_any_size_give_the_answers_of_single_pictures(int8_file):
    pictures = images(tflite_runner.BATCH + 3, seed=4)
    runner = tflite.Runner(int8_file)
    singly = np.concatenate([runner.quantized(pictures[i : i + 1]) for i in range(len(pictures))])
    np.testing.assert_array_equal(runner.quantized(pictures), singly)
    np.testing.assert_array_equal(runner.quantized(pictures[:5]), singly[:5])
    np.testing.assert_array_equal(tflite.Runner(int8_file, threads=2).quantized(pictures), singly)


def test_batches_run_on_xnnpack(int8_file):
    runner = tflite.Runner(int8_file)
    runner.quantized(images(tflite_runner.BATCH))
    details = runner._interpreter._get_ops_details()  # pyright: ignore[reportAttributeAccessIssue] - no public way.
    assert [step["op_name"] for step in details].count("DELEGATE") == 1
    assert len(details) == len(runner.graph.operators) + 1  # All of them in the one delegate.


def test_the_softmax_of_the_files_logits_is_its_probabilities(int8_file):
    pictures = images(30, seed=5)
    runner = tflite.Runner(int8_file)
    probabilities = tf.nn.softmax(runner.logits(pictures)).numpy()
    np.testing.assert_allclose(runner.probabilities(pictures), probabilities, atol=1.01 / 256)


def test_pictures_are_rounded_half_up_and_clipped(int8_file):
    graph = tflite.read_graph(int8_file)
    values = np.array([-2, -1, -0.5 / 128, 0.5 / 128, 1.5 / 128, 0.3, 1, 2], np.float32)
    assert tflite_runner.quantize(values, graph.input).tolist() == [-128, -128, 0, 1, 2, 38, 127, 127]


def test_pictures_of_another_size_are_refused_with_the_shape_wanted(int8_file):
    runner = tflite.Runner(int8_file)
    with pytest.raises(ValueError, match=r"got pictures of shape \[1, 28, 28, 3\], wanted \[n, 32, 32, 3\]"):
        runner.probabilities(images(1, 28))
    with pytest.raises(ValueError, match="with n ≥ 1"):
        runner.probabilities(images(0))


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"<html>not found</html>", bytes(1000), b"\x1c\0\0\0TFL3" + b"\xff" * 500],
    ids=["empty", "short", "html", "zeros", "identifier-only"],
)
def test_bytes_that_are_no_tflite_file_are_refused(content):
    with pytest.raises(tflite.TFLiteError):
        tflite.Runner(content)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(int8_file, share):
    with pytest.raises(tflite.TFLiteError):
        tflite.Runner(int8_file[: int(len(int8_file) * share)])


def test_damaged_bytes_are_read_or_refused_but_never_crash(int8_file):
    random = np.random.default_rng(6)
    refused = 0
    for _ in range(60):
        damaged = bytearray(int8_file)
        for position in random.integers(0, 4000, 20):  # Where the tables are; behind them are the weights.
            damaged[position] = random.integers(256)
        try:
            tflite.check_int8(bytes(damaged))
        except tflite.TFLiteError:
            refused += 1
    assert refused > 10


def test_a_file_that_is_too_large_is_refused_unread(monkeypatch, int8_file):
    monkeypatch.setattr("trainer.tflite.graph.MAX_BYTES", 1000)
    with pytest.raises(tflite.TFLiteError, match=r"the file has \d+ bytes, wanted at most 1000"):
        tflite.Runner(int8_file)


def test_int8_at_1_0_224_has_at_most_28_percent_of_the_floats_bytes():
    model = mobilenet_v1.build(width=1.0, resolution=224, classes=1001)
    int8_bytes = len(tflite.convert(quantization.quantize(model, calibration=None, freeze_bn=True), edges="int8"))
    float_bytes = len(tflite.convert(model, edges="float"))
    assert int8_bytes / float_bytes <= 0.28
    assert 4_300_000 < int8_bytes < 4_400_000


def test_the_interpreter_runs_the_file_by_xnnpack_as_it_says(int8_file):
    runner = tflite.Runner(int8_file)
    assert "XNNPACK" in runner.runtime
    assert runner._interpreter._get_ops_details()[-1]["op_name"] == "DELEGATE"
