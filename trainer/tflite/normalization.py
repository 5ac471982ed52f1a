"""What the metadata inside a .tflite file says of its input's normalisation, read back as any client would read it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from trainer.tflite.graph import TFLiteError, parse
from trainer.tflite.metadata import BUFFER, IDENTIFIER

_MOST = 16  # Entries of any vector: an input of ours has one process unit, with one number for all channels.
_NORMALIZATION = 1  # In the union ProcessUnitOptions.


class Normalization(NamedTuple):
    """(pixel - mean) / std; one number each, or one a channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_normalization(file: bytes) -> Normalization:
    """What the file tells its clients to do with pixels of 0…255.

    Raises:
      TFLiteError: no metadata in it, or no normalisation in that.
    """
    content = _buffer(file)
    if content is None:
        raise TFLiteError("no metadata in the .tflite file: was it written by add_metadata?")
    if found := _read(content):
        return found
    raise TFLiteError("the metadata in the .tflite file names no normalisation: was it written by add_metadata?")


def find_normalization(file: bytes) -> Normalization | None:
    """As read_normalization; None where the file says nothing of it.

    Raises:
      TFLiteError: metadata that is damaged.
    """
    content = _buffer(file)
    return None if content is None else _read(content)


def _read(content: bytes) -> Normalization | None:
    try:
        subgraph = next(_tables(_root(content), 3), None)  # subgraph_metadata.
        image = next(_tables(subgraph, 2), None) if subgraph else None  # input_tensor_metadata.
        for unit in _tables(image, 4) if image else ():  # process_units.
            if _byte(unit, 0) == _NORMALIZATION:
                options = _table(unit, 1)
                return Normalization(_floats(options, 0), _floats(options, 1))
    except (struct.error, IndexError, TypeError, ValueError) as error:
        raise TFLiteError(f"the metadata in the .tflite file is damaged ({error!r}). Convert again.") from error
    return None


def _buffer(file: bytes) -> bytes | None:
    model = parse(file)
    places = [entry.buffer for entry in model.metadata or [] if entry.name == BUFFER]
    if not places or not 0 <= places[0] < len(model.buffers) or model.buffers[places[0]].data is None:
        return None
    content = np.asarray(model.buffers[places[0]].data, np.uint8).tobytes()
    if content[4:8] != IDENTIFIER:
        raise TFLiteError(f"the metadata in the .tflite file is {content[4:8]!r}, wanted {IDENTIFIER!r}.")
    return content


def _root(content: bytes) -> Table:
    return Table(content, struct.unpack_from("<I", content)[0])


def _place(table: Table, slot: int) -> int:
    """Where a field lies; ValueError where the table has none."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        raise ValueError(f"no field {slot}")
    return table.Pos + offset


def _table(table: Table, slot: int) -> Table:
    return Table(table.Bytes, table.Indirect(_place(table, slot)))


def _tables(table: Table, slot: int) -> Iterator[Table]:
    """None of a field that is left out, as a schema's every vector may be."""
    if not table.Offset(4 + 2 * slot):
        return
    place = _place(table, slot) - table.Pos
    start = table.Vector(place)
    for index in range(_length(table, place)):
        yield Table(table.Bytes, table.Indirect(start + 4 * index))


def _floats(table: Table, slot: int) -> tuple[float, ...]:
    place = _place(table, slot) - table.Pos
    return struct.unpack_from(f"<{_length(table, place)}f", table.Bytes, table.Vector(place))


def _length(table: Table, place: int) -> int:
    length = table.VectorLen(place)
    if length > _MOST:
        raise ValueError(f"{length} entries, wanted at most {_MOST}")
    return length


def _byte(table: Table, slot: int) -> int:
    return table.Get(number_types.Uint8Flags, _place(table, slot))
