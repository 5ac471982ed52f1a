"""Values of settings that are still those of the examples in settings/: no project and no bucket is called so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checks.parsed import Problem

if TYPE_CHECKING:
    from pipeline.settings.cluster import KubeflowSettings, VertexSettings

# `.example` is a domain that nobody can have (RFC 2606).
_PLACEHOLDER = re.compile(r"\bmy-(?:project|bucket|team|network)\b|projects/12345/|[\w-]+\.example\b")


def find(settings: VertexSettings | KubeflowSettings, file: Path) -> Iterator[Problem]:
    """One problem for each field that nobody has filled in."""
    for field, value in _texts(settings.model_dump(mode="json"), ""):
        if found := _PLACEHOLDER.search(value):
            yield Problem(
                "settings",
                f"{field} is {value!r}, which still has the example's {found[0]}.",
                f"Give your own in {file}.",
            )


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """Each text and where it stands, as in nodes.default.image."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{field}.{name}" if field else str(name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _texts(each, f"{field}[{place}]")
