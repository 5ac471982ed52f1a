"""Modules that moved into packages keep their old import names: importing PACKAGE.OLD gives the module PACKAGE.NEW.

Only where nothing lies at the old name any more: a file that is there wins. The names are written without their first
package, as `OLD NEW`; a new one in another of our packages is
whole. CHANGELOG.md says when a name moved. Nothing that is computed depends on this module.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

MOVED: dict[str, dict[str, str]] = {
    "trainer": {
        "checkpoint": "slim.checkpoint",
        "curves": "training.curves",
        "mobilenet_v1": "network.mobilenet_v1",
    },
    "components": {
        "dashboard": "report",
        "dashboard.charts": "report.charts",
        "dashboard.classes": "report.classes",
        "dashboard.facts": "report.facts",
        "dashboard.zoo_charts": "zoo.zoo_charts",
        "entrypoint": "node.entrypoint",
        "pictures": "trainer.pictures",
        "pictures.check": "trainer.pictures.check",
        "pictures.exif": "trainer.pictures.exif",
        "pictures.header": "trainer.pictures.header",
        "pictures.limits": "trainer.pictures.limits",
        "scores": "evaluation.scores",
        "zoo_bundles": "zoo.bundles",
        "zoo_tables": "zoo.tables",
    },
    "pipeline": {
        "choose": "family.choose",
    },
}


def install() -> None:
    """Python asks the finder first: a folder that a checkout left behind would be taken for a package otherwise."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, where a module of the package's name had these attributes.

    Args:
      homes: attribute → its module now, from the package on.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        new = MOVED.get(package, {}).get(name)
        if new is None or _is_there(fullname, path):
            return None
        elsewhere = new.partition(".")[0] in MOVED
        return importlib.util.spec_from_loader(fullname, _Alias(new if elsewhere else f"{package}.{new}"))


def _is_there(fullname: str, path: Sequence[str] | None) -> bool:
    """As a file; a folder without `__init__.py` has no origin."""
    found = PathFinder.find_spec(fullname, path)
    return found is not None and found.origin is not None


class _Alias(importlib.abc.Loader):
    """Gives the module of the new name itself, so that its classes are the same under both names."""

    def __init__(self, new: str) -> None:
        self._new = new

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._new)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # The import system has put the old name's in its place.
