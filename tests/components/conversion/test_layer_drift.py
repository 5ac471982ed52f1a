"""Operator by operator: what the numbers are, and that the spoiled operator is the one that is named."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from components.conversion import agreement, layer_drift
from components.conversion.agreement import Tolerance
from components.conversion.layer_drift import DriftError, LayerDrift
from tests.components.conversion import drifting
from trainer import tflite
from trainer.keras import keras
from trainer.network.layer_names import float_name

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> tuple[keras.Model, keras.Model]:
    return drifting.models()


@pytest.fixture(scope="module")
def file(pair) -> bytes:
    return tflite.convert(pair[1], edges="int8")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return drifting.photographs(20)


@pytest.fixture(scope="module")
def rows(pair, file, images) -> list[LayerDrift]:
    return layer_drift.layer_drift(pair[1], tflite.Runner(file), [images[:12], images[12:]])


def interpreted(file: bytes, images: np.ndarray) -> dict[int, np.ndarray]:
    """Every activation of the file by its tensor's index, in float64; without trainer.tflite.runner."""
    interpreter = Interpreter(model_content=file, experimental_preserve_all_tensors=True)
    [given] = interpreter.get_input_details()
    interpreter.resize_tensor_input(given["index"], images.shape)
    interpreter.allocate_tensors()
    scale, zero = given["quantization"]
    codes = np.clip(np.floor(images / np.float32(scale) + np.float32(zero + 0.5)), -128, 127)
    interpreter.set_tensor(given["index"], codes.astype(np.int8))
    interpreter.invoke()
    values = {}
    for detail in interpreter.get_tensor_details():
        scale, zero = detail["quantization"]
        if scale and detail["shape"][:1] == len(images):
            values[detail["index"]] = (interpreter.get_tensor(detail["index"]).astype(np.float64) - zero) * scale
    return values


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
def test_every_operator_but_the_softmax_is_a_row_with_the_numbers_that_numpy_gives(pair, file, images, rows):
    values = interpreted(file, images)
    operators = tflite.operators(file)
    assert [row.operator for row in rows] == list(range(len(operators) - 1)) == list(range(30))
    for row, operator in zip(rows, operators, strict=False):
        [layer] = [layer for layer in pair[1].layers if float_name(layer.name) == row.layer]
        emulated = keras.Model(pair[1].inputs, layer.output)(images, training=False).numpy()
        [scale] = operator.outputs[0].scales
        steps = np.abs(emulated - values[operator.outputs[0].index]) / scale
        assert (row.name, row.scale) == (operator.name, scale)
        assert row.share_differing == pytest.approx((steps > 0.5).mean(), abs=1e-12)
        assert row.mean_steps == pytest.approx(steps.mean(), abs=1e-4)
        assert row.max_steps == pytest.approx(steps.max(), abs=1e-2)
    assert max(row.max_steps for row in rows) > 2  # What drifted before does count so far…


def test_in_an_honest_file_no_operator_is_more_than_a_step_off_alone_however_far_all_drifted(rows):
    assert max(row.alone_max_steps for row in rows) == pytest.approx(1, abs=0.01)
    assert max(row.alone_mean_steps for row in rows) < 0.02
    assert layer_drift.first_departure(rows) is None
    assert layer_drift.sentence(rows).startswith("each operator gives what its layers give for the same input")


@pytest.mark.parametrize("change", [drifting.turned, drifting.zeroed, drifting.tenth_smaller])
@pytest.mark.parametrize("operator", [0, 1, 8, 13, 26, 28])
def test_the_operator_whose_weights_were_changed_is_the_first_to_depart_and_the_only_one_alone(
    pair, file, images, operator, change
):
    runner = tflite.Runner(drifting.spoiled(file, operator, change))
    rows = layer_drift.layer_drift(pair[1], runner, [images])
    assert [row.operator for row in rows if row.departs] == [operator]
    assert layer_drift.first_departure(rows) == rows[operator]
    first = rows[operator]
    assert first.layer == tflite.operators(file)[operator].layer
    assert first.alone_mean_steps > 0.5
    assert f"first at operator {operator} {first.name} ({first.layer}), " in layer_drift.sentence(rows)


def test_one_weight_of_a_layer_is_found_though_the_logits_are_within_tolerance(pair, file, images):
    def first_weight_turned(weights: np.ndarray) -> np.ndarray:
        place = np.abs(weights.astype(int)).argmax()
        weights[place] = -weights[place]
        return weights

    runner = tflite.Runner(drifting.spoiled(file, 8, first_weight_turned))
    found = agreement.measure(pair[0], pair[1], runner, [images], tolerance=Tolerance())
    assert agreement.faults(found, Tolerance()) == []
    first = layer_drift.first_departure(layer_drift.layer_drift(pair[1], runner, [images]))
    assert first is not None
    assert first.operator == 8


def test_a_file_with_uint8_edges_has_the_same_rows_one_place_on(pair, images, rows):
    file = tflite.convert(pair[1], edges="uint8")
    found = layer_drift.layer_drift(pair[1], tflite.Runner(file), [images[:12], images[12:]])
    for row, other in zip(rows, found, strict=True):
        assert (row.layer, row.share_differing, row.max_steps) == (other.layer, other.share_differing, other.max_steps)
        assert other.operator == row.operator + 1


def test_numbers_that_are_none_depart():
    nan = float("nan")
    assert LayerDrift(0, "CONV_2D", "Conv2d_0_Relu6", 0.1, 0.0, nan, nan, nan, nan).departs


def test_a_file_of_another_width_is_refused_naming_the_operator(pair, images):
    other = tflite.convert(drifting.models(width=0.5)[1], edges="int8")
    wanted = r"operator 0 CONV_2D \(Conv2d_0_Relu6\) gives \[32, 32, 16\], the model's layer \[32, 32, 8\]"
    with pytest.raises(DriftError, match=wanted):
        layer_drift.layer_drift(pair[1], tflite.Runner(other), [images])


def test_a_float_file_is_refused(pair, images):
    runner = tflite.Runner(tflite.convert(pair[0], edges="float"))
    with pytest.raises(DriftError, match="no operator of the file is a layer of the model: the file has "):
        layer_drift.layer_drift(pair[1], runner, [images])


def _in_two_batches(model: Callable, images: np.ndarray) -> np.ndarray:
    return np.concatenate([model(part, training=False).numpy() for part in (images[:12], images[12:])])


def test_the_agreement_is_what_numpy_says_of_the_three_logits(pair, file, images):
    runner = tflite.Runner(file)
    found = agreement.measure(pair[0], pair[1], runner, [images[:12], images[12:]], tolerance=Tolerance())
    # Computed as it is measured: in another batch or eagerly, a value on a half may be rounded to the other side.
    unrounded, emulated = (_in_two_batches(tf.function(model, autograph=False), images) for model in pair)
    [scale] = runner.graph.logits.scales
    steps = np.abs(emulated - runner.logits(images)) / scale
    assert (found.pictures, found.step) == (20, scale)
    assert found.share_differing == pytest.approx((np.round(steps) > 0).mean())
    assert 0 < found.share_differing < 1
    assert found.mean_steps == pytest.approx(steps.mean(), abs=1e-4)
    assert found.max_steps == pytest.approx(steps.max(), abs=1e-4)
    assert found.noise_steps == pytest.approx(np.abs(emulated - unrounded).mean() / scale, abs=1e-4)
    assert found.top1 == (emulated.argmax(1) == runner.logits(images).argmax(1)).mean()
