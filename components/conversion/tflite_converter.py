"""TFLiteConverter: the float model and the fake-quantized one → .tflite files that were checked before they appear."""

import dataclasses
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model

from components.conversion import agreement, artifact, model_pair
from components.conversion.agreement import Tolerance
from components.conversion.artifact import CONVERSION, CONVERSION_FORMAT, EDGES, FLOAT, INT8, SERVING, UINT8
from components.conversion.digests import weights_sha256
from components.conversion.promises import ConversionError, check
from trainer import export, input_pipeline, tflite
from trainer.keras import keras
from trainer.tflite import metadata
from trainer.whole import whole_folder

PICTURES = 500  # Of the eval split, on which files and models are compared.

_BATCH = 50


@component
def TFLiteConverter(
    examples: InputArtifact[Examples],
    float_model: InputArtifact[Model],
    qat_model: InputArtifact[Model],
    tflite: OutputArtifact[Model],
    mean_steps: Parameter[float] = agreement.MEAN_STEPS,
    noise_ratio: Parameter[float] = agreement.NOISE_RATIO,
    top1: Parameter[float] = agreement.TOP1,
    code: Parameter[str] = "",
) -> None:
    """Converts both models, checks the files operator by operator and on eval pictures, and writes them."""
    models = {"float": os.path.join(float_model.uri, SERVING), "qat": os.path.join(qat_model.uri, SERVING)}
    files = [os.path.join(examples.uri, "Split-eval", "*")]
    tolerance = Tolerance(mean_steps=mean_steps, noise_ratio=noise_ratio, top1=top1)
    convert(models["float"], models["qat"], files, Path(tflite.uri, SERVING), tolerance=tolerance)
    tflite.set_string_custom_property("code", code)


def convert(
    float_dir: str, qat_dir: str, eval_files: Sequence[str], destination: Path, *, tolerance: Tolerance
) -> dict[str, Any]:
    """Writes tflite, float.tflite, uint8.tflite and conversion.json into `destination`, all or nothing.

    Args:
      float_dir: the float model's Format-Serving.
      qat_dir: the fake-quantized model's.
      eval_files: TFRecord shards, or glob patterns of them.

    Returns:
      What conversion.json holds.

    Raises:
      ConversionError: an operator is not int8, or a file's answers are not its model's; all faults at once.
    """
    float_model, described = export.load_keras(float_dir)
    qat_model, qat_described = export.load_keras(qat_dir)
    if fault := model_pair.fault(float_model=described, qat_model=qat_described):
        raise ConversionError(fault)
    models = {INT8: qat_model, FLOAT: float_model, UINT8: qat_model}
    labels = export.labels(qat_dir)
    files = {name: _file(models[name], name, qat_described, labels) for name in EDGES}
    images = eval_pictures(eval_files, qat_described)
    content = {
        "variant": qat_described.variant.name,
        "labels": len(labels),
        "models": {kind: weights_sha256(Path(folder)) for kind, folder in (("float", float_dir), ("qat", qat_dir))},
        "preprocessing": {  # The rest of the record is in the files themselves.
            "resolution": qat_described.resolution,
            "central_fraction": qat_described.central_fraction,
        },
        "files": {name: artifact.described(file) for name, file in files.items()},
        "agreement": check(files, float_model, qat_model, images, tolerance=tolerance).as_dict(),
        "tolerance": dataclasses.asdict(tolerance),
    }
    report = CONVERSION_FORMAT.stamped(content)
    write({**files, CONVERSION: (json.dumps(report, indent=2, sort_keys=True) + "\n").encode()}, destination)
    return report


def eval_pictures(files: Sequence[str], description: export.Description) -> np.ndarray:
    """The first PICTURES of the eval split, as the model sees them: float32 [n, R, R, 3]."""
    batches = input_pipeline.eval_dataset(
        files,
        resolution=description.resolution,
        central_fraction=description.central_fraction,
        batch_size=_BATCH,
    )
    images = [images for images, _ in itertools.islice(batches.as_numpy_iterator(), PICTURES // _BATCH)]
    if not images:
        raise ConversionError(
            f"no pictures in {', '.join(files)}: wanted at least one to compare the file with its model."
        )
    return np.concatenate(images)


def write(files: Mapping[str, bytes], destination: Path) -> None:
    """Writes the files into the folder `destination`, all or none."""
    with whole_folder(destination) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)


def _file(model: keras.Model, name: str, description: export.Description, labels: Sequence[str]) -> bytes:
    kind = "float32" if name == FLOAT else f"int8, {EDGES[name]} input and output"
    text = f"Picture classifier, {len(labels)} classes with the background first; {kind}."
    file = tflite.convert(model, edges=EDGES[name])
    return metadata.add_metadata(
        file,
        labels=labels,
        name=f"MobileNetV1 {description.variant.name}",
        description=text,
        preprocessing=description.preprocessing,
    )
