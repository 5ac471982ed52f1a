"""The network is the reference's, judged by arrays that the reference graph produced."""

import numpy as np
import pytest
import tensorflow as tf

from trainer import quantization, tflite
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.mobilenet_v1 import Variant, VariantError, end_points
from trainer.slim import checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference(oracle_checkpoint) -> keras.Model:
    return checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)


def with_weights(reference: keras.Model, **options) -> keras.Model:
    """Another form of the same network; without classes its weights are all but the last two."""
    model = mobilenet_v1.build(**{"width": 0.25, "classes": 1001, **options})
    model.set_weights(reference.get_weights()[: len(model.weights)])
    return model


def fixed_batch_file(quantized: keras.Model) -> bytes:
    """An int8 file for one picture at a time."""

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([1, *quantized.input_shape[1:]])])
    def classify(images):
        return tf.nn.softmax(quantized(images, training=False))

    module = tf.Module()
    module.weights = quantized.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions([classify.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def test_logits_equal_the_references(reference, oracle):
    arrays = oracle("logits_0.25_128")
    np.testing.assert_allclose(reference(arrays["input"]).numpy(), arrays["logits"], atol=1e-4)


def test_the_arrays_of_the_named_end_points_equal_the_references(reference, oracle):
    arrays = oracle("logits_0.25_128")
    points = keras.Model(reference.input, end_points(reference))(arrays["input"])
    assert list(points) == [name.removeprefix("sum/") for name in arrays.files if name.startswith("sum/")]
    whole = [name for name in arrays.files if name.startswith("ep/")]
    assert len(whole) == 6
    for name in whole:
        wanted = arrays[name]
        got = points[name.removeprefix("ep/")][: len(wanted)]
        np.testing.assert_allclose(got, wanted, atol=1e-4, err_msg=name)
    for name, value in points.items():
        np.testing.assert_allclose([np.mean(value), np.std(value)], arrays[f"sum/{name}"], atol=1e-4, err_msg=name)
    np.testing.assert_allclose(points["Predictions"], arrays["softmax"], atol=1e-5)


def test_a_fake_quantized_model_has_end_points_of_the_same_names(reference):
    quantized = quantization.quantize(reference, calibration=None, freeze_bn=True)
    shapes = {name: point.shape for name, point in end_points(reference).items()}
    assert {name: point.shape for name, point in end_points(quantized).items()} == shapes


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("explicit_padding", {"explicit_padding": True}),
        ("os16", {"output_stride": 16}),
        ("os8", {"output_stride": 8}),
        ("os16_explicit", {"output_stride": 16, "explicit_padding": True}),
    ],
)
def test_the_variants_of_the_base_equal_the_references(reference, oracle, name, options):
    arrays = oracle("logits_0.25_128")
    wanted = arrays[f"var/{name}/base"]
    model = with_weights(reference, resolution=128, **options)
    base = keras.Model(model.input, end_points(model)["Conv2d_13_pointwise"])
    np.testing.assert_allclose(base(arrays["input"][: len(wanted)]), wanted, atol=1e-4)


def test_without_classes_it_ends_in_the_references_pooled_features(reference, oracle):
    arrays = oracle("logits_0.25_128")
    model = with_weights(reference, resolution=128, classes=0)
    assert list(end_points(model))[-1] == "AvgPool_1a"
    np.testing.assert_allclose(model(arrays["input"]), arrays["var/prelogits_none"], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "sides"),
    [
        ({}, {"Conv2d_5_pointwise": 28, "Conv2d_11_pointwise": 14, "Conv2d_12_depthwise": 7, "Conv2d_13_pointwise": 7}),
        ({"output_stride": 32}, {"Conv2d_12_depthwise": 7, "Conv2d_13_pointwise": 7}),
        ({"output_stride": 16}, {"Conv2d_11_pointwise": 14, "Conv2d_12_depthwise": 14, "Conv2d_13_pointwise": 14}),
        ({"output_stride": 8}, {"Conv2d_6_depthwise": 28, "Conv2d_12_depthwise": 28, "Conv2d_13_pointwise": 28}),
        ({"output_stride": 8, "explicit_padding": True}, {"Conv2d_1_depthwise": 112, "Conv2d_13_pointwise": 28}),
    ],
)
def test_an_output_stride_keeps_the_maps_of_the_references_tests(options, sides):
    points = end_points(mobilenet_v1.build(width=0.25, resolution=224, classes=0, **options))
    assert {name: points[name].shape[1:3] for name in sides} == {name: (side, side) for name, side in sides.items()}


def test_at_output_stride_8_the_kernels_of_the_blocks_behind_are_dilated_by_2_and_4():
    model = mobilenet_v1.build(width=0.25, resolution=64, classes=0, output_stride=8)
    layers = [model.get_layer(f"Conv2d_{number}_depthwise") for number in range(5, 14)]
    assert [layer.dilation_rate[0] for layer in layers] == [1, 1, 2, 2, 2, 2, 2, 2, 4]
    assert {layer.strides for layer in layers} == {(1, 1)}


def test_up_to_224_pixels_the_references_window_is_the_whole_map_and_names_and_weights_are_always_the_same(
    reference, oracle
):
    arrays = oracle("logits_0.25_128")
    names = [(weight.name, weight.shape) for weight in reference.weights]
    for options in ({"global_pool": False}, {"explicit_padding": True}, {"output_stride": 8}, {"synchronized": True}):
        model = with_weights(reference, resolution=128, **options)
        assert [(weight.name, weight.shape) for weight in model.weights] == names
        if options == {"global_pool": False}:
            np.testing.assert_allclose(model(arrays["input"]), arrays["logits"], atol=1e-4)


def test_larger_pictures_give_a_map_of_logits_a_window_of_7_by_7_every_2(reference):
    images = np.random.default_rng(1).uniform(-1, 1, (1, 320, 384, 3)).astype(np.float32)
    model = with_weights(reference, resolution=None, global_pool=False, spatial_squeeze=False)
    got = model(images).numpy()
    last = with_weights(reference, resolution=None, classes=0)
    maps = keras.Model(last.input, end_points(last)["Conv2d_13_pointwise"])(images).numpy()
    kernel, bias = reference.get_layer("Logits").get_weights()
    assert (maps.shape, got.shape) == ((1, 10, 12, 256), (1, 2, 3, 1001))
    for row, column in np.ndindex(2, 3):
        window = maps[0, 2 * row : 2 * row + 7, 2 * column : 2 * column + 7].mean((0, 1))
        np.testing.assert_allclose(got[0, row, column], window @ kernel[0, 0] + bias, atol=1e-4)


def test_unsqueezed_logits_keep_their_place(reference, oracle):
    arrays = oracle("logits_0.25_128")
    got = with_weights(reference, resolution=128, spatial_squeeze=False)(arrays["input"]).numpy()
    assert got.shape == (4, 1, 1, 1001)
    np.testing.assert_allclose(got[:, 0, 0], arrays["logits"], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0.0}, r"width is 0\.0, wanted above 0, such as 1\.0, 0\.75, 0\.5, 0\.25"),
        ({"width": -0.1}, r"width is -0\.1, wanted above 0"),
        ({"width": float("nan")}, "width is nan, wanted above 0"),
        ({"classes": -1}, "classes is -1, wanted the number of outputs, or 0 for the pooled features"),
        ({"output_stride": 4}, r"output_stride is 4, wanted one of None, 8, 16, 32"),
        ({"resolution": 288, "global_pool": False}, "the logits are a map of 2 x 2, which cannot be squeezed: pass"),
        ({"resolution": None, "global_pool": False}, "the logits are a map of any x any, which cannot be squeezed"),
    ],
)
def test_a_network_that_the_reference_does_not_have_is_refused(options, message):
    with pytest.raises(VariantError, match=message):
        mobilenet_v1.build(**{"width": 0.25, "resolution": 64, "classes": 5, **options})


def test_explicit_padding_quantizes_to_a_file_that_is_int8_throughout():
    model = mobilenet_v1.build(width=0.25, resolution=64, classes=5, explicit_padding=True)
    file = tflite.convert(quantization.quantize(model, calibration=None, freeze_bn=True), edges="int8")
    operators = tflite.operators(file)
    # TensorFlow 2.21's converter folds those of stride 1 into SAME.
    assert [operator.name for operator in operators].count("PAD") in (14, 5)
    kinds = {tensor.type for operator in operators for tensor in (operator.inputs[0], *operator.outputs)}
    assert kinds == {"INT8"}


@pytest.mark.parametrize("output_stride", [16, 8])
def test_dilated_networks_quantize_to_int8_throughout_where_the_batch_is_fixed_and_not_where_it_is_free(output_stride):
    model = mobilenet_v1.build(width=0.25, resolution=64, classes=5, output_stride=output_stride)
    quantized = quantization.quantize(model, calibration=None, freeze_bn=True)
    assert tflite.check_int8(fixed_batch_file(quantized)) == []
    if output_stride == 16:  # Once is enough.
        faults = tflite.check_int8(tflite.convert(quantized, edges="int8"))
        assert any("DEPTHWISE_CONV_2D (Conv2d_13_depthwise): output is FLOAT32" in fault for fault in faults)


def test_logits_equal_keras_applications_with_the_same_weights(reference, oracle):
    images = oracle("logits_0.25_128")["input"]
    peer = keras.applications.MobileNet(
        (128, 128, 3), alpha=0.25, weights=None, classes=1001, classifier_activation=None
    )
    peer.set_weights([w.reshape(p.shape) for w, p in zip(reference.get_weights(), peer.get_weights(), strict=True)])
    np.testing.assert_allclose(reference(images), peer(images), atol=1e-4)


@pytest.mark.parametrize(
    ("width", "trainable"), [(1.0, 4_233_001), (0.75, 2_586_329), (0.5, 1_332_105), (0.25, 470_329)]
)
def test_trainable_parameters_are_the_references(width, trainable):
    model = mobilenet_v1.build(width=width, resolution=32, classes=1001)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == trainable


def test_a_resolution_of_none_takes_any_size(oracle_checkpoint, oracle):
    model = checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=None, classes=1001)
    arrays = oracle("logits_0.25_128")
    logits = model(arrays["var/odd_input"]).numpy()
    np.testing.assert_allclose(logits, arrays["var/odd_global_pool/logits"], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "name", "id_"),
    [("0.25_128", "0.25_128", "w025-r128"), ("1_224", "1.0_224", "w100-r224"), ("0.5_96", "0.50_96", "w050-r96")],
)
def test_a_variant_has_the_tables_name_and_a_node_id(text, name, id_):
    variant = Variant.parse(text)
    assert (variant.name, variant.id) == (name, id_)
    assert Variant.parse(variant.name) == variant


def test_no_two_widths_have_the_same_node_id():
    widths = {n / 1000 for n in range(10, 4001)}
    assert len({Variant(width, 128).id for width in widths}) == len(widths) == 3991


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10_224", r"width is 10\.0, wanted 0\.01 to 4\.0, such as 1\.0, 0\.75"),
        ("4.01_224", r"width is 4\.01, wanted 0\.01 to 4\.0"),
        ("0.0099_224", r"width is 0\.0099, wanted 0\.01 to 4\.0"),
        ("0.25_4097", "resolution is 4097, wanted at least 32 pixels and at most 4096, such as 224"),
        ("0.25_31", "resolution is 31, wanted at least 32 pixels and at most 4096"),
    ],
)
def test_a_variant_out_of_bounds_is_refused_naming_them(text, message):
    with pytest.raises(VariantError, match=message):
        Variant.parse(text)


def test_the_bounds_themselves_are_variants():
    assert [Variant.parse(text).id for text in ("4_4096", "0.01_32")] == ["w400-r4096", "w001-r32"]


@pytest.mark.parametrize("text", ["", "0.25", "0.25_16", "0_128", "-1_128", "nan_128", "0.25x128", "w025-r128"])
def test_what_is_no_variant_is_refused_with_an_example(text):
    with pytest.raises(VariantError, match=r"0\.25|128"):
        Variant.parse(text)
