"""Anything: protobuf makes the messages at run time."""

from typing import Any

def __getattr__(name: str) -> Any: ...
