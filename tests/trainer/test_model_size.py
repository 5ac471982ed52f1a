"""Multiply-adds and parameters against the reference's published table and against the network itself."""

import pytest

from trainer import mobilenet_v1
from trainer.keras import keras
from trainer.model_size import macs, parameters

# Million multiply-adds, mobilenet_v1.md. Left out: the 0.75 rows (counted with another stem) and 0.25_192 (34).
TABLE = {
    "1.0_224": 569, "1.0_192": 418, "1.0_160": 291, "1.0_128": 186,
    "0.5_224": 150, "0.5_192": 110, "0.5_160": 77, "0.5_128": 49,
    "0.25_224": 41, "0.25_160": 21, "0.25_128": 14,
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_multiply_adds_are_those_of_the_reference_table(name):
    variant = mobilenet_v1.Variant.parse(name)
    assert round(macs(width=variant.width, resolution=variant.resolution, classes=1001) / 1e6) == TABLE[name]


@pytest.mark.parametrize(("side", "millions"), [(224, 325.44), (192, 239.30), (160, 166.42), (128, 106.78)])
def test_width_075_is_counted_as_the_code_builds_it_not_as_the_table_says(side, millions):
    assert round(macs(width=0.75, resolution=side, classes=1001) / 1e6, 2) == millions


def test_width_025_at_192_has_30_million_where_the_table_says_34():
    assert round(macs(width=0.25, resolution=192, classes=1001) / 1e6, 2) == 30.22


@pytest.mark.parametrize(
    ("width", "classes", "count"),
    [
        *((1.0, 1001, 4_233_001), (0.75, 1001, 2_586_329), (0.5, 1001, 1_332_105), (0.25, 1001, 470_329)),
        *((1.0, 1000, 4_231_976), (0.75, 1000, 2_585_560), (0.5, 1000, 1_331_592), (0.25, 1000, 470_072)),
    ],
)
def test_parameters_are_the_trainable_ones(width, classes, count):
    assert parameters(width=width, classes=classes) == count


def test_multiply_adds_equal_a_count_over_the_networks_layers_at_an_odd_size():
    model = mobilenet_v1.build(width=0.25, resolution=97, classes=11)
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    kernels = [layer for layer in model.layers if isinstance(layer, kinds)]
    spots = [layer.output_shape[1] * layer.output_shape[2] for layer in kernels]
    sizes = [layer.weights[0].shape.num_elements() for layer in kernels]
    pooled = model.get_layer("AvgPool_1a").input_shape[1:]
    total = sum(a * b for a, b in zip(spots, sizes, strict=True)) + pooled[0] * pooled[1] * pooled[2]
    assert macs(width=0.25, resolution=97, classes=11) == total


@pytest.mark.parametrize(("width", "classes"), [(0.25, 11), (0.1, 3), (1.3, 7)])
def test_parameters_equal_the_networks_own_count(width, classes):
    model = mobilenet_v1.build(width=width, resolution=32, classes=classes)
    assert parameters(width=width, classes=classes) == sum(w.shape.num_elements() for w in model.trainable_weights)
