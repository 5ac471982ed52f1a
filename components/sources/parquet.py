"""Hugging Face's Parquet files as a source: a column of pictures and one of labels, which the schema's metadata name.

pyarrow reads them. A column is compressed and has no places of its own, so that pictures are unpacked, each once and in
order, into a file beside the shards, which is gone when these are written.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from components.containers import plain_file
from components.data_error import DataError
from components.sources import labelled
from components.sources.class_choice import ALL, Choice
from components.sources.labelled import Row
from components.sources.source import Entry, Source
from trainer import imagenet, outside_file

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_FOLDERS = (".", "data", "default")
_ROWS = 64  # Of pictures, read at a time.


class _Columns(NamedTuple):
    """Where a file's pictures and labels are, and what the labels from 0 on are called."""

    picture: str
    label: str
    names: Sequence[str]


def found(root: Path) -> list[str]:
    """The Parquet files of a folder as `datasets` and the hub lay them out."""
    folders = [folder for folder in _FOLDERS if (root / folder).is_dir()]
    if (root / "default").is_dir():  # The hub's own conversion: default/<split>/0000.parquet.
        folders += [f"default/{each.name}" for each in sorted((root / "default").iterdir()) if each.is_dir()]
    paths = ((folder, entry) for folder in folders for entry in os.scandir(root / folder))
    return sorted(
        os.path.normpath(f"{folder}/{entry.name}") for folder, entry in paths if entry.name.endswith(".parquet")
    )


def files(root: str) -> list[str]:
    """Of which names, sizes and times tell one state of the source from another."""
    return [os.path.join(root, name) for name in found(Path(root))]


def scan(root: str, *, choice: Choice = ALL) -> Source:
    """Lists the pictures; only labels and names are read. `unpack` then gives them places.

    Raises:
        DataError: a file is damaged, or has not one column of pictures and one of labels; or as labelled.source says.
    """
    rows, order = [], ()
    for name in found(Path(root)):
        columns = _columns(os.path.join(root, name))
        if order and columns.names and columns.names != order:
            raise DataError(f"{root}: {name} has other names of labels than the files before it.")
        order = columns.names or order
        rows += _rows(root, name, columns)
    if not rows:
        raise DataError(f"{root}: no rows in its Parquet files. Wanted NAME-00000-of-00001.parquet in it or in data/.")
    return labelled.source(root, rows, choice, order=order)._replace(unpack=unpack)


def unpack(source: Source, folder: Path) -> Source:
    """The source with its pictures in files of the folder, one for each Parquet file, which must exist until ingested.

    Raises:
        DataError: a picture is not in its file, but elsewhere.
    """
    places: dict[tuple[str, int], tuple[str, int, int]] = {}
    wanted: dict[str, set[int]] = {}
    for entry in (entry for entries in source.splits.values() for entry in entries):
        wanted.setdefault(entry.path, set()).add(entry.offset)
    folder.mkdir()
    for number, (path, rows) in enumerate(sorted(wanted.items())):
        target, at = folder / f"{number:05d}", 0
        with target.open("wb") as out:
            for row, content in _pictures(path, rows):
                out.write(content)
                places[path, row] = (str(target), at, len(content))
                at += len(content)
    return source._replace(
        splits={split: [_placed(entry, places) for entry in entries] for split, entries in source.splits.items()}
    )


def _placed(entry: Entry, places: Mapping[tuple[str, int], tuple[str, int, int]]) -> Entry:
    path, offset, size = places[entry.path, entry.offset]
    return entry._replace(path=path, offset=offset, size=size)


def _opened(path: str) -> "pq.ParquetFile":
    import pyarrow as pa  # Where there is Parquet alone: it takes a second to import.
    import pyarrow.parquet as pq

    try:
        with plain_file.opened(path, wanted="a Parquet file"):
            return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}. Copy or download it again.") from error


def _columns(path: str) -> _Columns:
    with _opened(path) as file:
        schema = file.schema_arrow
    features = _features(schema.metadata or {})
    pictures = [name for name in schema.names if _is_picture(schema, features, name)]
    labels = [name for name, said in features.items() if said.get("_type") == "ClassLabel" and name in schema.names]
    if len(labels) != 1:
        labels = [name for name in ("label", "labels", "class") if name in schema.names][:1]
    if len(pictures) != 1 or not labels:
        raise DataError(
            f"{path} has the columns {', '.join(schema.names)}; wanted one of pictures (bytes and path) and one of "
            "labels, called label or declared as a ClassLabel in the schema's metadata `huggingface`."
        )
    return _Columns(pictures[0], labels[0], tuple(features.get(labels[0], {}).get("names", ())))


def _features(metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    try:
        return outside_file.parse_json(metadata[b"huggingface"], "huggingface")["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}


def _is_picture(schema: "pa.Schema", features: Mapping[str, Any], name: str) -> bool:
    import pyarrow as pa

    kind = schema.field(name).type
    holds_bytes = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    holds_bytes = holds_bytes and kind.get_field_index("path") >= 0
    return holds_bytes and features.get(name, {}).get("_type", "Image") == "Image"


def _split(name: str) -> str:
    """Of the file's name up to its number, or of its folder; train where neither says."""
    words = re.split(r"[-_./]", name.removesuffix(".parquet"))
    return next((split for word in reversed(words) if (split := labelled.split_of(word))), imagenet.TRAIN)


def _rows(root: str, name: str, columns: _Columns) -> Iterator[Row]:
    path, split, start = os.path.join(root, name), _split(name), 0
    wanted = [columns.label, f"{columns.picture}.path"]
    with _opened(path) as file:
        for batch in file.iter_batches(columns=wanted, batch_size=10_000):
            labels = batch.column(columns.label).to_pylist()
            paths = [(each or {}).get("path") for each in batch.column(columns.picture).to_pylist()]
            for place, (label, called) in enumerate(zip(labels, paths, strict=True), start=start):
                made_up = f"{Path(name).stem}-{place:07d}"
                yield Row(
                    split, _named(path, place, label, columns), os.path.basename(called or "") or made_up, path, place
                )
            start += len(labels)


def _named(path: str, place: int, label: object, columns: _Columns) -> str:
    if isinstance(label, int) and 0 <= label < len(columns.names):
        return str(columns.names[label])
    if label is None or (columns.names and isinstance(label, int)):
        raise DataError(f"{path}, row {place:,}: the label is {label}; wanted 0 to {len(columns.names) - 1}.")
    return str(label)


def _pictures(path: str, rows: set[int]) -> Iterator[tuple[int, bytes]]:
    column, start = _columns(path).picture, 0
    with _opened(path) as file:
        for batch in file.iter_batches(columns=[f"{column}.bytes"], batch_size=_ROWS):
            for place, value in enumerate(batch.column(column).field("bytes"), start=start):
                if place in rows:
                    if (content := value.as_py()) is None:
                        raise DataError(
                            f"{path}, row {place:,}: the picture lies elsewhere, not in the file. "
                            "Write it as push_to_hub does, with datasets.table.embed_table_storage."
                        )
                    yield place, content
            start += len(batch)
