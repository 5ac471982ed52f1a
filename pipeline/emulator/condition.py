"""A task's condition: the part of CEL that TFX's compiler and kfp's write, evaluated without Python's eval.

CEL's operators bind as Python's do once `&&`, `||` and `!` are written `and`, `or` and `~`, so Python's parser reads
them; only the nodes below are then evaluated. The library for it, cel-python 0.5, would bring google-re2, pendulum,
jmespath and lark, two of them compiled, for these ten operators.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.emulator.parameters import as_text
from pipeline.emulator.result import TaskError

_TOKENS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|&&|\|\||!(?!=)""")
_IN_PYTHON = {"&&": " and ", "||": " or ", "!": "~"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"int": int, "double": float, "string": as_text}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_EQUALITIES = (ast.Eq, ast.NotEq)


def holds(condition: str, execution: Mapping[str, Any]) -> bool:
    """Whether a task is triggered.

    Args:
      condition: such as `inputs.artifacts['x'].artifacts[0].metadata['blessed'] == 1.0`.
      execution: the task's ExecutorInput.

    Raises:
      TaskError: no such condition, or it asks for what is not there; the backends fail the task then.
    """
    try:
        tree = ast.parse(_TOKENS.sub(lambda match: _IN_PYTHON.get(match[0], match[0]), condition).strip(), mode="eval")
        result = _value(tree.body, execution)
    except (SyntaxError, TypeError, ValueError, LookupError, RecursionError) as error:
        raise TaskError(f"the condition {condition!r} cannot be evaluated: {error}.") from error
    if not isinstance(result, bool):
        raise TaskError(f"the condition {condition!r} gives {result!r}, wanted true or false.")
    return result


def _value(node: ast.expr, execution: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
        return node.value
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id] if node.id in _CONSTANTS else _member(execution, node.id)
    if isinstance(node, ast.Attribute):
        return _member(_value(node.value, execution), node.attr)
    if isinstance(node, ast.Subscript):
        return _member(_value(node.value, execution), _value(node.slice, execution))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        [argument] = node.args
        return _FUNCTIONS[node.func.id](_value(argument, execution))
    return _operation(node, execution)


def _operation(node: ast.expr, execution: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.BoolOp):
        return _logical(node, execution)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return not _boolean(_value(node.operand, execution))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, execution)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _value(node.left, execution), _value(node.right, execution)
        return left + right
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        return _compared(node.ops[0], _value(node.left, execution), _value(node.comparators[0], execution))
    raise ValueError(f"{ast.unparse(node)} is no part of CEL that this runner knows")


def _logical(node: ast.BoolOp, execution: Mapping[str, Any]) -> bool:
    """As in CEL, one side that decides is enough, even where the other cannot be evaluated."""
    deciding, fault = isinstance(node.op, ast.Or), None
    for each in node.values:
        try:
            if _boolean(_value(each, execution)) is deciding:
                return deciding
        except (TypeError, ValueError, LookupError) as error:
            fault = fault or error
    if fault:
        raise fault
    return not deciding


def _compared(comparison: ast.cmpop, left: Any, right: Any) -> bool:
    """A text and a number are unequal, and which is less is an error; true is no number."""
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if isinstance(left, bool) is not isinstance(right, bool) or not (numbers or type(left) is type(right)):
        if not isinstance(comparison, _EQUALITIES):
            raise TypeError(f"{left!r} and {right!r} cannot be compared")
        return isinstance(comparison, ast.NotEq)
    return _COMPARISONS[type(comparison)](left, right)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _member(value: Any, key: Any) -> Any:
    """Of a message, a map or a list. CEL has the fields' own names, JSON the same in camel case."""
    for name in (key, re.sub("_([a-z])", lambda match: match[1].upper(), key) if isinstance(key, str) else key):
        if isinstance(value, Mapping) and name in value:
            return value[name]
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    there = f"{len(value)} elements" if isinstance(value, list) else ", ".join(map(str, value)) or "nothing"
    raise LookupError(f"no {key!r} there, only {there}")
