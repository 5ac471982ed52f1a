"""Anything: the stubs that come with the type checker are partial, and wrong in places."""

from typing import Any

def __getattr__(name: str) -> Any: ...
