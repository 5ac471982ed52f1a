"""Three uses of a trained network beyond its classes: embeddings, a detection backbone, a segmentation backbone.

Each takes a model of `mobilenet_v1.build` (float, or fake-quantized by trainer.quantization) or a trainer's
`Format-Serving` folder. What else is inside comes with `mobilenet_v1.end_points`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainer import export, quantization, tflite
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.conv_defs import BLOCKS
from trainer.network.layer_names import QUANTIZED
from trainer.tflite.graph import pack, parse
from trainer.whole import whole_folder

SAVED_MODEL = "saved_model"
INT8_FILE = "embeddings_int8.tflite"
EMBEDDINGS = "embeddings"
STRIDE_16, STRIDE_32 = "Conv2d_11_pointwise", "Conv2d_13_pointwise"  # The last maps of their sizes.

Source = keras.Model | str | os.PathLike[str]


class FeaturesError(ValueError):
    """A model that gives no such features."""


def embeddings(
    source: Source, folder: str | os.PathLike[str], *, calibration: Iterable[np.ndarray] | None = None
) -> None:
    """Writes what turns a picture into its pooled features, 1024 * width values, as SavedModel and as int8 .tflite.

    `saved_model`: `serving_default` takes `images`, float [N, R, R, 3] in [-1, 1], and gives `embeddings`, float
    [N, 1024 * width]. `embeddings_int8.tflite`: int8 [1, R, R, 3] of scale 1/128, resizable in the batch → int8
    [1, 1024 * width] of one scale. The folder appears whole or not at all.

    Args:
      source: the SavedModel computes as it does, with rounding where it is fake-quantized.
      folder: must not exist, or be empty.
      calibration: batches of pictures as `images`, which set the int8 file's ranges. For a float source, which is
        quantized here; a fake-quantized one brings its own.

    Raises:
      FeaturesError: a float source without calibration, or an int8 file that is not int8 throughout.
    """
    model = _embedding_model(_load(source))
    quantized = model
    if not _is_quantized(model):
        if calibration is None:
            raise FeaturesError("the model is float: pass calibration, some batches of pictures as it was trained on.")
        quantized = quantization.quantize(model, calibration=calibration, freeze_bn=True)
    file = _int8_file(quantized)
    with whole_folder(Path(folder)) as writing:
        _save(model, writing / SAVED_MODEL)
        (writing / INT8_FILE).write_bytes(file)


def detection_backbone(source: Source, *, resolution: int | None = None) -> keras.Model:
    """Float [N, R, R, 3] in [-1, 1] → the maps that SSD-like detectors start from; what follows is the caller's.

    `Conv2d_11_pointwise`, [N, R/16, R/16, 512 * width], and `Conv2d_13_pointwise`, [N, R/32, R/32, 1024 * width], in a
    dict; sides are rounded up.

    Args:
      source: its weights, copied.
      resolution: R, whatever the source was trained at; None takes pictures of any size.
    """
    model = _rebuilt(_load(source), resolution, output_stride=None)
    points = mobilenet_v1.end_points(model)
    return keras.Model(model.input, {name: points[name] for name in (STRIDE_16, STRIDE_32)}, name="Detection")


def segmentation_backbone(source: Source, *, resolution: int | None = None) -> keras.Model:
    """Float [N, R, R, 3] in [-1, 1] → [N, R/16, R/16, 1024 * width]: output stride 16, the last block dilated.

    Arguments as for `detection_backbone`. A .tflite file of it is int8 throughout only where its batch is fixed:
    for any batch the converter leaves the dilated convolution in float.
    """
    model = _rebuilt(_load(source), resolution, output_stride=16)
    return keras.Model(model.input, mobilenet_v1.end_points(model)[STRIDE_32], name="Segmentation")


def _load(source: Source) -> keras.Model:
    return source if isinstance(source, keras.Model) else export.load_keras(os.fspath(source))[0]


def _is_quantized(model: keras.Model) -> bool:
    return any(layer.name.startswith(QUANTIZED) for layer in model.layers)


def _embedding_model(model: keras.Model) -> keras.Model:
    pooled = mobilenet_v1.end_points(model)["AvgPool_1a"]
    if tuple(pooled.shape[1:3]) != (1, 1):
        raise FeaturesError(f"the model pools to {list(pooled.shape)}, wanted [N, 1, 1, C]: build it with global_pool.")
    return keras.Model(model.input, keras.layers.Flatten(name="Embeddings")(pooled), name="Embeddings")


def _int8_file(quantized: keras.Model) -> bytes:
    """Converted and checked as a classifier's file is; then the softmax, its last operator, is taken off."""
    file = tflite.convert(quantized, edges="int8")
    if faults := tflite.check_int8(file):
        raise FeaturesError(f"the .tflite file is not int8 throughout: {'; '.join(faults[:5])}.")
    model = parse(file)
    graph = model.subgraphs[0]
    graph.outputs = graph.operators.pop().inputs
    graph.tensors[graph.outputs[0]].name = EMBEDDINGS
    return pack(model)


def _save(model: keras.Model, folder: Path) -> None:
    module = tf.Module()
    module.weights = model.weights
    signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name=tflite.INPUT)

    @tf.function(autograph=False, input_signature=[signature])
    def embed(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {EMBEDDINGS: model(images, training=False)}

    tf.saved_model.save(module, os.fspath(folder), {"serving_default": embed})


def _rebuilt(source: keras.Model, resolution: int | None, *, output_stride: int | None) -> keras.Model:
    features = mobilenet_v1.end_points(source)[STRIDE_32].shape[-1]
    # Exact although depths are truncated: each of them divides the last one's 1024.
    width = features / BLOCKS[-1][1]
    model = mobilenet_v1.build(width=width, resolution=resolution, classes=0, output_stride=output_stride)
    quantization.copy_float_weights(source, model)
    return model
