"""Anything: flatbuffers' accessors have no types, and those inferred are wrong (None for what a file may leave out)."""

from typing import Any

def __getattr__(name: str) -> Any: ...
