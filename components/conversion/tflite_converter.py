"""TFLiteConverter: the float model and the fake-quantized one → .tflite files that were checked before they appear."""

import dataclasses
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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

_BATCH, _BATCH_BYTES = 50, 16_000_000


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
    pictures = EvalPictures(eval_files, qat_described)
    content = {
        "variant": qat_described.variant.name,
        "labels": len(labels),
        "models": {kind: weights_sha256(Path(folder)) for kind, folder in (("float", float_dir), ("qat", qat_dir))},
        "preprocessing": {  # The rest of the record is in the files themselves.
            "resolution": qat_described.resolution,
            "central_fraction": qat_described.central_fraction,
        },
        "files": {name: artifact.described(file) for name, file in files.items()},
        "agreement": check(files, float_model, qat_model, pictures, tolerance=tolerance).as_dict(),
        "tolerance": dataclasses.asdict(tolerance),
    }
    report = CONVERSION_FORMAT.stamped(content)
    write({**files, CONVERSION: (json.dumps(report, indent=2, sort_keys=True) + "\n").encode()}, destination)
    return report


@dataclass(frozen=True)
class EvalPictures:
    """The first PICTURES of the eval split, as the model sees them: float32 [n, R, R, 3], batch after batch.

    They are decoded anew each time one goes through them: held at once, they would take 1.2 GB at 512 pixels.
    """

    files: Sequence[str]
    description: export.Description

    def __iter__(self) -> Iterator[np.ndarray]:
        size = batch_size(self.description.resolution)
        batches = input_pipeline.eval_dataset(
            self.files,
            resolution=self.description.resolution,
            central_fraction=self.description.central_fraction,
            batch_size=size,
        )
        left = PICTURES
        for images, _ in itertools.islice(batches.as_numpy_iterator(), -(-PICTURES // size)):
            yield images[:left]
            left -= len(images)
        if left == PICTURES:
            raise ConversionError(
                f"no pictures in {', '.join(self.files)}: wanted at least one to compare the file with its model."
            )


def batch_size(resolution: int) -> int:
    """As many pictures as take 16 MB, at least one: what a network holds of a batch is a multiple of it."""
    return max(1, min(_BATCH, _BATCH_BYTES // (resolution**2 * 3 * 4)))


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
