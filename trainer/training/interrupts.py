"""Ctrl-C and SIGTERM during training: the last step is saved before the process ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def saved(save: Callable[[], None]) -> Iterator[None]:
    """Within: either signal ends the block with KeyboardInterrupt, after `save()`.

    Python runs a signal's handler between two of its own instructions, so a step of the graph is done whole.
    """
    with _sigterm_as_ctrl_c():
        try:
            yield
        except KeyboardInterrupt:
            save()
            raise


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Only the main thread may set handlers; elsewhere SIGTERM ends the process at once, as it does by default."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
