"""Long lists in a sentence: the first of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def first_of(items: Sequence[str], limit: int, *, separator: str = ", ") -> str:
    """`a, b and 3 more`; with another separator, `a; b; and 3 more`."""
    said = separator.join(items[:limit])
    if len(items) <= limit:
        return said
    return f"{said}{' ' if separator == ', ' else separator}and {len(items) - limit:,} more"
