"""A container's command on this machine: a process of its own, or its module's main in this one."""

from __future__ import annotations

import contextlib
import importlib
import logging
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.emulator.result import TaskError
from pipeline.settings.local import ROOT

_OURS = "components.node.entrypoint"
_TFX = "tfx.orchestration.kubeflow.v2"
_PARSED = (f"{_TFX}.container.kubeflow_v2_run_executor", f"{_TFX}.file_based_example_gen.driver")
# `python` is this environment's and our packages are on its path. A shell says so: only environment.py reads PATH.
_ENTER = 'PATH="$1:$PATH" PYTHONPATH="$2${PYTHONPATH:+:$PYTHONPATH}"; export PATH PYTHONPATH; shift 2; exec env "$@"'


def run(command: Sequence[str], *, env: Sequence[str], log: Path, in_process: bool, home: Path | None = None) -> None:
    """Appends all that the command says to `log`.

    Args:
      command: with its arguments, placeholders filled in.
      env: NAME=VALUE, of a process of its own.
      home: where it starts; None for here.

    Raises:
      TaskError: it failed; the message is the last that it said.
    """
    if in_process and _module(command) in (_OURS, *_PARSED):
        _in_this_process(command[2], list(command[3:]), log)
    else:
        _in_its_own(command, env, log, home)


def _module(command: Sequence[str]) -> str | None:
    """Of `python -m MODULE …`."""
    return command[2] if list(command[:2]) == ["python", "-m"] and len(command) > 2 else None


def _in_its_own(command: Sequence[str], env: Sequence[str], log: Path, home: Path | None) -> None:
    enter = ["/bin/sh", "-c", _ENTER, "sh", str(Path(sys.executable).parent), str(ROOT)]
    with log.open("ab") as said:
        done = subprocess.run([*enter, *env, *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=home)
    if done.returncode:
        raise TaskError(f"exit code {done.returncode}: {_last_line(log)}")


def _in_this_process(module: str, argv: list[str], log: Path) -> None:
    """What it leaves behind in Python's own registers is undone: arguments, loggers, streams, warnings."""
    main: Any = importlib.import_module(module)  # First, since loggers hold on to the stream that they find.
    with log.open("a", encoding="utf-8") as said, _tidy(said, module):
        try:
            main.main(main._parse_flags([module, *argv]) if module in _PARSED else argv)
        except (Exception, SystemExit) as error:
            traceback.print_exc(file=said)
            raise TaskError(f"{type(error).__name__}: {_first_line(error)}") from error


@contextlib.contextmanager
def _tidy(said: Any, module: str) -> Iterator[None]:
    root, before = logging.getLogger(), sys.argv
    level, handler = root.level, logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        _warn_as_a_new_process(said)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        sys.argv = [module]
        try:
            yield
        finally:
            sys.argv = before
            root.setLevel(level)
            root.removeHandler(handler)


def _warn_as_a_new_process(said: Any) -> None:
    """Python's own filters, whatever this process has."""
    warnings.resetwarnings()
    for quiet in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", quiet)

    def show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
        said.write(warnings.formatwarning(message, category, filename, lineno, line))

    warnings.showwarning = show


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
