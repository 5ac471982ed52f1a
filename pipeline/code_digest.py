"""Digests of source and stack: TFX's cache key does not see the code, so each node carries the digest of its own.

A digest is over what the code means: another comment, docstring or line break keeps it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_PACKAGES = ("trainer", "components")
_COMPUTES = (
    "tensorflow", "tf-keras", "tensorflow-model-optimization", "tensorflow-model-analysis", "ai-edge-litert",
    "simplejpeg", "pillow", "tfx",
)  # fmt: skip
# Recipes reach the trainer by value: a new one must not make old ones train again.
_BY_VALUE = "trainer.recipes"
# Nodes import these and would write the same artifact without them; tests replace each and compare.
CHANGES_NO_ARTIFACT = {
    "trainer.moved_names": "finds modules under the names that they had before they moved",
    "trainer.training.reporter": "logs how far a training is",
    "components.ingestion.progress": "tells the terminal how far an ingestion is",
}


def digest(*modules: str, stack: bool = True) -> str:
    """SHA-256 over the stack's versions, the modules, and all of ours that they import, directly or not.

    Of a package, its files that are no Python (a page's template) count too, byte by byte.

    Args:
      stack: False where something else in the cache's key tells the versions, such as a container's image.
    """
    sha = hashlib.sha256(_versions().encode() if stack else b"")
    for name in sorted(reached(*modules)):
        sha.update(f"{name}\n".encode())
        sha.update(_meaning(_text(name)).encode())
        for file in _beside(_path(name)):
            sha.update(f"{file.name}\n".encode() + file.read_bytes())
    return sha.hexdigest()


def reached(*modules: str) -> set[str]:
    """The modules themselves and all of ours that they import and that can change what they make."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return found


def _versions() -> str:
    """Of what computes: another TensorFlow gives another model, and cannot restore its checkpoints."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in _COMPUTES) + f", Python {sys.version_info[:2]}"


def _beside(source: Path) -> list[Path]:
    """A package's files that are no sources, also of its folders that are no packages."""
    if source.name != "__init__.py":
        return []
    inner = [folder for folder in source.parent.iterdir() if folder.is_dir() and folder.name != "__pycache__"]
    data = [folder for folder in inner if not (folder / "__init__.py").exists()]
    files = (file for folder in (source.parent, *data) for file in folder.iterdir() if file.is_file())
    return sorted(file for file in files if file.suffix not in (".py", ".pyc"))


def _imports(module: str) -> list[str]:
    return [name for name in _named(_text(module)) if _counts(name)]


def _counts(name: str) -> bool:
    ours = name.split(".")[0] in _PACKAGES and not name.startswith(_BY_VALUE) and _path(name).is_file()
    return ours and name not in CHANGES_NO_ARTIFACT


def _path(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _text(name: str) -> str:
    return _path(name).read_text(encoding="utf-8")


@functools.cache
def _named(text: str) -> tuple[str, ...]:
    """The modules that a source imports, anywhere, and what it imports from them, which may be modules too."""
    return tuple(_names(_tree(text)))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


@functools.cache
def _meaning(text: str) -> str:
    return _written(_tree(text))


def _tree(text: str) -> ast.Module:
    """A module's syntax, without what only readers and type checkers see."""
    return _Executed().visit(ast.parse(text))


class _Executed(ast.NodeTransformer):
    """Takes out docstrings and imports for type checkers."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return [self.visit(other) for other in node.orelse]
        return self.generic_visit(node)


def _written(node: Any) -> str:
    """The syntax as text, the same by every Python: each release adds fields, which are empty in older code."""
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({_written(_merged(node.values))})"
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({', '.join(f'{name}={_written(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_written, node))}]"
    return repr(node)


def _merged(values: list[ast.expr]) -> list[Any]:
    """An f-string's parts: how its plain text is cut into constants is the parser's choice."""
    merged: list[Any] = []
    for part in values:
        if not isinstance(part, ast.Constant):
            merged.append(part)
        elif merged and isinstance(merged[-1], str):
            merged[-1] += str(part.value)
        elif part.value:
            merged.append(str(part.value))
    return merged
