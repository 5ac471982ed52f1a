"""Which slices a picture belongs to: its size, whether ingestion converted it, its group of classes, or any feature.

A slice is what TFMA makes of a SlicingSpec's `feature_keys`: (feature, value) for each of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trainer.imagenet import HEIGHT, LABEL, NOTE, WIDTH

PICTURE_SIZE = "picture_size"  # Features that are made here of those in the examples.
DECODE_NOTE = "decode_note"
CLASS_GROUP = "class_group"

_SIZES = (64, 128, 256, 512, 1024)  # Pixels of the longer side: where one slice ends and the next begins.
SIZE_NAMES = (
    f"under {_SIZES[0]} px",
    *(f"{low} to {high - 1} px" for low, high in itertools.pairwise(_SIZES)),
    f"from {_SIZES[-1]} px",
)
NO_GROUP = "no group"
UNKNOWN = "unknown"

SliceKey = tuple[tuple[str, str], ...]


class FeatureError(ValueError):
    """An example lacks a feature, or has several values of it."""


@dataclass(frozen=True)
class Slicer:
    """Args:
    specs: each the features of one SlicingSpec; an empty one is all pictures.
    groups: class (label) → its group; only where CLASS_GROUP is asked for.
    """

    specs: tuple[tuple[str, ...], ...] = ((),)
    groups: Mapping[int, str] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """All that are named, those made here among them."""
        return tuple(sorted({feature for features in self.specs for feature in features}))

    def slices(self, batch: pa.RecordBatch) -> Iterator[tuple[SliceKey, np.ndarray | None]]:
        """Each slice's key and its rows, bool [n]; None for all."""
        for features in self.specs:
            if not features:
                yield (), None
                continue
            columns = np.stack([self._values(batch, feature) for feature in features], axis=1)
            for values in sorted({tuple(row) for row in columns.tolist()}):
                yield tuple(zip(features, values, strict=True)), (columns == values).all(axis=1)

    def _values(self, batch: pa.RecordBatch, feature: str) -> np.ndarray:
        """Str [n]."""
        made: dict[str, Callable[[pa.RecordBatch], Sequence[str]]] = {
            PICTURE_SIZE: _sizes, DECODE_NOTE: _notes, CLASS_GROUP: self._groups,
        }  # fmt: skip
        values = made[feature](batch) if feature in made else [_text(value) for value in column(batch, feature)]
        return np.array(values, object)

    def _groups(self, batch: pa.RecordBatch) -> list[str]:
        groups = self.groups or {}
        return [groups.get(int(label), NO_GROUP) for label in column(batch, LABEL)]


def column(batch: pa.RecordBatch, feature: str) -> np.ndarray:
    """A feature that each example has exactly one value of: [n].

    Raises:
      FeatureError: where that is not so.
    """
    place = batch.schema.get_field_index(feature)
    if place < 0 or pa.types.is_null(batch.column(place).type):
        raise FeatureError(f"no example has the feature {feature}: wanted exactly one value of it in each.")
    values = batch.column(place)
    if values.null_count or not (values.value_lengths().to_numpy() == 1).all():
        raise FeatureError(f"some examples have no or several values of {feature}: wanted exactly one in each.")
    return values.flatten().to_numpy(zero_copy_only=False)


def has(batch: pa.RecordBatch, feature: str) -> bool:
    """Whether any example has it: other people's TFRecords may lack what the models do not need."""
    return batch.schema.get_field_index(feature) >= 0


def _sizes(batch: pa.RecordBatch) -> list[str]:
    if not (has(batch, HEIGHT) and has(batch, WIDTH)):
        return [UNKNOWN] * batch.num_rows
    longer = np.maximum(column(batch, HEIGHT), column(batch, WIDTH))
    return [SIZE_NAMES[place] for place in np.searchsorted(_SIZES, longer, side="right")]


def _notes(batch: pa.RecordBatch) -> list[str]:
    if not has(batch, NOTE):
        return [UNKNOWN] * batch.num_rows
    return ["converted" if note else "as it was" for note in column(batch, NOTE)]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
