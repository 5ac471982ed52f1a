"""Multiply-adds and parameters against the reference's published table and against the network itself."""

import functools

import pytest
import tensorflow as tf

from trainer.keras import keras
from trainer.network import mobilenet_v1, model_size
from trainer.network.model_size import macs, parameters, reference_parameters
from trainer.network.variant import RESOLUTIONS, WIDTHS, Variant
from trainer.slim.reference_table import TABLE, WRONG_MACS

family = pytest.mark.parametrize("variant", TABLE, ids=lambda variant: variant.name)


@functools.cache
def network(width: float) -> keras.Model:
    return mobilenet_v1.build(width=width, resolution=None, classes=1001)


def traced(model: keras.Model, side: int) -> tf.Graph:
    """What TensorFlow would run for one picture."""
    predict = tf.function(lambda images: model(images, training=False), autograph=False)
    return predict.get_concrete_function(tf.TensorSpec([1, side, side, 3])).graph


def counted(operation: tf.Operation) -> int:
    """Multiply-adds of one operation, off its tensors' shapes; of a pool the additions."""
    if operation.type == "Mean":
        return operation.inputs[0].shape.num_elements()
    height, width, channels_in, _ = operation.inputs[1].shape  # Of the kernel.
    per_output = height * width * (channels_in if operation.type == "Conv2D" else 1)
    return operation.outputs[0].shape.num_elements() * per_output


@family
def test_multiply_adds_equal_a_count_over_the_operations_of_the_traced_graph(variant):
    operations = traced(network(variant.width), variant.resolution).get_operations()
    kinds = {"Conv2D": 15, "DepthwiseConv2dNative": 13, "Mean": 1}
    chosen = [operation for operation in operations if operation.type in kinds]
    assert {kind: sum(operation.type == kind for operation in chosen) for kind in kinds} == kinds
    total = sum(map(counted, chosen))
    assert macs(width=variant.width, resolution=variant.resolution, classes=1001) == total
    # What is left out is element by element: the batch norms, the ReLU6 and the bias.
    assert {op.type for op in operations if op.type not in kinds} <= {
        *("Placeholder", "ReadVariableOp", "NoOp", "Const", "Identity", "Shape", "Reshape"),
        *("FusedBatchNormV3", "Relu6", "BiasAdd"),
    }  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_parameters_equal_a_count_over_the_variables_that_the_traced_graph_reads(width):
    variables = {variable.ref(): variable for variable in traced(network(width), 128).variables}
    sizes = [(v.name, v.trainable, v.shape.num_elements()) for v in (ref.deref() for ref in variables)]
    assert len(sizes) == 137
    assert parameters(width=width, classes=1001) == sum(size for _, trainable, size in sizes if trainable)
    without_gamma = sum(size for name, _, size in sizes if "gamma" not in name)
    assert reference_parameters(width=width, classes=1001) == without_gamma


@family
def test_parameters_are_those_of_the_reference_table(variant):
    count = reference_parameters(width=variant.width, classes=1001)
    assert round(count / 1e6, 2) == TABLE[variant].million_parameters


@family
def test_multiply_adds_are_those_of_the_reference_table_in_all_rows_but_five(variant):
    millions = round(macs(width=variant.width, resolution=variant.resolution, classes=1001) / 1e6)
    assert (millions != TABLE[variant].million_macs) == (variant in WRONG_MACS)


def test_the_table_is_the_whole_family_and_five_of_its_rows_are_explained():
    assert list(TABLE) == [Variant(width, side) for width in WIDTHS for side in RESOLUTIONS]
    assert [variant.name for variant in WRONG_MACS] == ["0.75_224", "0.75_192", "0.75_160", "0.75_128", "0.25_192"]


@pytest.mark.parametrize(("side", "millions"), [(224, 325.44), (192, 239.30), (160, 166.42), (128, 106.78)])
def test_width_075_is_counted_as_the_code_builds_it_not_as_the_table_says(side, millions):
    assert round(macs(width=0.75, resolution=side, classes=1001) / 1e6, 2) == millions


@pytest.mark.parametrize("side", RESOLUTIONS)
def test_a_stem_of_16_channels_explains_the_tables_rows_of_width_075(side, monkeypatch):
    monkeypatch.setattr(model_size, "depth", lambda channels, width: 16 if channels == 32 else int(channels * width))
    assert round(macs(width=0.75, resolution=side, classes=1001) / 1e6) == TABLE[Variant(0.75, side)].million_macs


def test_width_025_at_192_has_30_million_where_the_table_says_34():
    assert round(macs(width=0.25, resolution=192, classes=1001) / 1e6, 2) == 30.22
    assert TABLE[Variant(0.25, 192)].million_macs == 34


@pytest.mark.parametrize(
    ("width", "classes", "trainable", "reference"),
    [
        (1.0, 1001, 4_233_001, 4_243_945),
        (0.75, 1001, 2_586_329, 2_594_537),
        (0.5, 1001, 1_332_105, 1_337_577),
        (0.25, 1001, 470_329, 473_065),
        (1.0, 1000, 4_231_976, 4_242_920),
    ],
)
def test_parameters_are_counted_both_ways(width, classes, trainable, reference):
    assert parameters(width=width, classes=classes) == trainable
    assert reference_parameters(width=width, classes=classes) == reference


@pytest.mark.parametrize(("width", "side", "classes"), [(0.25, 97, 11), (0.1, 64, 3), (1.3, 32, 7)])
def test_sizes_hold_for_any_width_side_and_class_count(width, side, classes):
    model = mobilenet_v1.build(width=width, resolution=side, classes=classes)
    chosen = [
        op for op in traced(model, side).get_operations() if op.type in ("Conv2D", "DepthwiseConv2dNative", "Mean")
    ]
    assert macs(width=width, resolution=side, classes=classes) == sum(map(counted, chosen))
    assert parameters(width=width, classes=classes) == sum(w.shape.num_elements() for w in model.trainable_weights)
