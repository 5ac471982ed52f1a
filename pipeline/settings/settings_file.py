"""Reads a settings file: every fault in it at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter

from pipeline.settings import faults
from pipeline.settings.cluster import KubeflowSettings, VertexSettings
from pipeline.settings.error import SettingsError
from pipeline.settings.faults import Fault
from pipeline.settings.local import Settings
from trainer import outside_file
from trainer.file_format import KEY, FileFormat, FormatError

FORMAT = FileFormat("settings file")
EXTEND = "extend"  # Another settings file, whose fields hold where this one says nothing.
LARGEST = 256 << 10  # Bytes.
MOST_VALUES = 10_000  # With aliases written out: a few lines of YAML can stand for billions.
TARGETS = {"local": Settings, "vertex": VertexSettings, "kubeflow": KubeflowSettings}

_Place = tuple[str, ...]


def load(path: Path) -> VertexSettings | KubeflowSettings | Settings:
    """The settings in a file, of the kind that its `target` names.

    Raises:
      SettingsError: the file cannot be read, or `FILE:LINE: path.to.field: got X, wanted Y` for every fault in it.
    """
    read = _read(path, ())
    found = _faults(read.raw)
    if read.twice or found:
        located = read.twice + [(_where(read.places, tuple(map(str, fault.path)), path), fault) for fault in found]
        ordered = sorted(located, key=lambda each: (each[0].file != path, *each[0], tuple(map(str, each[1].path))))
        raise SettingsError("\n".join(f"{where.file}:{where.line}: {fault}" for where, fault in ordered))
    return TypeAdapter(TARGETS[read.raw["target"]]).validate_python(read.raw)


class _Where(NamedTuple):
    file: Path
    line: int


class _Read(NamedTuple):
    """What a file says, with what it extends under it."""

    raw: Any
    places: dict[_Place, _Where]
    twice: list[tuple[_Where, Fault]]


def _read(path: Path, around: tuple[Path, ...]) -> _Read:
    if path.resolve() in around:
        raise SettingsError(f"{path} extends itself, by way of {around[-1]}. Take `{EXTEND}` out of one of them.")
    root = _compose(path)
    # Before the values are made of it, which would keep the last of two and merge what `<<` brings.
    twice = [(_Where(path, line), fault) for line, fault in _twice(root)]
    try:
        raw = yaml.constructor.SafeConstructor().construct_document(root)
    except (yaml.YAMLError, ValueError) as error:  # The latter from 2024-13-45, which YAML takes for a day.
        raise SettingsError(f"{path} cannot be read: {error}. See settings/ for examples.") from error
    places = {place: _Where(path, line) for place, line in _lines(root)}
    if not isinstance(raw, dict):
        return _Read(raw, places, twice)
    _check_format(raw, path)
    base = raw.pop(EXTEND, None)
    if base is None:
        return _Read(raw, places, twice)
    if not isinstance(base, str):
        raise SettingsError(
            f"{path}: {EXTEND} is {base!r}, wanted the name of another settings file, from this one's folder."
        )
    under = _read(path.parent / Path(base).expanduser(), (*around, path.resolve()))
    if not isinstance(under.raw, dict):
        raise SettingsError(f"{path}: {EXTEND} is {base!r}, which holds {faults.shown(under.raw)}, wanted a mapping.")
    return _Read(_merged(under.raw, raw), under.places | places, under.twice + twice)


def _merged(under: Any, over: Any) -> Any:
    """Mappings field by field; of anything else what stands over."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    both = {name: _merged(under[name], over[name]) for name in under.keys() & over.keys()}
    return {**under, **over, **both}


def _check_format(raw: dict[Any, Any], path: Path) -> None:
    """Takes `format` out of the settings, which have no field for it."""
    try:
        FORMAT.checked(raw, path)
    except FormatError as error:
        raise SettingsError(str(error)) from error
    raw.pop(KEY, None)


def _faults(raw: Any) -> list[Fault]:
    targets = f"one of {', '.join(TARGETS)}"
    if not isinstance(raw, dict):
        return [Fault((), faults.shown(raw), f"a mapping with target ({targets}) and more; see settings/")]
    target = raw.get("target")
    if not isinstance(target, str) or target not in TARGETS:
        return [Fault(("target",), faults.shown(target), targets)]
    return faults.faults(TARGETS[target], raw)


def _compose(path: Path) -> yaml.Node:
    try:
        with outside_file.opened(path) as (file, size):
            if size > LARGEST:
                raise SettingsError(f"{path} has {size:,} bytes, wanted at most {LARGEST:,}.")
            root = yaml.compose(outside_file.bounded(file, LARGEST, path).decode(), yaml.SafeLoader)
        values = _size(root, {}) if root else 0
    except (OSError, UnicodeDecodeError, yaml.YAMLError, outside_file.OutsideFileError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. See settings/ for examples.") from error
    except RecursionError as error:
        raise SettingsError(f"{path} is nested too deeply, or an alias stands for what holds it.") from error
    if root is None:
        raise SettingsError(f"{path} is empty. See settings/ for examples.")
    if values > MOST_VALUES:
        raise SettingsError(f"{path} holds {values:,} values with its aliases, wanted at most {MOST_VALUES:,}.")
    return root


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """The values in a node, with aliases written out; each is counted once, so that the count itself is quick."""
    if id(node) not in known:
        children = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        scalar = isinstance(node, yaml.ScalarNode)
        known[id(node)] = 1 + (0 if scalar else sum(_size(child, known) for child in children))
    return known[id(node)]


def _twice(node: yaml.Node, path: _Place = ()) -> Iterator[tuple[int, Fault]]:
    """Names that one mapping has twice: YAML forbids it, and its readers take the last in silence."""
    seen: dict[str, int] = {}
    for key, line, child in _children(node):
        if key in seen and key != "<<":
            yield line, Fault((*path, key), f"it again (line {seen[key]} has it too)", "it once")
        seen[key] = line
        yield from _twice(child, (*path, key))


def _lines(node: yaml.Node, path: _Place = ()) -> Iterator[tuple[_Place, int]]:
    """The line of every field and item, from 1."""
    for key, line, child in _children(node):
        yield (*path, key), line
        yield from _lines(child, (*path, key))


def _children(node: yaml.Node) -> Iterator[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield str(index), value.start_mark.line + 1, value


def _where(places: dict[_Place, _Where], place: _Place, path: Path) -> _Where:
    """Of the field, or of what should have had it."""
    while place and place not in places:
        place = place[:-1]
    return places.get(place, _Where(path, 1))
