"""What a model card says: read off info.json and the evaluation, so that a card cannot say what was not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.intervals import Interval, drop_interval
from components.evaluation.scores import BASELINE, CANDIDATE, Evaluation, Scores, Slice
from components.release import software
from trainer.pictures.limits import APPLIED, RECORDED

_WEAKEST = 5  # Classes that are named among the limits.
_MODELS = {CANDIDATE: "int8", BASELINE: "float"}
_ORIENTATIONS = {
    RECORDED: "Pictures are taken as they are stored, whatever their EXIF orientation says",
    APPLIED: "Pictures are turned as their EXIF orientation says before anything else",
}
_KINDS = {
    "int8": "the file that was measured: int8 in and out",
    "uint8": "the same network with uint8 in and out, as MediaPipe and Android's libraries want it",
    "float32": "the float model, for comparison and for where there is no int8 arithmetic",
}


def of(info: Mapping[str, Any], evaluation: Evaluation, labels: Sequence[str]) -> dict[str, Any]:
    """For the templates: texts and rows of texts; nothing in it is escaped yet.

    Args:
      info: what info.json will hold.
      labels: one for each output, the background first.
    """
    digests = info["digests"]
    return {
        "info": info,
        "variant": info["variant"],
        "resolution": info["resolution"],
        "macs": f"{info['macs']:,}",
        "parameters": f"{info['parameters']:,}",
        "orientation": _ORIENTATIONS[info["preprocessing"].get("exif_orientation", RECORDED)],
        "crop": f"{100 * info['preprocessing']['central_fraction']:g} %",
        "labels": list(labels[1:]),
        "pictures": f"{evaluation.candidate.pictures:,}",
        "files": _files(info["files"]),
        "results": _results(evaluation),
        "difference": _difference(evaluation),
        "slices": [_slice(each) for each in evaluation.slices],
        "weakest": _weakest(evaluation.candidate, labels),
        "recipes": [_recipe(kind, info) for kind in ("float", "quantized")],
        "data": digests["float"].get("data") or "not recorded",
        "digests": [(kind, key, value) for kind in ("float", "quantized") for key, value in digests[kind].items()],
        "software": [(name, version) for name, version in software.versions().items()],
    }


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _files(files: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(name, f"{said['bytes']:,}", _KINDS[said["input"]["type"]]) for name, said in sorted(files.items())]


def _results(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rows = []
    for name, shown in _MODELS.items():
        scores = evaluation.overall.scores[name]
        top1 = percent(scores.top1), _range(scores.top1_interval)
        rows.append((shown, *top1, percent(scores.top5), _range(scores.top5_interval)))
    return rows


def _difference(evaluation: Evaluation) -> str | None:
    """A sentence on the same pictures in both models; None where they were not paired."""
    pairs = evaluation.pairs
    if not pairs.pictures:
        return None
    only_float, only_int8 = int(pairs.only_baseline.sum()), int(pairs.only_candidate.sum())
    interval = drop_interval(only_baseline=only_float, only_candidate=only_int8, pictures=pairs.pictures)
    gain, low, high = 100 * (only_int8 - only_float) / pairs.pictures, -100 * interval.high, -100 * interval.low
    return (
        f"Only the float model is right on {only_float:,} of the pictures, only the int8 file on {only_int8:,}: the "
        f"int8 file's top-1 less the float model's is {gain:+.1f} points (95 %: {low:+.1f} to {high:+.1f})."
    )


def _slice(each: Slice) -> tuple[str, ...]:
    scores = {name: each.scores[name] for name in _MODELS}
    shares = [text for one in scores.values() for text in (percent(one.top1), _range(one.top1_interval))]
    return each.feature, each.value, f"{scores[CANDIDATE].pictures:,}", *shares


def _weakest(scores: Scores, labels: Sequence[str]) -> list[tuple[str, str, str]]:
    """The classes that the int8 file finds least often, with how many pictures of each there were."""
    counts = scores.confusion.sum(axis=1)
    order = np.argsort(np.nan_to_num(scores.recall, nan=2.0), kind="stable")
    chosen = [int(index) for index in order if counts[index]][:_WEAKEST]
    return [(labels[index], percent(float(scores.recall[index])), f"{int(counts[index]):,}") for index in chosen]


def _recipe(kind: str, info: Mapping[str, Any]) -> dict[str, Any]:
    recipe = info["recipes"][kind]
    started = "another model's weights" if info["digests"][kind].get("base_model") else "random weights"
    return {
        "kind": kind,
        "name": str(recipe.get("name", "not named")),
        "steps": f"{info['steps'][kind]:,}",
        "started": started,
        "seed": recipe.get("seed", "not recorded"),
    }
