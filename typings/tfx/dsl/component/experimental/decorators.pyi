"""A component's call takes channels where its function takes artifacts."""

from collections.abc import Callable
from typing import Any

def component(func: Callable[..., Any] | None = ..., /, **options: Any) -> Any: ...
