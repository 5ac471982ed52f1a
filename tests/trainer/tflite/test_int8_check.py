"""Each thing that makes a file not full int8, on files of a few operators; whole ones are in test_tflite.py."""

import numpy as np
import pytest

from tests.trainer.tflite.int8_files import TYPES, Model
from trainer.tflite.graph import TFLiteError
from trainer.tflite.int8_check import check_int8


def retyped(tensor: str, kind: int = TYPES.FLOAT32):
    def change(model: Model) -> None:
        model.tensors[tensor].type = kind

    return change


def quantized(tensor: str, **values):
    def change(model: Model) -> None:
        for name, value in values.items():
            setattr(model.tensors[tensor].quantization, name, value)

    return change


def filled(tensor: str, *codes: int):
    def change(model: Model) -> None:
        model.data(tensor).data = np.array(codes, np.int8).view(np.uint8)

    return change


def without_values(tensor: str):
    def change(model: Model) -> None:
        model.tensors[tensor].buffer = 0  # The one that is empty in every file.

    return change


@pytest.mark.parametrize("with_edges", [False, True], ids=["int8 edges", "uint8 edges"])
def test_a_full_int8_file_has_no_fault_with_edges_of_either_kind(with_edges):
    assert check_int8(Model(with_edges=with_edges).file()) == []


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (retyped("image"), ["operator 0 CONV_2D (conv): input 0 is FLOAT32"]),
        (
            retyped("conv", TYPES.INT16),
            [
                "operator 0 CONV_2D (conv): output is INT16",
                "operator 1 DEPTHWISE_CONV_2D (depthwise): input 0 is INT16",
            ],
        ),
        (retyped("conv/w"), ["operator 0 CONV_2D (conv): input 1 is FLOAT32"]),
        (retyped("conv/b"), ["operator 0 CONV_2D (conv): input 2 is FLOAT32"]),
        (retyped("depthwise/b", TYPES.INT8), ["operator 1 DEPTHWISE_CONV_2D (depthwise): input 2 is INT8"]),
        (retyped("axes", TYPES.INT8), ["operator 2 MEAN (mean): input 1 is INT8"]),
        (retyped("dense/b"), ["operator 3 FULLY_CONNECTED (logits): input 2 is FLOAT32"]),
        (
            quantized("conv/w", scale=np.array([0.1], np.float32)),
            ["operator 0 CONV_2D (conv): weights have 1 scales along axis 0, wanted 4 along axis 0"],
        ),
        (
            quantized("depthwise/w", quantizedDimension=0),
            ["operator 1 DEPTHWISE_CONV_2D (depthwise): weights have 4 scales along axis 0, wanted 4 along axis 3"],
        ),
        (
            quantized("dense/w", quantizedDimension=1),
            ["operator 3 FULLY_CONNECTED (logits): weights have 3 scales along axis 1, wanted 3 along axis 0"],
        ),
        (
            quantized("dense/w", zeroPoint=np.array([0, 0, 1])),
            ["operator 3 FULLY_CONNECTED (logits): weights have a zero point that is not 0"],
        ),
        (
            filled("conv/w", 1, -128),
            ["operator 0 CONV_2D (conv): weights reach -128, wanted narrow range, -127 at least"],
        ),
        (filled("conv/w"), ["operator 0 CONV_2D (conv): weights reach nothing, wanted narrow range, -127 at least"]),
        (without_values("conv/w"), ["operator 0 CONV_2D (conv): weights are not a constant of the file"]),
        (
            quantized("scores", scale=np.array([1 / 128], np.float32)),
            ["operator 4 SOFTMAX (scores): output has scale 0.0078125 and zero point (-128,), wanted 1/256 and -128"],
        ),
        (
            quantized("scores", zeroPoint=np.array([0])),
            ["operator 4 SOFTMAX (scores): output has scale 0.00390625 and zero point (0,), wanted 1/256 and -128"],
        ),
        (
            quantized("scores", scale=np.array([], np.float32)),
            ["operator 4 SOFTMAX (scores): output has scale nan and zero point (-128,), wanted 1/256 and -128"],
        ),
        (
            retyped("scores", TYPES.UINT8),
            ["operator 4 SOFTMAX (scores): output is UINT8"],
        ),
    ],
)
def test_whatever_is_not_int8_is_named_with_its_operator_and_nothing_else_is(change, faults):
    assert check_int8(Model().spoiled(change)) == faults


def test_of_one_channel_the_axis_does_not_matter():
    def one_channel(model: Model) -> None:
        weights = model.tensors["conv/w"]
        weights.shape, weights.quantization.quantizedDimension = [1, 1, 1, 3], 1
        weights.quantization.scale, weights.quantization.zeroPoint = np.array([0.1], np.float32), np.array([0])

    assert check_int8(Model().spoiled(one_channel)) == []


def test_a_quantize_that_stands_in_the_middle_is_a_fault_and_one_at_an_edge_is_none():
    def in_the_middle(model: Model) -> None:
        model.add("again", (-1, 2, 2, 4))
        model.step("QUANTIZE", ["conv"], "again")
        model.graph.operators.insert(1, model.graph.operators.pop())
        model.operators["DEPTHWISE_CONV_2D"].inputs[0] = model.operators["QUANTIZE"].outputs[0]

    assert check_int8(Model().spoiled(in_the_middle)) == [
        "operator 1 QUANTIZE (again): stands in the middle of the graph"
    ]


def test_places_are_those_in_the_file_whose_edges_count():
    assert check_int8(Model(with_edges=True).spoiled(retyped("mean", TYPES.INT16))) == [
        "operator 3 MEAN (mean): output is INT16",
        "operator 4 FULLY_CONNECTED (logits): input 0 is INT16",
    ]


def test_another_last_operator_than_a_softmax_is_named():
    def without_softmax(model: Model) -> None:
        model.graph.operators.pop()
        model.ends("image", "logits")

    def empty(model: Model) -> None:
        model.graph.operators.clear()

    assert check_int8(Model().spoiled(without_softmax)) == ["the last operator is FULLY_CONNECTED, wanted SOFTMAX"]
    assert check_int8(Model().spoiled(empty)) == ["the last operator is missing, wanted SOFTMAX"]


def test_what_is_no_file_of_a_classifier_is_an_error_and_not_a_fault():
    with pytest.raises(TFLiteError, match=r"not a \.tflite file"):
        check_int8(b"nothing")
