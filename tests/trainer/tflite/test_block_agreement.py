"""Each block of the int8 file against its fake-quantized layers, both fed what the file's block before it gave.

So the inputs lie on the int8 grid, and what one block is off does not count against the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.lively import stir
from trainer import quantization, tflite
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.tflite.graph import Tensor
from trainer.tflite.runner import Runner

pytestmark = pytest.mark.slow

SIDE, CLASSES, PICTURES, BATCH = 64, 11, 2000, 250  # At 64 pixels the pool has something to average.
PATTERNS = {  # → how many blocks of the network are of it.
    "stem, stride 2": 1,
    "depthwise, stride 1": 9,
    "depthwise, stride 2": 4,
    "pointwise": 13,
    "pool": 1,
    "logits and flatten": 1,
    "softmax": 1,
}


@dataclass
class Block:
    """Some layers, what they are given and what they give in the file, and how that differs."""

    pattern: str
    predict: tf.types.experimental.GenericFunction
    given: Tensor
    gives: Tensor
    values: int = 0
    equal: int = 0
    farthest: int = 0  # Output steps.
    codes: set[int] = field(default_factory=set)  # That the file gave.

    def compare(self, given: np.ndarray, got: np.ndarray) -> None:
        emulated = self.predict(given).numpy()
        steps = np.abs(np.round((emulated.reshape(got.shape) - got) / self.gives.scales[0])).astype(int)
        self.values += steps.size
        self.equal += int(np.count_nonzero(steps == 0))
        self.farthest = max(self.farthest, int(steps.max()))
        self.codes |= set(np.unique(np.round(got / self.gives.scales[0])).astype(int))


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    """All 30, compared on all pictures."""
    model = stir(mobilenet_v1.build(width=0.25, resolution=SIDE, classes=CLASSES))
    last = model.get_layer("Conv2d_13_pointwise_BatchNorm")
    last.gamma.assign(0.2 * last.gamma)  # Or features stay at 6 over the whole map: see the pool's ties below.
    quantized = quantization.quantize(model, calibration=[_pictures(BATCH, seed=0)], freeze_bn=True)
    runner = Runner(tflite.convert(quantized, edges="int8"))
    blocks = list(_blocks(quantized, runner))
    for seed in range(1, PICTURES // BATCH + 1):
        tensors = [blocks[0].given, *(block.gives for block in blocks)]
        values = runner.activations(_pictures(BATCH, seed=seed), tensors)
        for block, given, got in zip(blocks, values[:-1], values[1:], strict=True):
            block.compare(given, got)
    return blocks


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_block_is_never_more_than_one_step_off_and_98_percent_of_its_values_are_equal(pattern, blocks):
    ours = [block for block in blocks if block.pattern == pattern]
    assert len(ours) == PATTERNS[pattern]
    for block in ours:
        assert block.values >= PICTURES * CLASSES
        assert block.farthest <= 1
        assert block.equal / block.values >= 0.98
        assert len(block.codes) > 20  # It is not all zeros.


def test_a_pool_whose_range_is_its_inputs_is_a_step_off_where_a_mean_lies_between_two_codes_and_nowhere_else():
    """The fake-quantized model rounds such ties up and the file to even. In trained networks the ranges differ."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="BatchNorm")(layers.Conv2D(16, 3, 4, "same", use_bias=False)(inputs))
    x = layers.GlobalAveragePooling2D(keepdims=True, name="Pool")(layers.ReLU(6.0, name="Relu6")(x))
    x = layers.Flatten()(layers.Conv2D(5, 1, name="Logits")(x))
    quantized = quantization.quantize(stir(keras.Model(inputs, x)), calibration=None, freeze_bn=True)  # All [0, 6].
    runner = Runner(tflite.convert(quantized, edges="int8"))
    mean = next(operator for operator in runner.graph.operators if operator.name == "MEAN")
    given, gives = mean.inputs[0], mean.outputs[0]
    values, got = runner.activations(_pictures(PICTURES, seed=1, side=8), [given, gives])
    emulated = _predict([quantized.get_layer("quant_Pool")], given)(values).numpy()
    off = np.round((emulated - got) / gives.scales[0]).reshape(PICTURES, -1) != 0
    ties = np.round(values.sum(axis=(1, 2)) / given.scales[0]) % 4 == 2
    assert given.scales == gives.scales
    assert 0.02 < off.mean() < 0.2
    assert not np.any(off & ~ties)


def _pictures(count: int, *, seed: int, side: int = SIDE) -> np.ndarray:
    """[count, side, side, 3] in [-1, 1]: noise, on a different colour each."""
    random = np.random.default_rng(seed)
    colour = random.uniform(-0.8, 0.8, (count, 1, 1, 3))
    return np.clip(colour + random.normal(0, 0.4, (count, side, side, 3)), -1, 1).astype(np.float32)


def _blocks(quantized: keras.Model, runner: Runner) -> Iterator[Block]:
    """In the order of the network, each given what the one before gives."""
    outputs = {operator.layer: operator.outputs[0] for operator in runner.graph.operators}
    outputs |= {"SpatialSqueeze": runner.graph.logits, "Predictions": runner.graph.output}
    given = runner.graph.input
    for name, pattern in _patterns(quantized):
        names = {"Logits": ("Logits", "SpatialSqueeze"), "AvgPool_1a": ("AvgPool_1a",)}
        parts = names.get(name, (name, f"{name}_BatchNorm", f"{name}_Relu6"))
        if name == "Predictions":
            layers, parts = [keras.layers.Softmax()], (name,)
        else:
            layers = [quantized.get_layer(f"quant_{part}") for part in parts]
        gives = outputs[parts[-1]]
        yield Block(pattern, _predict(layers, given), given, gives)
        given = gives


def _patterns(quantized: keras.Model) -> Iterator[tuple[str, str]]:
    yield "Conv2d_0", "stem, stride 2"
    for number in range(1, 14):
        depthwise = quantized.get_layer(f"quant_Conv2d_{number}_depthwise").layer
        yield f"Conv2d_{number}_depthwise", f"depthwise, stride {depthwise.strides[0]}"
        yield f"Conv2d_{number}_pointwise", "pointwise"
    yield from (("AvgPool_1a", "pool"), ("Logits", "logits and flatten"), ("Predictions", "softmax"))


def _predict(layers: list[keras.layers.Layer], given: Tensor) -> tf.types.experimental.GenericFunction:
    inputs = outputs = keras.Input(given.shape[1:])
    for layer in layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    return tf.function(lambda values: model(values, training=False), autograph=False)
