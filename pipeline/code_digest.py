"""Digests of source and stack: TFX's cache key does not see the code, so each node carries the digest of its own."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PACKAGES = ("trainer", "components")
_COMPUTES = (
    "tensorflow", "tf-keras", "tensorflow-model-optimization", "tensorflow-model-analysis", "ai-edge-litert",
    "simplejpeg", "pillow", "tfx",
)  # fmt: skip
# Recipes reach the trainer by value: a new one must not make old ones train again.
_BY_VALUE = "trainer.recipes"


def digest(*modules: str, stack: bool = True) -> str:
    """SHA-256 over the stack's versions, the modules, and all of ours that they import, directly or not.

    Of a package, what lies in it and is no Python (a page's template) counts too.

    Args:
      stack: False where something else in the cache's key tells the versions, such as a container's image.
    """
    sha = hashlib.sha256(_versions().encode() if stack else b"")
    for name in sorted(_closure(modules)):
        sha.update(f"{name}\n".encode())
        sha.update(_path(name).read_bytes())
        for file in _beside(_path(name)):
            sha.update(f"{file.name}\n".encode() + file.read_bytes())
    return sha.hexdigest()


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
