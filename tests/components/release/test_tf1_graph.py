"""The TF1 graphs of the bundle, run in a TF1 session as a client of the reference would."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from components.release import tf1_graph
from trainer import quantization
from trainer.network import mobilenet_v1
from trainer.slim import checkpoint

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(1).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """Random weights, and batch norm statistics that are not the identity."""
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=5)
    rng = np.random.default_rng(2)
    for weight in model.weights:
        if "moving" in weight.name or "gamma" in weight.name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture(scope="module")
def traced(model):
    return tf1_graph.trace(model)


@pytest.fixture(scope="module")
def quantized(model):
    return quantization.quantize(model, calibration=[IMAGES], freeze_bn=True)


@pytest.fixture(scope="module")
def traced_quantized(quantized):
    return tf1_graph.trace(quantized)


def run(definition, names):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        return session.run([f"{name}:0" for name in names], {f"{tf1_graph.INPUT}:0": IMAGES})


def test_the_frozen_graph_gives_the_keras_models_logits_and_probabilities(model, traced):
    definition = tf1_graph.frozen_graph(traced)
    logits, probabilities = run(definition, [tf1_graph.LOGITS, tf1_graph.OUTPUT])
    wanted = model(IMAGES, training=False)
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(probabilities, tf.nn.softmax(wanted), rtol=0, atol=1e-5)


def test_the_frozen_graph_holds_constants_and_the_references_names(traced):
    nodes = {node.name: node.op for node in tf1_graph.frozen_graph(traced).node}
    assert nodes["input"] == "Placeholder"
    assert nodes["MobilenetV1/Predictions/Reshape_1"] == "Reshape"
    assert not {"VarHandleOp", "ReadVariableOp", "VariableV2"} & set(nodes.values())
    assert list(nodes.values()).count("Placeholder") == 1


def test_the_eval_graph_as_text_is_fake_quantized_and_holds_no_weights(traced_quantized):
    graph, _ = tf1_graph.variable_graph(traced_quantized)
    text = text_format.MessageToString(graph.as_graph_def())
    nodes = text_format.Parse(text, tf.compat.v1.GraphDef()).node
    operators = [node.op for node in nodes]
    assert sum(op.startswith("FakeQuantWithMinMaxVars") for op in operators) > 28 * 2
    assert operators.count("VarHandleOp") > 137
    assert len(text) < 2_000_000


def test_the_eval_graph_with_the_models_values_gives_the_quantized_models_logits(quantized, traced_quantized):
    graph, values = tf1_graph.variable_graph(traced_quantized)
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        for variable in graph.get_collection("variables"):
            variable.load(values[variable.op.name], session)
        logits = session.run(f"{tf1_graph.LOGITS}:0", {f"{tf1_graph.INPUT}:0": IMAGES})
    np.testing.assert_allclose(logits, quantized(IMAGES, training=False), rtol=0, atol=1e-5)


def test_the_meta_graph_restores_the_checkpoint_beside_it(model, traced, tmp_path):
    checkpoint.export_tf1(model, tmp_path / "m.ckpt", steps=3)
    tf1_graph.write_meta_graph(traced, tmp_path / "m.ckpt.meta", checkpoint.reference_variables(model))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        saver = tf.compat.v1.train.import_meta_graph(str(tmp_path / "m.ckpt.meta"))
        saver.restore(session, str(tmp_path / "m.ckpt"))
        logits = session.run(f"{tf1_graph.LOGITS}:0", {f"{tf1_graph.INPUT}:0": IMAGES})
        assert session.run("global_step/Read/ReadVariableOp:0") == 3
    np.testing.assert_allclose(logits, model(IMAGES, training=False), rtol=0, atol=1e-5)
