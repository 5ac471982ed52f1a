"""TFLite Model Metadata: what a client must know to feed the file, and its labels, inside the file itself.

A flatbuffer of tflite-support's metadata_schema.fbs (identifier M001, schema 1.1.0) in the model's buffer
TFLITE_METADATA, and a zip with labels.txt behind the model's last byte. Field numbers below are that schema's.
"""

from __future__ import annotations

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from trainer import label_lines
from trainer.pictures.record import MIDDLE, Preprocessing
from trainer.tflite.graph import Graph, TFLiteError, pack, parse, read_graph

LABELS = "labels.txt"
BUFFER = b"TFLITE_METADATA"
PREPROCESSING = b"mobilenet.preprocessing"  # Our own buffer, JSON: that schema has no field for a crop.
IDENTIFIER = b"M001"
MEAN = STD = MIDDLE  # (pixel - mean) / std: 0…255 → [-1, 1].
VERSION = "1"
MAX_LABELS_BYTES = 64 << 20
# What zipfile and its decompressors raise of archives that are damaged, encrypted or packed in another way.
ZIP_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, LookupError, OSError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip

_PARSER_VERSION = "1.0.0"  # The oldest that knows every field used here.
_RGB = 1  # ColorSpaceType.
_IMAGE_PROPERTIES = 2  # In the union ContentProperties.
_NORMALIZATION = 1  # In the union ProcessUnitOptions.
_TENSOR_AXIS_LABELS = 2  # AssociatedFileType.
_EPOCH = (1980, 1, 1, 0, 0, 0)  # Zip's first day: the same input gives the same bytes.

Field = Callable[[flatbuffers.Builder, int], None]


def add_metadata(
    file: bytes,
    *,
    labels: Sequence[str],
    name: str,
    description: str,
    central_fraction: float | None = None,
    preprocessing: Preprocessing | None = None,
) -> bytes:
    """The .tflite file with metadata and labels inside, in place of any that it had.

    Args:
      labels: one for each output, the background first.
      name: of the model.
      description: of the model, for people.
      central_fraction: of each side of a picture, what the model was evaluated on; None: not said.
      preprocessing: all that is done to a picture, in place of the crop alone. Mean and deviation stand in the schema's
        own metadata, where every client looks for them.
    """
    graph = read_graph(file)
    _check_labels(labels, graph.classes)
    model = parse(file)
    contents = {BUFFER: _metadata(graph, name=name, description=description)}
    if told := _told(central_fraction, preprocessing):
        contents[PREPROCESSING] = json.dumps(told).encode()
    model.metadata = [entry for entry in model.metadata or [] if entry.name not in (BUFFER, PREPROCESSING)]
    for key, content in contents.items():
        data = np.frombuffer(content, np.uint8)
        model.buffers.append(schema.BufferT(data=data))  # pyright: ignore[reportArgumentType] - an array is a vector.
        model.metadata.append(schema.MetadataT(name=key.decode(), buffer=len(model.buffers) - 1))
    return _with_labels(pack(model), labels)


def _told(central_fraction: float | None, preprocessing: Preprocessing | None) -> dict[str, Any]:
    if preprocessing is None:
        return {} if central_fraction is None else {"central_fraction": central_fraction}
    return {name: value for name, value in preprocessing.as_dict().items() if name not in ("mean", "std")}


def has_labels(file: bytes) -> bool:
    """Whether a zip with a file of labels lies behind the model."""
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            return bool(_label_files(archive))
    except ZIP_DAMAGE:
        return False


def read_preprocessing(file: bytes) -> dict[str, Any]:
    """What add_metadata wrote of the preprocessing, but for mean and deviation; {} where the file does not say.

    Raises:
      TFLiteError: no JSON object.
    """
    content = _buffer(file, PREPROCESSING)
    if content is None:
        return {}
    try:
        return dict(json.loads(content).items())
    except (ValueError, AttributeError, RecursionError) as error:
        raise TFLiteError(f"{PREPROCESSING.decode()} in the .tflite file cannot be read ({error!r}).") from error


def _buffer(file: bytes, name: bytes) -> bytes | None:
    model = parse(file)
    places = [entry.buffer for entry in model.metadata or [] if entry.name == name]
    if not places or not 0 <= places[0] < len(model.buffers) or model.buffers[places[0]].data is None:
        return None
    return np.asarray(model.buffers[places[0]].data, np.uint8).tobytes()


def is_as_written(file: bytes) -> bool:
    """Whether add_metadata wrote every byte: each of its buffers once, one label file, nothing beside or behind it.

    Readers differ in which of two label files or buffers they take, so that such a file is another one for each.

    Raises:
      TFLiteError: no labels in the file, or no .tflite file.
    """
    model, labels = parse(file), read_labels(file)
    names = [entry.name for entry in model.metadata or []]
    once = names.count(BUFFER) == 1 and names.count(PREPROCESSING) <= 1
    return once and _with_labels(pack(model), labels) == file


def read_labels(file: bytes, classes: int | None = None) -> list[str]:
    """The labels inside the file, in the order of its outputs.

    Args:
      classes: how many outputs there are, which tells the labels among several files that others put in.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            found = [label_lines.read(_content(archive, name)) for name in _label_files(archive)]
    except TFLiteError:
        raise
    except ZIP_DAMAGE as error:
        raise TFLiteError(f"no {LABELS} in the .tflite file ({error}): was it written by add_metadata?") from error
    if not found:
        raise TFLiteError(
            f"no {LABELS} in the .tflite file, nor another file of labels: was it written by add_metadata?"
        )
    return next((labels for labels in found if len(labels) == classes), found[0])


def _label_files(archive: zipfile.ZipFile) -> list[str]:
    """Ours; else all texts, those that call themselves labels first."""
    names = archive.namelist()
    texts = sorted(
        (name for name in names if name.lower().endswith(".txt")), key=lambda n: ("label" not in n.lower(), n)
    )
    return [LABELS] if LABELS in names else texts


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > MAX_LABELS_BYTES:
        raise TFLiteError(f"{name} in the file has {size} bytes, wanted at most {MAX_LABELS_BYTES}.")
    return archive.read(name)


def _check_labels(labels: Sequence[str], classes: int) -> None:
    if len(labels) != classes:
        raise TFLiteError(f"got {len(labels)} labels for {classes} outputs, wanted one each, the background included.")
    broken = [label for label in labels if label.splitlines() != [label]]
    if broken:
        raise TFLiteError(f"labels must be single lines that are not empty, got {broken[:5]!r}.")


def _with_labels(model: bytes, labels: Sequence[str]) -> bytes:
    whole = io.BytesIO(model)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:  # Behind the model, offsets from the file's start.
        archive.writestr(zipfile.ZipInfo(LABELS, _EPOCH), "".join(f"{label}\n" for label in labels))
    return whole.getvalue()


def _metadata(graph: Graph, *, name: str, description: str) -> bytes:
    builder = flatbuffers.Builder(1024)
    image = _tables(builder, [_image_tensor(builder, graph)])
    scores = _tables(builder, [_score_tensor(builder, graph)])
    subgraph = _tables(builder, [_table(builder, 7, {2: _offset(image), 3: _offset(scores)})])
    texts = {0: name, 1: description, 2: VERSION, 7: _PARSER_VERSION}
    fields = {slot: _offset(builder.CreateString(text)) for slot, text in texts.items()}
    builder.Finish(_table(builder, 8, {**fields, 3: _offset(subgraph)}), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _image_tensor(builder: flatbuffers.Builder, graph: Graph) -> int:
    size = _table(builder, 2, {0: _uint32(graph.resolution), 1: _uint32(graph.resolution)})
    properties = _table(builder, 2, {0: _byte(_RGB), 1: _offset(size)})
    content = _table(builder, 2, {0: _byte(_IMAGE_PROPERTIES), 1: _offset(properties)})
    options = _table(builder, 2, {0: _offset(_floats(builder, MEAN)), 1: _offset(_floats(builder, STD))})
    units = _tables(builder, [_table(builder, 2, {0: _byte(_NORMALIZATION), 1: _offset(options)})])
    fields = {3: content, 4: units, 5: _stats(builder, graph.input.type, low=-1.0)}
    text = f"RGB picture of {graph.resolution}x{graph.resolution} pixels, (pixel - {MEAN}) / {STD}."
    return _tensor(builder, "image", text, fields)


def _score_tensor(builder: flatbuffers.Builder, graph: Graph) -> int:
    names = {0: LABELS, 1: "The name of each class, in the order of the outputs."}
    texts = {slot: _offset(builder.CreateString(text)) for slot, text in names.items()}
    file = _table(builder, 4, {**texts, 2: _byte(_TENSOR_AXIS_LABELS)})
    content = _table(builder, 2, {0: _byte(1), 1: _offset(_table(builder, 0, {}))})  # FeatureProperties.
    fields = {3: content, 5: _stats(builder, graph.output.type, low=0.0), 6: _tables(builder, [file])}
    return _tensor(builder, "probability", "Probability of each class.", fields)


def _tensor(builder: flatbuffers.Builder, name: str, description: str, fields: dict[int, int]) -> int:
    texts = {0: builder.CreateString(name), 1: builder.CreateString(description)}
    return _table(builder, 7, {slot: _offset(value) for slot, value in {**texts, **fields}.items()})


def _stats(builder: flatbuffers.Builder, kind: str, *, low: float) -> int:
    """The tensor's extremes: of its integers where it is quantized."""
    limits = (low, 1.0) if kind == "FLOAT32" else (np.iinfo(kind.lower()).min, np.iinfo(kind.lower()).max)
    return _table(builder, 2, {0: _offset(_floats(builder, limits[1])), 1: _offset(_floats(builder, limits[0]))})


def _table(builder: flatbuffers.Builder, slots: int, fields: dict[int, Field]) -> int:
    builder.StartObject(slots)
    for slot, write in fields.items():
        write(builder, slot)
    return builder.EndObject()


def _tables(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _floats(builder: flatbuffers.Builder, value: float) -> int:
    return builder.CreateNumpyVector(np.array([value], np.float32))


def _offset(target: int) -> Field:
    return lambda builder, slot: builder.PrependUOffsetTRelativeSlot(slot, target, 0)


def _byte(value: int) -> Field:
    return lambda builder, slot: builder.PrependUint8Slot(slot, value, 0)


def _uint32(value: int) -> Field:
    return lambda builder, slot: builder.PrependUint32Slot(slot, value, 0)
