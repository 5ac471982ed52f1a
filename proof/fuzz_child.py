"""The child of fuzz.py: hands bytes to one of our parsers. A refusal of ours is an answer, all else is a finding."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.containers import tar, tf_example, tfrecord
from components.data_error import DataError
from components.release import bundle
from components.release.bundle import BundleError
from components.sources import manifest
from components.sources.boxes import csv_file, xml_files
from components.sources.imagenet import devkit
from trainer import imagenet, limited_process
from trainer.pictures.check import Refused, normalise
from trainer.tflite import child, metadata
from trainer.tflite.graph import TFLiteError

OWN = (DataError, Refused, BundleError, TFLiteError)  # The product's own refusals.
_SCRATCH = Path(tempfile.mkdtemp(prefix="mobilenet-fuzz-"))
_TFLITE = child.Server()
_PICTURE = memoryview(bytes(12 * 256**2))


def _file(data: bytes, name: str) -> str:
    (_SCRATCH / name).write_bytes(data)
    return str(_SCRATCH / name)


def _tar(data: bytes) -> None:
    with tar.opened(_file(data, "a.tar")) as archive:
        list(tar.members(archive))


def _records(data: bytes) -> None:
    with tfrecord.opened(_file(data, "a.tfrecord")) as file:
        for frame in file.frames():
            tf_example.parts(file, frame, picture=imagenet.ENCODED, wanted=(imagenet.LABEL, imagenet.SYNSET))


def _bundle(name: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        _file(data, name)
        return bundle.read_info(_SCRATCH) if name == bundle.INFO else bundle.verify(_SCRATCH)

    return read


def _tflite(data: bytes) -> None:
    _TFLITE.answer({"do": "load", "threads": 1}, data, memoryview(b""))
    _TFLITE.answer({"do": "run", "count": 1}, b"", _PICTURE)


PARSERS: dict[str, Callable[[bytes], Any]] = {
    "planted crash": lambda _: ctypes.string_at(0),
    "planted hang": lambda _: [None for _ in iter(int, 1)],
    "planted 3 GB": lambda _: bytearray(3 << 30),
    "planted error": lambda _: [][0],
    "tflite": _tflite,
    "labels in a zip": metadata.read_labels,
    "meta.mat": lambda data: devkit.read_meta(data, name="kit"),
    "pictures": normalise,
    "tar": _tar,
    "TFRecord": _records,
    "manifest of pictures": lambda data: list(manifest._rows(_file(data, "metadata.jsonl"))),
    "boxes, XML": lambda data: list(xml_files._boxes(data, "x.xml")),
    "boxes, CSV": lambda data: list(csv_file.read(_file(data, "boxes.csv"))),
    "manifest.json": _bundle(bundle.MANIFEST),
}


def answer(question: dict[str, Any], content: bytes, _: memoryview) -> tuple[dict[str, Any], bytes]:
    """`taken`, `refused`, or `error` with what it is."""
    try:
        PARSERS[question["do"]](content)
    except OWN as error:
        return {"outcome": "refused", "said": str(error)[:200]}, b""
    except MemoryError:
        raise
    except Exception as error:
        return {"outcome": "error", "said": f"{type(error).__name__}: {error}"[:200]}, b""
    return {"outcome": "taken"}, b""


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    limited_process.serve(int(sys.argv[1]), answer, memory=3 << 29)
