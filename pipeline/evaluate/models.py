"""What `mobilenet evaluate` is given, [NAME=]PATH, as models that the evaluation loads."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.conversion.artifact import INT8, SERVING
from components.evaluation import classifiers
from components.evaluation.classifiers import Model, ModelError
from components.release import bundle, versions
from trainer import export
from trainer.network.variant import Variant
from trainer.pictures import record
from trainer.pictures.limits import Orientation
from trainer.slim import imported_model, released_archive
from trainer.tflite import classifier, metadata
from trainer.tflite.graph import TFLiteError

_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<path>.+)")


@dataclass(frozen=True)
class Chosen:
    """One model, and what its outputs are called; no labels where it does not say."""

    model: Model
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What the models do not say of themselves.

    Args:
      variant: of TF1 checkpoints.
      raw: a checkpoint's weights themselves and not their moving averages.
      central_fraction: of each side of the pictures; None: what each model says, else the reference's.
      unsaid: the rest of the preprocessing, for models that say nothing of it: see unsaid.py.
    """

    variant: Variant | None = None
    raw: bool = False
    central_fraction: float | None = None
    unsaid: Mapping[str, Any] = field(default_factory=dict)


def choose(arguments: Sequence[str], options: Options, *, scratch: Path) -> list[Chosen]:
    """Each argument's model, in order; a TF1 checkpoint is imported into the folder `scratch`.

    Raises:
      ModelError: no model there, or two of one name.
      CheckpointError, ArchiveError, BundleError, TFLiteError: see there.
    """
    found: list[Chosen] = []
    for argument in arguments:
        match = _NAMED.fullmatch(argument)
        path = Path(match["path"] if match and not os.path.exists(argument) else argument)
        path = Path(str(versions.resolve(path)))
        name = match["name"] if match and not os.path.exists(argument) else _name(path)
        found.append(_choose(name, path.absolute(), options, scratch))
    names = [chosen.model.name for chosen in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelError(f"two models are called {', '.join(twice)}: give them names, as in int8=PATH float=PATH.")
    return found


def orientation(chosen: Sequence[Chosen]) -> Orientation:
    """What all models want done with EXIF's orientation of pictures in folders.

    Raises:
      ModelError: they differ.
    """
    wanted = {each.model.name: classifiers.record_of(each.model).exif_orientation for each in chosen}
    if len(set(wanted.values())) > 1:
        listed = ", ".join(f"{name} {said}" for name, said in wanted.items())
        raise ModelError(f"the models want EXIF's orientation in different ways ({listed}): evaluate them apart.")
    return next(iter(wanted.values()))


def with_order(chosen: Sequence[Chosen], labels: Sequence[str]) -> list[Chosen]:
    """Each model's outputs in the order of the data's labels, by name, where the model has names.

    Raises:
      ModelError: a model's names are not the data's, with the background or without it.
    """
    return [_with_order(each, list(labels)) if each.labels and labels else each for each in chosen]


def _with_order(chosen: Chosen, labels: list[str]) -> Chosen:
    wanted = labels if len(chosen.labels) >= len(labels) else labels[1:]
    if list(chosen.labels) == wanted:
        return chosen
    places = {name: place for place, name in enumerate(chosen.labels)}
    if len(places) == len(chosen.labels) and places.keys() == set(wanted) and len(set(wanted)) == len(wanted):
        order = tuple(places[name] for name in wanted)
        return replace(chosen, model=replace(chosen.model, order=order))
    pairs = list(itertools.zip_longest(chosen.labels, wanted))
    place = next(place for place, (model, data) in enumerate(pairs) if model != data)
    model, data = (repr(name) if name is not None else "missing" for name in pairs[place])
    raise ModelError(
        f"{chosen.model.name} has {len(chosen.labels)} outputs and the data {len(labels)} classes, the background "
        f"included: output {place} is {model} in the model and {data} in the data. Evaluate it on pictures of the "
        "classes that it was trained on."
    )


def _name(path: Path) -> str:
    """The file's or folder's, with the one above it where it says nothing alone."""
    path = path.absolute()
    if path.name == SERVING:
        path = path.parent
    if path.name.isdigit():  # A bundle's version, or an artifact's execution.
        return f"{path.parent.name}-{path.name}"
    if path.name == "saved_model":
        return f"{_name(path.parent)}-saved_model"
    return re.sub(r"[^\w.-]", "_", path.name)


def _choose(name: str, path: Path, options: Options, scratch: Path) -> Chosen:
    said = _info(path)  # What a release says of the files in it.
    given = {"central_fraction": options.central_fraction, "unsaid": options.unsaid, "said": _released(said, path)}
    if _is_checkpoint(path):
        variant = options.variant or (Variant.parse(said["variant"]) if said else None)
        imported_model.import_model(imported_model.Source(path, variant, raw=options.raw), scratch / name)
        return Chosen(Model(name, str(scratch / name), **given))  # Its labels are made up.
    path = _file(path, said)
    if not path.exists():
        raise ModelError(f"{path} does not exist.")
    model = Model(name, str(path), **given)
    if path.is_file():
        return Chosen(model, _tflite_labels(path))
    if (path / INT8).is_file():
        return Chosen(model, _tflite_labels(path / INT8))
    assets = path / "assets" / "labels.txt"
    return Chosen(model, tuple(export.labels(str(path))) if assets.is_file() else ())


def _is_checkpoint(path: Path) -> bool:
    if released_archive.is_archive(path):
        return path.is_file()
    return path.with_name(f"{path.name}.index").is_file()


def _info(path: Path) -> dict[str, Any]:
    """info.json of the release that `path` is or lies in; {} elsewhere."""
    folder = next((each for each in (path, path.parent) if (each / bundle.MANIFEST).is_file()), None)
    return bundle.read_info(folder) if folder else {}


def _released(said: dict[str, Any], path: Path) -> dict[str, Any]:
    """But for mean and deviation, which each file of a bundle says of its own edges."""
    found = record.fields(said.get("preprocessing", {}), f"{path}: {bundle.INFO}")
    return {name: value for name, value in found.items() if name not in ("mean", "std")}


def _file(path: Path, said: dict[str, Any]) -> Path:
    """What is run of a release's or an artifact's folder: the int8 file, the model under it."""
    if said and (path / bundle.MANIFEST).is_file():
        file = f"{said['name']}_int8.tflite"
        bundle.read_file(path, file)  # As its manifest has it, or an error.
        return path / file
    return path / SERVING if (path / SERVING).is_dir() else path


def _tflite_labels(path: Path) -> tuple[str, ...]:
    try:
        return tuple(metadata.read_labels(classifier.read_file(path)))
    except TFLiteError:
        return ()
