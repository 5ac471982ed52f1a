"""What AccuracyGate says of a file's fitness, in plain sentences, each with what to do."""

from __future__ import annotations

from typing import Any

from components.gate.reasons import percent, points
from trainer.listing import first_of

Numbers = dict[str, Any]  # As fitness.judge() puts them into verdict.json.

_NAMED_CLASSES = 5  # In the reason; verdict.json has them all.


def faults(numbers: Numbers) -> list[str]:
    """One sentence for each thing that speaks against a blessing; none is a blessing."""
    return [*_batch_norm(numbers), *_chance(numbers), *_unfound(numbers), *_calibration(numbers)]


def notes(numbers: Numbers) -> list[str]:
    """What is told without blocking."""
    training = numbers["training"]
    if training is None or training["overfit_lower_bound"] <= training["overfit_told"]:
        return []
    return [
        f"Top-1 is {percent(training['file_top1'])} on training pictures and {percent(numbers['top1'])} on the others: "
        "it learned its pictures by heart, or the others are of another kind. More pictures or stronger augmentation "
        "help; so does looking at both."
    ]


def praise(numbers: Numbers) -> str:
    """One sentence for evidence without faults."""
    largest, training, calibration = numbers["largest_class"], numbers["training"], numbers["calibration"]
    said = [
        f"top-1 {percent(numbers['top1'])} is shown to be above the {percent(largest['share'])} of the largest class",
        "no class is never found" if not numbers["unfound"]["classes"] else "no more classes are lost than may be",
    ]
    if training:
        said.append(
            f"on {training['pictures']} training pictures the file gets {percent(training['file_top1'])}, its network "
            f"with the batch's statistics {percent(training['batch_statistics_top1'])}"
        )
    if calibration:
        said.append(f"the calibration error is {points(calibration['error'])}")
    return f"{'; '.join(said)}."


def _batch_norm(numbers: Numbers) -> list[str]:
    training = numbers["training"]
    if training is None or training["drop_lower_bound"] <= training["margin"]:
        return []
    return [
        f"The network is right in training mode and wrong in inference: on {training['pictures']} pictures that it was "
        f"trained on the file gets {percent(training['file_top1'])}, and its network with the batch's statistics "
        f"{percent(training['batch_statistics_top1'])}. Batch norm's averages lag behind the weights, as they do after "
        "few steps. Train with --recipe auto, which estimates them anew, or for more steps, or with a lower "
        "bn_momentum."
    ]


def _chance(numbers: Numbers) -> list[str]:
    largest = numbers["largest_class"]
    if largest["gain_lower_bound"] > 0:
        return []
    return [
        f"The file is not shown to know more than its largest class: top-1 {percent(numbers['top1'])} on "
        f"{numbers['pictures']} pictures, and answering {largest['name']!r} every time gives "
        f"{percent(largest['share'])}. Train for more steps or on more pictures; or give more eval pictures."
    ]


def _unfound(numbers: Numbers) -> list[str]:
    unfound = numbers["unfound"]
    classes = unfound["classes"]
    if len(classes) <= unfound["allowed"] * unfound["of"]:
        return []
    told = [
        f"class {c['index']} ({c['name']}): none of its {c['pictures']} pictures, "
        f"{'and never predicted' if not c['predicted'] else 'predicted ' + str(c['predicted']) + ' times'}"
        for c in classes
    ]
    named = first_of(told, _NAMED_CLASSES, separator="; ")
    count = "One class is" if len(classes) == 1 else f"{len(classes)} classes are"
    return [
        f"{count} never found: {named}. Look at the pictures of such a class in both splits, give it more, "
        "or train for longer; --max-lost lets a share of the classes be lost."
    ]


def _calibration(numbers: Numbers) -> list[str]:
    calibration = numbers["calibration"]
    if calibration is None or calibration["error"] <= calibration["allowed"]:
        return []
    way = "too sure" if calibration["confidence"] > numbers["top1"] else "not sure enough"
    return [
        f"The file is {way} of its answers: its mean confidence is {percent(calibration['confidence'])} and its top-1 "
        f"{percent(numbers['top1'])}, a calibration error of {points(calibration['error'])} where "
        f"{points(calibration['allowed'])} are allowed. Train for longer, or with less label smoothing."
    ]
