"""A table of pictures as a source: CSV or JSON Lines with path, label and, if it says so, split.

`metadata.csv` and `metadata.jsonl`, with `file_name`, are what Hugging Face's ImageFolder reads.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from components.containers import plain_file
from components.data_error import DataError
from components.sources import labelled, picture_files
from components.sources.class_choice import ALL, Choice
from components.sources.classes import listed
from components.sources.labelled import Row
from components.sources.source import Source
from trainer import imagenet, outside_file

NAMES = tuple(f"{stem}.{suffix}" for stem in ("manifest", "metadata") for suffix in ("csv", "jsonl"))
_COLUMNS = {
    "path": ("path", "file_name", "filename", "file", "image"),
    "label": ("label", "class", "class_name"),
    "split": ("split", "subset"),
}
_WANTED = "Wanted the columns path and label, and split if there are splits; the paths from the table's folder on"


def found(root: Path) -> list[str]:
    """The tables that lie in a folder under one of their names."""
    return [name for name in NAMES if (root / name).is_file()]


def path(root: str) -> str:
    """The table of a source.

    Raises:
        DataError: there is none, or there are several.
    """
    names = found(Path(root))
    if len(names) != 1:
        raise DataError(f"{root}: {listed(names) or 'no table'}; wanted one of {', '.join(NAMES)}. {_WANTED}.")
    return os.path.join(root, names[0])


def scan(root: str, *, choice: Choice = ALL, links: Sequence[str] = ()) -> Source:
    """Lists the pictures of the table. Without splits all are for training.

    Raises:
        DataError: no table, a line without a path or label, a path that leads elsewhere or to no file, an unknown
            split; or as labelled.source says.
    """
    roots = [os.path.realpath(each) for each in (root, *links)]
    rows = list(_rows(path(root)))
    for row in rows:
        real = os.path.realpath(row.path)
        if not picture_files.is_inside(real, roots):
            raise DataError(
                f"{path(root)}: {row.path} is {real}, outside {' and '.join(roots)}. Move it in, or allow it with "
                f"--follow-links {os.path.dirname(real)}."
            )
    if gone := [row.path for row in rows if not os.path.isfile(row.path)]:
        raise DataError(f"{path(root)} names {len(gone):,} files that are not there: {listed(gone, 5)}.")
    if twice := sorted(file for file, count in Counter(row.path for row in rows).items() if count > 1):
        raise DataError(f"{path(root)} names {listed(twice, 5)} several times. Wanted each picture once.")
    return labelled.source(root, rows, choice)


def _rows(table: str) -> Iterator[Row]:
    folder = os.path.dirname(table)
    lines = _csv(table) if table.endswith(".csv") else _json_lines(table)
    for where, values in lines:
        file, label, split = (_value(values, column) for column in _COLUMNS)
        if not file or not label:
            raise DataError(f"{where}: got {dict(values)!r}. {_WANTED}.")
        taken = labelled.split_of(split) if split else imagenet.TRAIN
        if taken is None:
            raise DataError(f"{where}: the split is {split!r}; wanted train, validation or test.")
        yield Row(taken, label, file, os.path.normpath(os.path.join(folder, file)))


def _value(values: Mapping[str, object], column: str) -> str:
    found = next((values[name] for name in _COLUMNS[column] if values.get(name) not in (None, "")), "")
    return str(found)


def _csv(table: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        for values in (reader := csv.DictReader(plain_file.lines(table, wanted="a manifest of pictures"))):
            yield f"{table}, line {reader.line_num}", {str(name).strip(): value for name, value in values.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read: {error}. {_WANTED}.") from error


def _json_lines(table: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        for number, line in enumerate(plain_file.lines(table, wanted="a manifest of pictures"), start=1):
            if line.strip():
                values = outside_file.parse_json(line.encode(), f"line {number}")
                if not isinstance(values, dict):
                    raise DataError(f"{table}, line {number}: got {line[:80]!r}. {_WANTED}.")
                yield f"{table}, line {number}", values
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{table} cannot be read: {error}. {_WANTED}.") from error
