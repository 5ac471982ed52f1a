"""What a dotted name stands for, found by reading sources: importing TFX and TensorFlow would take seconds."""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

_MADE_BY_TFX = "_Executor"  # `@component def X` puts a class X_Executor beside X.


def find(module: str) -> Path | None:
    """The source that an import of the module would run; None if there is none."""
    top, *inner = module.split(".")
    if not all(part.isidentifier() for part in (top, *inner)):
        return None
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # A module without a spec, such as `__main__`.
        return None
    path = spec.origin if spec and spec.has_location else None
    places = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    for part in inner:
        path = next((str(file) for place in places for file in _sources(place / part) if file.is_file()), None)
        places = [place / part for place in places if (place / part).is_dir()]
    return Path(path) if path else None


@functools.cache
def definition(dotted: str) -> ast.stmt | None:
    """The statement that gives MODULE.NAME its meaning, imports followed; None if no source has one."""
    module, _, name = dotted.rpartition(".")
    for statement in _statements(_tree(module).body):
        if isinstance(statement, ast.ImportFrom) and name in _bound(statement):
            original = f"{statement.module}.{_original(statement, name)}"
            return (definition(original) if original != dotted else None) or statement
        if name in _bound(statement):
            return statement
    return None


def assigned(dotted: str) -> list[str]:
    """The names that a class's body gives values, in their order; none if there is no such class."""
    found = definition(dotted)
    return [name for each in found.body for name in _bound(each)] if isinstance(found, ast.ClassDef) else []


def _sources(path: Path) -> tuple[Path, Path]:
    """Of a package and of a module."""
    return path / "__init__.py", path.with_name(f"{path.name}.py")


def _tree(module: str) -> ast.Module:
    path = find(module)
    try:
        return ast.parse(path.read_bytes() if path and path.suffix == ".py" else b"")
    except SyntaxError:  # It would not import either.
        return ast.parse(b"")


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Those that run at import, and those of a module's `__getattr__`, which gives names when they are asked for."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try) or getattr(statement, "name", None) == "__getattr__":
            yield from _statements([each for each in ast.iter_child_nodes(statement) if isinstance(each, ast.stmt)])


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning."""
    if isinstance(statement, ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.FunctionDef):
        return {statement.name} | ({statement.name + _MADE_BY_TFX} if statement.decorator_list else set())
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _original(statement: ast.ImportFrom, name: str) -> str:
    return next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
