"""`mobilenet predict`: what a model says of pictures; a .tflite file with ai-edge-litert and without TensorFlow."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pipeline.release import model as predicting_model
from pipeline.release import pictures
from pipeline.release.pictures import Given, PredictError
from trainer.tflite import classifier
from trainer.tflite.classifier import Guess

__all__ = ["BATCH", "Guess", "PredictError", "Prediction", "as_json", "predict", "table"]

BATCH = 64  # Pictures decoded at a time.


@dataclass(frozen=True)
class Prediction:
    """A picture's most probable classes, the first first."""

    image: str
    guesses: tuple[Guess, ...]


def predict(model: Path, images: Sequence[Given], *, top: int) -> list[Prediction]:
    """The `top` most probable classes of each picture; equal probabilities go by the class's index.

    Args:
      model: a release bundle, a .tflite file or a SavedModel: see predicting_model.open_model.
      images: JPEG, PNG, GIF, BMP or WebP files, checked as ingestion checks them.

    Raises:
      PredictError: no model, or bad pictures; all of a batch's are named at once.
      BundleError, TFLiteError, ModelError: see open_model.
    """
    if top < 1:
        raise PredictError(f"top is {top}, wanted at least 1.")
    opened = predicting_model.open_model(model)
    crop = {"resolution": opened.resolution, "central_fraction": opened.central_fraction}
    predictions: list[Prediction] = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        for given, probabilities in zip(batch, opened.probabilities(pictures.decode(batch, **crop)), strict=True):
            guesses = classifier.guesses(probabilities, opened.labels, top)
            predictions.append(Prediction(given.name, tuple(guesses)))
    return predictions


def as_json(predictions: Sequence[Prediction]) -> str:
    """A list of pictures, each with its classes."""
    listed = [
        {"image": prediction.image, "classes": [dataclasses.asdict(guess) for guess in prediction.guesses]}
        for prediction in predictions
    ]
    return json.dumps(listed, indent=2)


def table(predictions: Sequence[Prediction]) -> Table:
    """For people: a row for each guess, the picture's name before its first."""
    shown = Table("Picture", "Class", "Probability", box=None)
    shown.columns[2].justify = "right"
    for prediction in predictions:
        for place, guess in enumerate(prediction.guesses):
            name = _printable(prediction.image) if place == 0 else ""
            style = "bold" if place == 0 else ""
            shown.add_row(Text(name), Text(_printable(guess.label), style), Text(f"{guess.probability:.1%}", style))
    return shown


def _printable(text: str) -> str:
    """Names come from files: a control character in one must not reach the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
