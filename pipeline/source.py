"""Digests of our own source: TFX's cache key does not see the code, so each node carries the digest of its own."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PACKAGES = ("trainer", "components")
# Recipes reach the trainer by value: a new one must not make old ones train again.
_BY_VALUE = "trainer.recipes"


def digest(*modules: str) -> str:
    """SHA-256 over the modules and all of ours that they import, directly or not."""
    sha = hashlib.sha256()
    for name in sorted(_closure(modules)):
        sha.update(f"{name}\n".encode())
        sha.update(_path(name).read_bytes())
    return sha.hexdigest()


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return found


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if _ours(name))


def _ours(name: str) -> bool:
    return name.split(".")[0] in _PACKAGES and not name.startswith(_BY_VALUE) and _path(name).is_file()


def _path(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
