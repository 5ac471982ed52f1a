"""A SavedModel as the same bytes every time, whatever its process did before it was saved.

TensorFlow numbers functions and gradients through a process, and puts a random number into fingerprint.pb, which no
reader needs. Here functions are numbered anew in the order in which they were made, and the fingerprint goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

GRAPH, FINGERPRINT = "saved_model.pb", "fingerprint.pb"
_NUMBERED = re.compile(r"(__.+)_(\d+)")
_USER_NAME = "_user_specified_name"  # Of what a function captured: another such number.
_GRADIENT = re.compile(r"((?:Stateful)?PartitionedCall)-(\d+)")


def rewrite(folder: Path) -> None:
    """Rewrites the graph of the SavedModel in `folder` in place."""
    saved = saved_model_pb2.SavedModel.FromString((folder / GRAPH).read_bytes())
    for graph in saved.meta_graphs:
        functions = [function.signature.name for function in graph.graph_def.library.function]
        _rename(graph, _numbering(functions))
        graph.graph_def.library.function.sort(key=lambda function: function.signature.name)
        graph.graph_def.library.gradient.sort(key=lambda gradient: gradient.function_name)
    (folder / GRAPH).write_bytes(saved.SerializeToString(deterministic=True))
    (folder / FINGERPRINT).unlink(missing_ok=True)


def _numbering(functions: list[str]) -> Callable[[str], str]:
    """A name of a function or a gradient → the same with its place instead of its number; others as they are."""
    numbered = [(int(match[2]), name, match[1]) for name in functions if (match := _NUMBERED.fullmatch(name))]
    names = {name: f"{stem}_{place}" for place, (_, name, stem) in enumerate(sorted(numbered))}

    def renamed(text: str) -> str:
        return names.get(text) or _GRADIENT.sub(r"\1", text)

    return renamed


def _rename(message: Message, renamed: Callable[[str], str]) -> None:
    """Every text in a message and in those within it; bytes are attributes that may be texts."""
    for field, value in message.ListFields():
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            _rename_keys(value, renamed)
        elif entry is not None:
            for inner in [value] if isinstance(value, Message) else value:
                _rename(inner, renamed)
        elif isinstance(value, str | bytes):
            setattr(message, field.name, _text(value, renamed))
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            value[:] = [_text(text, renamed) for text in value]


def _rename_keys(entries: MutableMapping[Any, Any], renamed: Callable[[str], str]) -> None:
    """A message's map, its values and its keys."""
    for key in list(entries):
        value = entries[key]
        if key == _USER_NAME and value.s.isdigit():
            value.s = b"captured"
        if isinstance(value, Message):
            _rename(value, renamed)
        if isinstance(key, str) and (new := renamed(key)) != key:
            if isinstance(value, Message):
                entries[new].CopyFrom(value)
            else:
                entries[new] = value
            del entries[key]


def _text(value: str | bytes, renamed: Callable[[str], str]) -> str | bytes:
    if isinstance(value, str):
        return renamed(value)
    try:
        return renamed(value.decode("ascii")).encode()
    except UnicodeDecodeError:
        return value  # Numbers, of a constant.
