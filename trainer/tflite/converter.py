"""Keras model → .tflite file that outputs probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainer.tflite.graph import pack, parse

if TYPE_CHECKING:
    import tensorflow as tf

    from trainer.keras import keras

INPUT = "images"
OUTPUT = "probabilities"

Edges = Literal["float", "int8", "uint8"]


def convert(model: keras.Model, *, edges: Edges) -> bytes:
    """Adds the softmax and converts: pictures [1, R, R, 3] (resizable in the batch) → probabilities [1, C].

    Args:
      model: logits [n, C] out. With `int8` and `uint8`, a model of trainer.quantization; with `float`, a float one.
      edges: the type of the file's input and output; what lies between is int8 but with `float`.
    """
    import tensorflow as tf  # Here: who only runs a file need not wait seconds for it.

    module = tf.Module()
    module.weights = model.weights  # Tracked alone: with the layers, the converter would trace each of them again.
    signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name=INPUT)

    # Without AutoGraph, which takes seconds to rewrite tfmot's wrappers and finds nothing to rewrite.
    @tf.function(autograph=False, input_signature=[signature])
    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: tf.nn.softmax(model(images, training=False))}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([classify.get_concrete_function()], module)
    if edges != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, edges)
    return _tidied(converter.convert())


def _tidied(file: bytes) -> bytes:
    """Calls the file's edges what they are, and leaves out what no reader uses.

    The converter names edges after whatever stands next to them. Of a tensor that stands for several of the network's
    it joins all names; the first, which tells its layer, is enough: the rest is four kilobytes that nobody reads.
    And it writes each shape again with -1 for the batch: whoever wants batches resizes the input, with or without it,
    and LiteRT.js refuses each call of a file that says -1.
    """
    model = parse(file)
    graph = model.subgraphs[0]
    for tensor in graph.tensors:
        tensor.name = (tensor.name or b"").split(b";")[0]
        tensor.shapeSignature = None
    graph.tensors[graph.inputs[0]].name = INPUT
    graph.tensors[graph.outputs[0]].name = OUTPUT
    return pack(model)
