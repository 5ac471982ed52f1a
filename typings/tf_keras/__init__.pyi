"""Anything: it has no types, and those inferred from its defaults are wrong (weights: str, for weights="imagenet")."""

from typing import Any

def __getattr__(name: str) -> Any: ...
