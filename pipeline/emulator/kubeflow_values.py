"""Values as Kubeflow Pipelines 2.17.0 reads, types and writes them.

Read in backend/src/v2: metadata/converter.go (texts), driver/resolve.go (types), driver/util.go (arguments); each was
compared with the real driver and launcher (tests/pipeline/emulator/test_real_kubeflow.py).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pipeline.emulator.result import TaskError

_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_KINDS: dict[str, Callable[[Any], bool]] = {
    "NUMBER_DOUBLE": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "NUMBER_INTEGER": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "BOOLEAN": lambda value: isinstance(value, bool),
    "LIST": lambda value: isinstance(value, list),
    "STRUCT": lambda value: isinstance(value, dict),
    "TASK_FINAL_STATUS": lambda value: isinstance(value, dict),
}
_REFERENCE = re.compile(r"\$\$|\$\(([^()]+)\)")


def task_values(component: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A task's parameters as the driver types them. A component's default is looked for and not used: a text is then
    empty, and anything else fails. A number may have a fraction where a whole one is declared.

    Raises:
      TaskError: a parameter without a value, or of another type.
    """
    result = {name: whole(value) for name, value in values.items()}
    for name, declared in component.get("inputDefinitions", {}).get("parameters", {}).items():
        kind = declared["parameterType"]
        if name not in values and declared.get("isOptional"):
            continue
        if name not in values and "defaultValue" not in declared:
            raise TaskError(f'neither value nor default value provided for non-optional parameter "{name}"')
        if kind == "STRING":
            result[name] = as_text(values.get(name, ""))
        elif name not in values:
            raise TaskError(f"parameter {name} has unknown protobuf.Value type: <nil>")
        elif kind not in _KINDS or not _KINDS[kind](values[name]):
            raise TaskError(f'input parameter "{name}" type mismatch: expect {kind}, got {values[name]!r}')
        elif isinstance(values[name], float) and not math.isfinite(values[name]):
            raise TaskError(f"google.protobuf.Value.number_value: invalid value {values[name]} of {name}")
    return result


def as_text(value: Any) -> str:
    """What a STRING takes of another type: numbers written out, lists and records as JSON with sorted keys."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return format(Decimal(repr(whole(value))), "f")
    return _text(value)


def as_argument(value: Any) -> str:
    """In place of `{{$.inputs.parameters['x']}}`: Go's %d for whole numbers and %g for others."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return _text(value)
    if value == int(value) and abs(value) < 2**63:
        return str(int(value))
    _, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    if -4 <= power < 6:
        return repr(float(value))
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' if value < 0 else ''}{digits[0]}{'.' if fraction else ''}{fraction}e{power:+03}"


def from_text(text: str, parameter_type: str) -> Any:
    """What a container wrote into the file of an output parameter.

    Raises:
      TaskError: it is of another type.
    """
    stripped = text.strip()
    try:
        if parameter_type == "STRING":
            return text
        if parameter_type == "BOOLEAN" and stripped in (*_TRUE, *_FALSE):
            return stripped in _TRUE
        if parameter_type == "NUMBER_INTEGER" and re.fullmatch(r"[+-]?\d+", stripped, re.ASCII):
            return int(stripped)
        if parameter_type == "NUMBER_DOUBLE" and "_" not in stripped:
            return float(stripped)
        if parameter_type in ("LIST", "STRUCT") and _KINDS[parameter_type](value := json.loads(text)):
            return value
    except ValueError:
        pass
    raise TaskError(f"an output parameter is {text[:80]!r}, wanted {parameter_type}.")


def whole(value: Any) -> Any:
    """6.0 is 6 in the JSON of protocol buffers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        return [whole(each) for each in value]
    return {key: whole(each) for key, each in value.items()} if isinstance(value, dict) else value


def kept(value: Any) -> Any:
    """A property as ML Metadata hands it back: true is 1, lists and records are wrapped, a number has six decimals and
    fifteen digits. Numbers within lists and records are exact."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return whole(float(f"{float(f'{value:.6f}'):.15g}")) if math.isfinite(value) else value
    if isinstance(value, list):
        return {"list": whole(value)}
    return {"struct": whole(value)} if isinstance(value, dict) else value


def expanded(text: str, env: Mapping[str, str]) -> str:
    """An argument of a pod, as Kubernetes expands it: `$$` is `$`, `$(NAME)` the variable's value if there is one."""
    return _REFERENCE.sub(lambda match: "$" if match[0] == "$$" else env.get(match[1], match[0]), text)


def expanded_within(value: Any, env: Mapping[str, str]) -> Any:
    """All texts in it."""
    if isinstance(value, str):
        return expanded(value, env)
    if isinstance(value, list):
        return [expanded_within(each, env) for each in value]
    return {key: expanded_within(each, env) for key, each in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    said = json.dumps(whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":  # As Go's encoding/json has them.
        said = said.replace(sign, f"\\u{ord(sign):04x}")
    return said
