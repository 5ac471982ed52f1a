"""The net under every command: whatever ends it, a sentence says so, and the traceback goes into a file.

Commands say what they expect themselves. What comes here is what nobody expected, and what the environment does:
closed or full outputs, signals, too little memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from pipeline.terminal.console import EXIT_ERROR

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "can't start new thread", "bad_alloc")


class Stopped(SystemExit):
    """By a signal: what is open is closed on the way out. The exit code is the shell's."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number).name


def run(command: Callable[[], Any]) -> None:
    """Runs the command line; ends the process, with a sentence where it raises or its output cannot be written."""
    _open_streams()
    try:
        with _stoppable():
            command()
    except Stopped as stopped:
        _say(f"{_name()} was stopped by {stopped.signal}. What it had finished is kept; run it again to go on.")
        _leave(stopped.code)
    except SystemExit as done:
        _leave(done.code)
    except BaseException as error:
        _say(f"Error: {_name()}: {sentence(error)}{_kept(error)}")
        _leave(EXIT_ERROR)
    _leave(0)


def sentence(error: BaseException) -> str:
    """What happened, and what to do."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY):
        return "there is too little memory for it. Free some, or raise the limit (ulimit -v)."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return f"{type(error).__name__}: {text.rstrip('.')}. This is a fault of mobilenet: please report it."


def _open_streams() -> None:
    """A closed stream is an empty one, and no file that is opened later gets its number; any text can be written."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - as long as we run.
        elif number and hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    def stop(number: int, _: object) -> NoReturn:
        raise Stopped(number)

    # A signal that the parent has us ignore (nohup) stays ignored.
    former = {each: signal.signal(each, stop) for each in _SIGNALS if signal.getsignal(each) == signal.SIG_DFL}
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _name() -> str:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return f"mobilenet {command}".strip()


def _kept(error: BaseException) -> str:
    try:
        descriptor, path = tempfile.mkstemp(prefix="mobilenet-", suffix=".log")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(type(error), error, error.__traceback__, file=file)
    except (OSError, MemoryError):
        return ""
    return f" The traceback is in {path}."


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _leave(code: Any) -> NoReturn:
    """Python's own end would say it in a traceback that the output is full."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # Its reader has seen enough.
        _to_nowhere()
    except OSError as error:
        _to_nowhere()
        _say(f"Error: {_name()}: the output cannot be written: {error.strerror}.")
        code = code or EXIT_ERROR
    sys.exit(code)


def _to_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
