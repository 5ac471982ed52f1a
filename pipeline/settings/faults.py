"""What is wrong with settings, in our words: where, what there is, what was wanted.

Pydantic finds the faults; what was wanted comes from the fields' descriptions, bounds and examples. Rules over several
fields are checked even where some fields are at fault: examples stand in for those.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

Path = tuple[str | int, ...]
_ABSENT = object()
_KEY = "[key]"  # Pydantic's mark for a fault of a name and not of its value.
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument", "invalid_key")
_KINDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list",
}  # fmt: skip
_BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One, at one place."""

    path: Path
    got: str
    wanted: str
    rule: bool = False  # Of several fields, each of them valid.
    needs: Path = ()  # A rule's other field.

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path)) or 'the file'}: got {self.got}, wanted {self.wanted}"


def faults(model: Any, raw: Mapping[str, Any]) -> list[Fault]:
    """Everything wrong with what a file says, in no particular order. Empty: `model` can be made of it."""
    adapter = TypeAdapter(model)
    schema = adapter.json_schema()
    found = _faults(adapter, raw, schema)
    if found and not any(fault.rule for fault in found):  # Where a field is at fault, pydantic comes to no rule.
        mended = copy.deepcopy(dict(raw))
        for fault in found:
            _mend(mended, fault.path, schema)
        found += [
            fault
            for fault in _faults(adapter, mended, schema)
            if not any(_inside(fault.path, each.path) or _inside(each.path, fault.needs) for each in found)
        ]
    return found


def shown(value: Any) -> str:
    """A value of the file, in few words."""
    if value is _ABSENT or value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, (str, int, float)) else str(value)
    return text if len(text) <= 60 else f"{text[:56]}...'"


def _faults(adapter: TypeAdapter, raw: Mapping[str, Any], schema: dict[str, Any]) -> list[Fault]:
    try:
        adapter.validate_python(raw)
    except ValidationError as error:
        found = [_fault(each, raw, schema) for each in error.errors(include_url=False)]
        return list({fault.path: fault for fault in found}.values())  # A union has one for each of its kinds.
    return []


def _fault(error: Mapping[str, Any], raw: Any, schema: dict[str, Any]) -> Fault:
    place: Path = tuple(error["loc"])
    if _KEY in place:
        place = place[: place.index(_KEY)]
        return Fault(place, f"the name {shown(place[-1])}", _part(schema, place[:-1])["description"])
    if error["type"] in _UNKNOWN:
        return Fault(place, "an unknown name", _known(_part(schema, place[:-1]), str(place[-1])))
    if error["type"] == "rule":
        said = error["ctx"]
        return Fault(place, shown(_value(raw, place)), said["wanted"], rule=True, needs=said["needs"])
    if error["type"] not in ("missing", "missing_argument"):
        while place and _value(raw, place) is _ABSENT:  # What pydantic calls the members of a union.
            place = place[:-1]
    return Fault(place, shown(_value(raw, place)), _wanted(_part(schema, place)))


def _wanted(part: Mapping[str, Any]) -> str:
    if "properties" in part:
        return f"a mapping with {', '.join(part.get('required') or part['properties'])}"
    said, example = part.get("description", ""), part.get("examples", [""])[0]
    such = f"such as {example}" if example else ""
    if part.get("type") == "string" and "enum" not in part:
        return ", ".join(filter(None, [said, such])) if said else f"text {such}".strip()
    return f"{_kind(part)} ({said})" if said else _kind(part)


def _kind(part: Mapping[str, Any]) -> str:
    if "enum" in part or "const" in part:
        return f"one of {', '.join(map(str, part.get('enum', [part.get('const')])))}"
    bounds = [f"{words} {part[name]}" for name, words in _BOUNDS.items() if name in part]
    return " ".join(filter(None, [_KINDS.get(part.get("type", ""), "a mapping"), " and ".join(bounds)]))


def _known(part: Mapping[str, Any], name: str) -> str:
    known = list(part.get("properties", {}))
    close = difflib.get_close_matches(name, known, n=1)
    return close[0] if close else f"one of {', '.join(known)}"


def _part(schema: dict[str, Any], place: Sequence[str | int]) -> dict[str, Any]:
    """The schema of what lies at a place."""
    part = _resolved(schema, schema)
    for step in place:
        inner = part.get("items") if isinstance(step, int) else part.get("properties", {}).get(step)
        if inner is None:  # Any name will do, and what is said of all of them is said of each.
            values = part.get("additionalProperties") or next(iter(part.get("patternProperties", {}).values()), {})
            inner = {"description": part.get("description", ""), **values}
        part = _resolved(inner, schema)
    return part


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """With what it refers to in it; of several kinds the first, beside which there is null, or, for options, more."""
    said = {name: value for name, value in part.items() if name not in ("anyOf", "$ref")}
    if "anyOf" in part:
        return {**_resolved(part["anyOf"][0], schema), **said}
    if "$ref" in part:
        return {**schema["$defs"][part["$ref"].rsplit("/", 1)[1]], **said}
    return part


def _value(raw: Any, place: Sequence[str | int]) -> Any:
    for step in place:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return raw


def _mend(raw: dict[str, Any], place: Path, schema: dict[str, Any]) -> None:
    """Puts something valid where the fault is, or takes away what need not be there."""
    holder: Any = _value(raw, place[:-1])
    if holder is _ABSENT:  # Taken away with what held it.
        return
    if not isinstance(holder, dict) or place[-1] in _part(schema, place[:-1]).get("required", []):
        holder[place[-1]] = _stand_in(_part(schema, place), schema)
    else:
        holder.pop(place[-1], None)


def _stand_in(part: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "properties" in part:
        return {
            name: _stand_in(_resolved(part["properties"][name], schema), schema) for name in part.get("required", [])
        }
    if "examples" in part:
        return part["examples"][0]
    return part["enum"][0] if "enum" in part else part.get("const", "x")


def _inside(place: Path, around: Path) -> bool:
    return bool(around) and place[: len(around)] == around
