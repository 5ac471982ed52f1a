"""Embeddings and backbones: the network's own numbers, in files and at sizes that others build upon."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer import export, features, preprocessing, quantization, tflite
from trainer.features import FeaturesError
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.slim import checkpoint

pytestmark = pytest.mark.slow

SIDE = 128
SAMPLE = Path(__file__).parents[2] / "data" / "sample"
IMAGES = np.random.default_rng(3).uniform(-1, 1, (4, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def reference(oracle_checkpoint) -> keras.Model:
    return checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=SIDE, classes=1001)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """120 bundled pictures of six classes: half of them to calibrate with, half to compare on."""
    files = [file for folder in sorted((SAMPLE / "eval").iterdir())[:6] for file in sorted(folder.iterdir())[:20]]
    return np.stack([preprocessing.eval_image(file.read_bytes(), resolution=SIDE).numpy() for file in files])


@pytest.fixture(scope="module")
def pooled(reference, pictures) -> np.ndarray:
    """What the embeddings should be, by another way: the mean of the last feature map."""
    last = keras.Model(reference.input, reference.get_layer("Conv2d_13_pointwise_Relu6").output)
    return last.predict(pictures[1::2], verbose=0).mean((1, 2))


@pytest.fixture(scope="module")
def written(reference, pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("features") / "embeddings"
    features.embeddings(reference, folder, calibration=[pictures[::2]])
    return folder


@pytest.fixture(scope="module")
def runner(written) -> tflite.Runner:
    return tflite.Runner((written / features.INT8_FILE).read_bytes())


def embedded(runner: tflite.Runner, images: np.ndarray) -> np.ndarray:
    return runner.activations(images, [runner.graph.output])[0]


def test_the_saved_model_gives_the_pooled_vector(written, pictures, pooled):
    serve = tf.saved_model.load(str(written / features.SAVED_MODEL)).signatures["serving_default"]
    got = serve(images=tf.constant(pictures[1::2]))["embeddings"].numpy()
    assert got.shape == (60, 256)
    np.testing.assert_allclose(got, pooled, atol=1e-5)


def test_the_int8_file_gives_the_pooled_vector_to_within_what_was_measured(runner, pictures, pooled):
    graph = runner.graph
    assert (graph.input.name, graph.input.type, graph.input.scales) == ("images", "INT8", (1 / 128,))
    assert (graph.output.name, graph.output.type, graph.output.shape[1]) == ("embeddings", "INT8", 256)
    assert (len(graph.output.scales), graph.output.zero_points) == (1, (-128,))
    got = embedded(runner, pictures[1::2])
    cosine = (got * pooled).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(pooled, axis=1)
    assert cosine.min() > 0.998  # 0.99925 was measured.
    assert np.abs(got - pooled).mean() < 2 * graph.output.scales[0]  # 1.5 steps were.


def test_the_int8_file_is_int8_throughout_and_has_lost_its_softmax_alone(runner, written):
    assert tflite.check_int8((written / features.INT8_FILE).read_bytes()) == [
        "the last operator is RESHAPE, wanted SOFTMAX"
    ]
    names = [operator.name for operator in runner.graph.operators]
    assert (names.count("CONV_2D"), names.count("DEPTHWISE_CONV_2D"), names[-2:]) == (14, 13, ["MEAN", "RESHAPE"])


def test_a_trainers_folder_of_a_quantized_model_needs_no_pictures_and_keeps_its_ranges(reference, pictures, tmp_path):
    small = mobilenet_v1.build(width=0.25, resolution=64, classes=1001)
    small.set_weights(reference.get_weights())
    shrunk = pictures[:16, ::2, ::2]
    quantized = quantization.quantize(small, calibration=[shrunk], freeze_bn=True)
    export.export(str(tmp_path / "qat"), quantized, describe(side=64), [f"class {i}" for i in range(1001)])
    features.embeddings(tmp_path / "qat", tmp_path / "embeddings")
    wanted = keras.Model(quantized.input, quantized.get_layer("quant_AvgPool_1a").output).predict(shrunk, verbose=0)
    serve = tf.saved_model.load(str(tmp_path / "embeddings" / features.SAVED_MODEL)).signatures["serving_default"]
    np.testing.assert_allclose(serve(images=tf.constant(shrunk))["embeddings"], wanted[:, 0, 0], atol=1e-5)
    runner = tflite.Runner((tmp_path / "embeddings" / features.INT8_FILE).read_bytes())
    steps = np.abs(embedded(runner, shrunk) - wanted[:, 0, 0]) / runner.graph.output.scales[0]
    assert steps.mean() < 1  # The file against its own emulation.


def test_a_float_model_without_pictures_is_refused_and_nothing_is_written(reference, tmp_path):
    with pytest.raises(FeaturesError, match="the model is float: pass calibration, some batches of pictures"):
        features.embeddings(reference, tmp_path / "embeddings")
    with pytest.raises(FileNotFoundError, match="was not written by this project's trainers"):
        features.embeddings(tmp_path, tmp_path / "embeddings")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_pools_to_a_map_gives_no_embeddings(tmp_path):
    mapped = mobilenet_v1.build(width=0.25, resolution=288, classes=0, global_pool=False)
    with pytest.raises(FeaturesError, match=r"pools to \[None, 2, 2, 256\], wanted \[N, 1, 1, C\]"):
        features.embeddings(mapped, tmp_path / "embeddings")


def test_the_detection_backbone_gives_the_end_points_at_strides_16_and_32(reference, oracle):
    arrays = oracle("logits_0.25_128")
    maps = features.detection_backbone(reference, resolution=SIDE)(arrays["input"])
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        "Conv2d_11_pointwise": (4, 8, 8, 128),
        "Conv2d_13_pointwise": (4, 4, 4, 256),
    }
    np.testing.assert_allclose(maps["Conv2d_13_pointwise"], arrays["ep/Conv2d_13_pointwise"], atol=1e-4)
    eleventh = maps["Conv2d_11_pointwise"].numpy()
    wanted = arrays["sum/Conv2d_11_pointwise"]
    np.testing.assert_allclose([eleventh.mean(), eleventh.std()], wanted, atol=1e-4)


def test_the_detection_backbone_takes_pictures_of_any_size_and_rounds_sides_up(reference):
    maps = features.detection_backbone(reference)(tf.zeros([1, 161, 203, 3]))
    assert [tuple(value.shape[1:3]) for value in maps.values()] == [(11, 13), (6, 7)]


def test_the_segmentation_backbone_gives_the_references_map_at_output_stride_16(reference, oracle):
    arrays = oracle("logits_0.25_128")
    got = features.segmentation_backbone(reference)(arrays["input"])
    assert got.shape == (4, 8, 8, 256)
    np.testing.assert_allclose(got[:1], arrays["var/os16/base"], atol=1e-4)


@pytest.mark.parametrize(("width", "quantized"), [(0.1, False), (0.29, True), (1.3, False)])
def test_the_width_is_read_off_any_model_float_or_quantized_and_its_weights_are_copied(width, quantized):
    model = mobilenet_v1.build(width=width, resolution=32, classes=3)
    source = quantization.quantize(model, calibration=None, freeze_bn=True) if quantized else model
    copied = features.segmentation_backbone(source, resolution=64)
    weighted = [layer for layer in copied.layers if layer.weights]
    assert len(weighted) == 2 * 27
    for layer in weighted:
        for got, wanted in zip(layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_a_detector_upon_the_backbone_can_be_trained_and_quantized(reference):
    backbone = features.detection_backbone(reference, resolution=64)
    boxes = [keras.layers.Conv2D(4, 1, name=f"Boxes_{name}")(value) for name, value in backbone.output.items()]
    detector = keras.Model(backbone.input, boxes)
    quantized = quantization.quantize(detector, calibration=[IMAGES], freeze_bn=True)
    quantized.compile(keras.optimizers.SGD(1e-4), "mse")
    targets = [np.zeros((4, 4, 4, 4), np.float32), np.zeros((4, 2, 2, 4), np.float32)]
    history = quantized.fit(IMAGES, targets, epochs=3, verbose=0).history["loss"]
    assert history[2] < history[1] < history[0]


def describe(*, side: int) -> export.Description:
    return export.Description(
        width=0.25,
        resolution=side,
        classes=1001,
        central_fraction=0.875,
        quantized=True,
        steps=0,
        recipe={"name": "none", "freeze_bn": True},
        digests={},
    )
