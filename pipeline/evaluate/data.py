"""The pictures of `mobilenet evaluate` as TFRecord shards, with the names of their classes; and the classes' groups."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.data_error import DataError
from components.sources import record_files
from trainer.imagenet import EVAL, LABELS_FILE, REPORT_FILE, REPORT_FORMAT
from trainer.pictures import record
from trainer.pictures.limits import RECORDED, TURNED, Orientation


@dataclass(frozen=True)
class Examples:
    """Shards, and what their classes are called, the background first; no labels where nobody says."""

    files: list[str]
    labels: tuple[str, ...] = ()
    orientation: Orientation | None = None  # What ingestion did with EXIF's, where its report is there...
    oriented: int = 0  # ...and with how many pictures: the others are upright either way.


def find(data: Path, labels: tuple[str, ...] = ()) -> Examples | None:
    """The shards in an Examples artifact (its eval split), in a folder, or one file; None where there are none.

    Args:
      labels: of the models, for shards without a labels.txt beside them or in the folder above.
    """
    files = _shards(data)
    if not files:
        return None
    return Examples(files, _labels(data) or _labels(data.parent) or labels, *_orientation(data))


def check_orientation(examples: Examples, wanted: Orientation) -> None:
    """Raises DataError where ingestion turned pictures that the models want as they are, or left such as they are."""
    if examples.orientation not in (None, wanted) and examples.oriented:
        raise DataError(
            f"the Examples have EXIF's orientation {examples.orientation}, and the models want it {wanted}: "
            f"{examples.oriented:,} pictures differ. Ingest again with --exif-orientation {wanted}, or give the folder "
            "of pictures."
        )


def read_groups(path: Path, labels: Sequence[str]) -> Mapping[int, str]:
    """A CSV file of class,group → label → group; a header `class,group` may stand above.

    Raises:
      DataError: a line that is something else, or a class that the data does not have.
    """
    places = {name: place for place, name in enumerate(labels)}
    groups: dict[int, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or (number == 1 and row == ["class", "group"]):
                continue
            if len(row) != 2 or row[0] not in places:
                raise DataError(
                    f"{path}, line {number}: got {','.join(row)!r}, wanted class,group with one of the data's "
                    f"{len(places)} classes, such as {next(iter(labels[1:]), '(none known)')!r}."
                )
            groups[places[row[0]]] = row[1]
    return groups


def _shards(data: Path) -> list[str]:
    if data.is_file():
        return [str(data)]
    folder = data / f"Split-{EVAL}" if (data / f"Split-{EVAL}").is_dir() else data
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(str(path) for path in there if record_files.is_shard(path.name) and path.is_file())


def _orientation(data: Path) -> tuple[Orientation | None, int]:
    """As the report beside the shards says, or that of the folder above."""
    file = next((folder / REPORT_FILE for folder in (data, data.parent) if (folder / REPORT_FILE).is_file()), None)
    if file is None:
        return None, 0
    report = REPORT_FORMAT.read(file)
    said = record.of(report.get("preprocessing", {}), file).exif_orientation
    splits = report.get("splits", {}).values()
    if said == RECORDED:
        return said, sum(split.get("oriented", 0) for split in splits)
    reasons = [item for split in splits for item in split.get("converted_by_reason", {}).items()]
    return said, sum(count for reason, count in reasons if TURNED in reason)


def _labels(folder: Path) -> tuple[str, ...]:
    file = folder / LABELS_FILE
    return tuple(file.read_text(encoding="utf-8").splitlines()) if file.is_file() else ()
