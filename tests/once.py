"""What is costly to make is made once in a session, by whichever of pytest-xdist's workers needs it first."""

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Made = TypeVar("Made")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """What `make(folder)` returned, to the first worker; the others wait and unpickle it. Nobody may change it."""
    session = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    result = session / f"{name}.pickle"
    with (session / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            made = make(factory.mktemp(name))
            result.with_suffix(".new").write_bytes(pickle.dumps(made))
            result.with_suffix(".new").rename(result)
        return pickle.loads(result.read_bytes())
