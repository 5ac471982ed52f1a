"""A TF1 checkpoint, or a release's archive, as a model folder such as the trainers write; all of it or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer import export
from trainer.digest import sha256_file
from trainer.export import Description
from trainer.imagenet import BACKGROUND, CENTRAL_FRACTION
from trainer.keras import keras
from trainer.network.variant import Variant
from trainer.pictures import record
from trainer.pictures.record import Preprocessing
from trainer.slim import checkpoint, released_archive
from trainer.whole import output_folder

_ONE_FILE = re.compile(r"(?P<prefix>.+)\.(index|meta|data-\d{5}-of-\d{5})")
_RELEASE = re.compile(r"mobilenet_v1_(?P<variant>\d+(?:\.\d+)?_\d+)(?!\d)")


@dataclass(frozen=True)
class Source:
    """What to import, and how.

    Args:
      path: a checkpoint's prefix, or an archive with one in it.
      variant: whose shapes the variables must have. None: their own width, at the resolution of a release's file name.
      raw: the weights themselves and not their moving averages.
      central_fraction: of each side, of the pictures that it will be evaluated on.
      code: digest of the source that imports, for the description.
      ingested: what was done to the pictures that it will be evaluated on, as trainer.pictures.record reads it.
    """

    path: Path
    variant: Variant | None = None
    raw: bool = False
    central_fraction: float = CENTRAL_FRACTION
    code: str | None = None
    ingested: Mapping[str, Any] = field(default_factory=dict)


def import_model(source: Source, serving_dir: Path, labels: Sequence[str] | None = None) -> Description:
    """Writes the model folder, which must not exist; → what it says of itself.

    Args:
      labels: the outputs' names, the background first. None: `background`, `class_1`, …

    Raises:
      CheckpointError, ArchiveError: see there.
      ValueError: no resolution, or another number of labels than of outputs.
      FileExistsError: the folder is there.
    """
    if serving_dir.exists():
        raise FileExistsError(f"{serving_dir} is there already: give a folder that does not exist yet, or remove it.")
    with _prefix(source.path) as prefix:
        variant, classes = _variant(source, prefix), checkpoint.read_classes(prefix)
        names = _labels(labels, classes)
        model = checkpoint.import_tf1(
            prefix, width=variant.width, resolution=variant.resolution, classes=classes, use_ema=not source.raw
        )
        description = _description(source, prefix, variant, classes)
        ranges = checkpoint.read_ranges(prefix)
    _write(serving_dir, model, description, names, ranges)
    return description


def read_classes(path: Path) -> int:
    """The number of outputs, the background included.

    Raises:
      CheckpointError, ArchiveError: see there.
    """
    with _prefix(path) as prefix:
        return checkpoint.read_classes(prefix)


def source_digest(path: Path) -> str:
    """SHA-256 of what is imported: of the archive, or over the checkpoint's files."""
    if not released_archive.is_archive(path):
        return checkpoint.digest(_without_ending(path))
    return sha256_file(path)


@contextlib.contextmanager
def _prefix(path: Path) -> Iterator[Path]:
    if not released_archive.is_archive(path):
        yield _without_ending(path)
        return
    with released_archive.checkpoint_in(path) as prefix:
        yield prefix


def _without_ending(path: Path) -> Path:
    """The prefix of a checkpoint of which one file is named, as a shell completes it."""
    match = _ONE_FILE.fullmatch(path.name)
    return path.with_name(match["prefix"]) if match and path.is_file() else path


def _variant(source: Source, prefix: Path) -> Variant:
    if source.variant:
        return source.variant
    width = checkpoint.read_width(prefix)
    return Variant(width, _named(source.path, prefix).resolution)


def _named(*paths: Path) -> Variant:
    """The variant that a release's file name tells."""
    for path in paths:
        if match := _RELEASE.search(path.name):
            return Variant.parse(match["variant"])
    raise ValueError(
        f"no resolution: {paths[0]} tells none by its name, as mobilenet_v1_1.0_224.tgz does, and its variables fit "
        "any. Give --variant WIDTH_RESOLUTION, such as 1.0_224."
    )


def _description(source: Source, prefix: Path, variant: Variant, classes: int) -> Description:
    averaged = checkpoint.has_averages(prefix) and not source.raw
    said = record.fields(source.ingested, "the examples' report")
    return Description(
        width=variant.width, resolution=variant.resolution, classes=classes,
        central_fraction=source.central_fraction, quantized=False, steps=checkpoint.read_steps(prefix),
        recipe={"name": "imported", "source": source.path.name, "weights": "moving averages" if averaged else "raw"},
        digests={"data": None, "code": source.code, "recipe": None, "base_model": source_digest(source.path)},
        preprocessing=Preprocessing(**{**said, "central_fraction": source.central_fraction}),
    )  # fmt: skip


def _labels(labels: Sequence[str] | None, classes: int) -> Sequence[str]:
    if labels is None:
        return [BACKGROUND, *(f"class_{label}" for label in range(1, classes))]
    if len(labels) != classes or labels[0] != BACKGROUND:
        raise ValueError(
            f"the checkpoint has {classes} classes, {BACKGROUND!r} first; the labels are {len(labels)} and start with "
            f"{list(labels[:1])}. Give the classes that it was trained on; "
            "a run trains it further for others with --init-checkpoint."
        )
    return labels


def _write(
    serving_dir: Path,
    model: keras.Model,
    description: Description,
    labels: Sequence[str],
    ranges: dict[str, tuple[float, float]],
) -> None:
    with output_folder(serving_dir) as made:
        export.export(os.fspath(made), model, description, labels)
        if ranges:
            file = made / export.KERAS / export.RANGES_FILE
            file.write_text(json.dumps(ranges, indent=2) + "\n", encoding="utf-8")
