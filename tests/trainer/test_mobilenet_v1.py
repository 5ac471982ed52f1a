"""The network is the reference's, judged by arrays that the reference graph produced."""

import numpy as np
import pytest

from trainer import checkpoint, mobilenet_v1
from trainer.keras import keras
from trainer.mobilenet_v1 import Variant, VariantError


@pytest.fixture(scope="module")
def reference(oracle_checkpoint) -> keras.Model:
    return checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)


def test_logits_equal_the_references(reference, oracle):
    arrays = oracle("logits_0.25_128")
    np.testing.assert_allclose(reference(arrays["input"]).numpy(), arrays["logits"], atol=1e-4)


def test_end_points_equal_the_references(reference, oracle):
    arrays = oracle("logits_0.25_128")
    names = [name.removeprefix("sum/") for name in arrays.files if name.startswith("sum/Conv2d")]
    assert len(names) == 27
    outputs = [reference.get_layer(f"{name}_Relu6").output for name in names]
    for name, value in zip(names, keras.Model(reference.input, outputs)(arrays["input"]), strict=True):
        np.testing.assert_allclose([np.mean(value), np.std(value)], arrays[f"sum/{name}"], atol=1e-4, err_msg=name)


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
