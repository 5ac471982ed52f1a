"""`mobilenet import-checkpoint`: the labels' file, and what was made in one sentence."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline import code_digest
from trainer import export
from trainer.network.variant import Variant
from trainer.slim import imported_model


def import_checkpoint(path: Path, output: Path, *, variant: str | None, raw: bool, label_file: Path | None) -> str:
    """Writes the model folder; → what it is.

    Args:
      variant: WIDTH_RESOLUTION; None: see `trainer.slim.imported_model.Source`.
      label_file: a class name on each line, the background first.

    Raises:
      ValueError, OSError: as `trainer.slim.imported_model.import_model` says.
    """
    wanted = Variant.parse(variant) if variant else None
    labels = label_file.read_text(encoding="utf-8").splitlines() if label_file else None
    imported = imported_model.Source(path, wanted, raw=raw, code=code_digest.digest("trainer.slim.imported_model"))
    with _without_advice():
        description = imported_model.import_model(imported, output, labels)
    ranges = export.read_ranges(str(output))
    quantized = f"; the quantization ranges of {len(ranges)} layers" if ranges else ""
    return (
        f"{description.variant.name}, {description.classes} classes, {description.recipe['weights']}, "
        f"{description.steps} steps{quantized}. SHA-256 of the checkpoint {description.digests['base_model']}."
    )


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """TensorFlow would have `resize_bilinear` replaced, the one kernel that gives the reference's pixels."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
