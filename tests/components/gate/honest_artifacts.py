"""All that AccuracyGate takes, honestly made in a minute: tinted pictures ingested, two trainings, files, counts.

The bundled pictures are grey, and a file that takes blue for red is as right on them; here the hue tells the class.
"""

import colorsys
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from PIL import Image
from tfx_bsl.public import tfxio

from components.conversion import tflite_converter
from components.conversion.agreement import Tolerance
from components.evaluation import tfma_module as evaluations
from components.evaluation.classifiers import Model
from components.evaluation.extractor import predict_extractor
from components.evaluation.scores import CANDIDATE, Evaluation, of_two
from components.evaluation.slices import Slicer
from components.gate.provenance_records import Parts
from components.ingestion import ingest
from pipeline.eval_config import eval_config
from trainer import input_pipeline, task
from trainer.recipe import Recipe
from trainer.recipes import tiny

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
VARIANT, CODE = "0.25_32", "c" * 64
EACH = {"train": 60, "eval": 50}  # Pictures of each of the ten classes.
FLOAT = dataclasses.replace(tiny.FLOAT, epochs=8, batch_size=20)
QAT = dataclasses.replace(tiny.QAT, epochs=1, batch_size=20)
TOLERANCE = Tolerance()


def make(folder: Path) -> Parts:
    """The artifacts under `folder`, in examples/, float/, qat/ and tflite/."""
    _tint(folder / "pictures")
    ingest.ingest(str(folder / "pictures"), str(folder / "examples"), make_pipeline=beam.Pipeline)
    train(folder / "examples", folder / "float", FLOAT)
    train(folder / "examples", folder / "qat", QAT, base_model=folder / "float")
    convert(folder / "examples", folder / "float", folder / "qat", folder / "tflite")
    measured = evaluate(folder / "examples", folder / "float", {CANDIDATE: folder / "tflite"}, folder / "evaluation")
    return Parts(
        folder / "examples", folder / "tflite", folder / "float", folder / "qat", of_model(measured, CANDIDATE)
    )


def train(examples: Path, serving_dir: Path, recipe: Recipe, *, base_model: Path | None = None) -> None:
    """As TFX's Trainer calls it."""
    node = serving_dir.with_name(f"{serving_dir.name}-node")
    fn_args: Any = SimpleNamespace(
        custom_config={"recipe": recipe.as_dict(), "variant": VARIANT, "code": CODE},
        train_files=[str(examples / "Split-train" / "*")],
        eval_files=[str(examples / "Split-eval" / "*")],
        base_model=str(base_model) if base_model else None,
        model_run_dir=str(node / "model_run" / "7"),
        serving_model_dir=str(serving_dir),
    )
    task.run_fn(fn_args)


def convert(examples: Path, float_model: Path, qat_model: Path, destination: Path) -> None:
    """As TFLiteConverter does."""
    files = [str(examples / "Split-eval" / "*")]
    tflite_converter.convert(str(float_model), str(qat_model), files, destination, tolerance=TOLERANCE)


def evaluate(examples: Path, float_model: Path, files: Mapping[str, Path], output: Path) -> Evaluation:
    """The Evaluator's extractor and metrics, on any number of files at once against one float model."""
    models = [Model(name, str(path)) for name, path in {"baseline": float_model, **files}.items()]
    config = eval_config(code="test", models=[model.name for model in models], baseline="baseline", slices=())
    reader = tfxio.TFExampleRecord(
        file_pattern=[str(examples / "Split-eval" / "*")], telemetry_descriptors=["tests", "sabotage"]
    )
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | "Read" >> reader.BeamSource()
            | "Evaluate"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_config=config,
                eval_shared_model=[evaluations.custom_eval_shared_model(m.path, m.name, config) for m in models],
                extractors=[predict_extractor(models, slicer=Slicer(evaluations.slice_features(config)))],
                output_path=str(output),
            )
        )
    return evaluations.read(str(output))


def of_model(measured: Evaluation, name: str) -> Evaluation:
    """One file of several against the float model, as the pipeline's Evaluator gives it."""
    overall = measured.overall
    return of_two(overall.scores[name], overall.scores["baseline"], overall.pairs[name])


def change_json(path: Path, *keys: str, value: Any = None) -> None:
    """Sets one value of a file; None takes it out."""
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    if value is None:
        del inner[keys[-1]]
    path.write_text(json.dumps(content))


def images(examples: Path, count: int) -> np.ndarray:
    """Some of the eval split as the models see it: float32 [count, 32, 32, 3]."""
    files = [str(examples / "Split-eval" / "*")]
    batches = input_pipeline.eval_dataset(files, resolution=32, central_fraction=1.0, batch_size=count)
    return next(batches.as_numpy_iterator())[0]


def _tint(folder: Path) -> None:
    """Grey pictures → the same in the hue of their class, as JPEGs."""
    for split, count in EACH.items():
        for number, of_class in enumerate(sorted((SAMPLE / split).iterdir())):
            (folder / split / of_class.name).mkdir(parents=True)
            color = np.array(colorsys.hsv_to_rgb(number / 10, 0.9, 1.0))
            for path in sorted(of_class.iterdir())[:count]:
                grey = np.asarray(Image.open(path).convert("L"), np.float64)[..., np.newaxis]
                tinted = ((80 + 175 * grey / 255) * color).round().astype(np.uint8)
                Image.fromarray(tinted).save(folder / split / of_class.name / path.name, quality=95)
