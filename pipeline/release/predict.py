"""`mobilenet predict`: what a model says of pictures; a .tflite file with ai-edge-litert and without TensorFlow."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from components.sources import class_names
from pipeline.release import model as predicting_model
from pipeline.release import pictures
from pipeline.release.model import Opened
from pipeline.release.pictures import Given, PredictError
from pipeline.terminal import silence
from trainer.pictures.limits import MAX_PIXELS
from trainer.tflite import classifier
from trainer.tflite.classifier import Guess

__all__ = ["BATCH", "Guess", "PredictError", "Prediction", "as_json", "predict", "table"]

BATCH = 64  # Pictures decoded at a time.
NAMED = 20  # Bad pictures that are named.


@dataclass(frozen=True)
class Prediction:
    """A picture's most probable classes, the first first; of one that cannot be read, why."""

    image: str
    guesses: tuple[Guess, ...]
    fault: str = ""


def predict(model: Path, images: Sequence[Given], *, top: int, max_pixels: int = MAX_PIXELS) -> list[Prediction]:
    """The `top` most probable classes of each picture; equal probabilities go by the class's index.

    Args:
      model: a release bundle, a .tflite file or a SavedModel: see predicting_model.open_model.
      images: JPEG, PNG, GIF, BMP or WebP files, checked as ingestion checks them.
      max_pixels: of a picture; larger ones are refused.

    Raises:
      PredictError: no model, or no picture that can be read.
      BundleError, TFLiteError, ModelError: see open_model.
    """
    predictions = list(each(opened(model), images, top=top, max_pixels=max_pixels))
    check_some(predictions)
    return predictions


def opened(model: Path) -> Opened:
    """See open_model; what TensorFlow Lite says of itself is not for the user."""
    with silence.native_words_held_back():
        return predicting_model.open_model(model)


def each(model: Opened, images: Sequence[Given], *, top: int, max_pixels: int = MAX_PIXELS) -> Iterator[Prediction]:
    """The same as they come, a batch at a time; where all are bad, that is not an error yet.

    Raises:
      PredictError: `top` is no number of classes.
    """
    if top < 1:
        raise PredictError(f"--top is {top}, wanted at least 1.")
    decoding = {"resolution": model.resolution, "how": model.preprocessing, "max_pixels": max_pixels}
    for start in range(0, len(images), BATCH):
        with silence.native_words_held_back():
            predictions = _of_batch(model, images[start : start + BATCH], top, decoding)
        yield from predictions


def check_some(predictions: Sequence[Prediction]) -> None:
    """Raises PredictError where no picture could be read."""
    if predictions and all(prediction.fault for prediction in predictions):
        faults = [f"{printable(prediction.image)}: {prediction.fault}" for prediction in predictions]
        raise PredictError(f"none of {len(faults)} pictures can be read:\n  " + "\n  ".join(faults[:NAMED]))


def _of_batch(opened: Opened, batch: Sequence[Given], top: int, decoding: Mapping[str, Any]) -> list[Prediction]:
    decoded = pictures.decode_each(batch, **decoding)
    good = [each for each in decoded if not isinstance(each, str)]
    probabilities = iter(opened.probabilities(np.stack(good)) if good else ())
    return [
        Prediction(given.name, (), found)
        if isinstance(found, str)
        else Prediction(given.name, tuple(classifier.guesses(next(probabilities), opened.labels, top)))
        for given, found in zip(batch, decoded, strict=True)
    ]


def faults(predictions: Sequence[Prediction]) -> str:
    """What is said of pictures that cannot be read; nothing where all can."""
    bad = [f"{printable(prediction.image)}: {prediction.fault}" for prediction in predictions if prediction.fault]
    if not bad:
        return ""
    more = [f"and {len(bad) - NAMED:,} more"] if len(bad) > NAMED else []
    said = "\n  ".join([*bad[:NAMED], *more])
    return f"{len(bad):,} of {len(predictions):,} pictures cannot be read:\n  {said}"


def as_json(predictions: Sequence[Prediction]) -> str:
    """A list of pictures, each with its classes; one that cannot be read has none, and an error."""
    listed = [
        {
            "image": prediction.image,
            "classes": [dataclasses.asdict(guess) for guess in prediction.guesses],
            **({"error": prediction.fault} if prediction.fault else {}),
        }
        for prediction in predictions
    ]
    return json.dumps(listed, indent=2)


def table(predictions: Sequence[Prediction]) -> Table:
    """For people: a row for each guess, the picture's name before its first."""
    shown = Table("Picture", "Class", "Probability", box=None)
    for column in shown.columns[:2]:
        column.overflow = "fold"  # Whole, on as many lines as a narrow terminal takes.
    shown.columns[2].justify = "right"
    for prediction in predictions:
        for place, guess in enumerate(prediction.guesses):
            name = printable(prediction.image) if place == 0 else ""
            style = "bold" if place == 0 else ""
            shown.add_row(Text(name), Text(printable(guess.label), style), Text(f"{guess.probability:.1%}", style))
    return shown


def printable(text: str) -> str:
    """Names come from files: a control character in one must not reach the terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if class_names.fault(character) else character for character in text)
