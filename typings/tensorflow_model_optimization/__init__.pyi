"""Anything: it has no types, and those inferred from its defaults and abstract methods are wrong."""

from typing import Any

def __getattr__(name: str) -> Any: ...
