"""A Keras model as the TF1 graphs that the reference's tar files held: frozen, and with variables.

Input `input` float [N, R, R, 3] in [-1, 1]; `MobilenetV1/Logits/SpatialSqueeze` holds the logits and
`MobilenetV1/Predictions/Reshape_1` the probabilities, [N, classes] both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from trainer.keras import keras

INPUT = "input"
LOGITS = "MobilenetV1/Logits/SpatialSqueeze"
OUTPUT = "MobilenetV1/Predictions/Reshape_1"
_PREDICTIONS = "MobilenetV1/Predictions"


@dataclass(frozen=True)
class Traced:
    """A model and its inference as a function: what all its graphs are made from."""

    model: keras.Model
    function: Any


def trace(model: keras.Model) -> Traced:
    """Traces the model's inference, logits and probabilities under the reference's names."""
    classes = model.output_shape[-1]

    def predictions(images: tf.Tensor) -> tf.Tensor:
        logits = tf.reshape(model(images, training=False), [-1, classes], name=LOGITS)
        flat = tf.reshape(logits, [-1, classes], name=f"{_PREDICTIONS}/Reshape")
        softmax = tf.nn.softmax(flat, name=f"{_PREDICTIONS}/Softmax")
        return tf.reshape(softmax, [-1, classes], name=OUTPUT)

    images = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name=INPUT)
    function = tf.function(predictions, input_signature=[images], autograph=False)
    return Traced(model, function.get_concrete_function())


def frozen_graph(traced: Traced) -> Any:
    """The GraphDef with the weights as constants and nothing that the output does not need."""
    graph, initial = variable_graph(traced)
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        _assign(session, graph, initial)
        return tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [OUTPUT])


def write_meta_graph(traced: Traced, path: Path, names: Mapping[str, tf.Variable]) -> None:
    """Writes the checkpoint's .meta file: the graph, and a Saver that restores the names of the checkpoint into it."""
    graph, _ = variable_graph(traced, names)
    with graph.as_default():
        tf.compat.v1.train.create_global_step(graph)
        tf.compat.v1.train.Saver().export_meta_graph(str(path), clear_devices=True)


def variable_graph(traced: Traced, names: Mapping[str, tf.Variable] | None = None) -> tuple[tf.Graph, dict]:
    """The inference graph with TF1 variables in it, and the values that they had in the model by name.

    Args:
      names: what to call the variables, such as the reference's names; the others keep the model's own.
    """
    function = traced.function
    variables = _captured(traced, names or {})
    initial = {name: variable.numpy() for name, variable in variables.values()}
    images = function.inputs[0]
    with tf.Graph().as_default() as graph:
        mapping = {f"{INPUT}:0": tf.compat.v1.placeholder(images.dtype, images.shape, name=INPUT)}
        for placeholder, (name, variable) in variables.items():
            mapping[placeholder] = _variable(name, variable).handle
        tf.import_graph_def(_without_placeholders(function.graph, mapping), input_map=mapping, name="")
    return graph, initial


def _captured(traced: Traced, names: Mapping[str, tf.Variable]) -> dict[str, tuple[str, Any]]:
    """The function's placeholder of a variable → what to call it, and the variable."""
    by_handle = {id(variable.handle): variable for variable in traced.model.variables}
    called = {id(variable): name for name, variable in names.items()}
    captured = [(inner.name, by_handle[id(outer)]) for outer, inner in traced.function.graph.captures]
    return {
        inner: (called.get(id(variable)) or str(variable.name).split(":")[0], variable) for inner, variable in captured
    }


def _variable(name: str, like: tf.Variable) -> Any:
    return tf.compat.v1.get_variable(
        name,
        shape=like.shape,
        dtype=like.dtype,
        initializer=tf.compat.v1.zeros_initializer(),  # No value in the graph: the values live in the checkpoint.
        trainable=like.trainable,
        use_resource=True,
    )


def _without_placeholders(graph: tf.Graph, mapping: Mapping[str, Any]) -> Any:
    """The graph less what `mapping` puts in its place: imported, these nodes would stand about unused."""
    definition = graph.as_graph_def()
    replaced = {name.split(":")[0] for name in mapping}
    kept = [node for node in definition.node if node.name not in replaced]
    del definition.node[:]
    definition.node.extend(kept)
    return definition


def _assign(session: Any, graph: tf.Graph, values: Mapping[str, Any]) -> None:
    variables = {variable.op.name: variable for variable in graph.get_collection("variables")}
    for name, value in values.items():
        variables[name].load(value, session)
