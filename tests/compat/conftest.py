"""What version 0.1.0 wrote (tests/data/v0_1), unpacked once."""

import sqlite3
from pathlib import Path

import pytest

from tests.compat.recorded import unpacked

RECORDED = "/mobilenet/runs"  # Where that work directory lay. ML Metadata has absolute paths.


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """models/, runs/, examples/ and measured/."""
    folder = unpacked(tmp_path_factory.mktemp("v0_1"))
    with sqlite3.connect(folder / "runs" / "metadata.sqlite") as database:
        database.execute("UPDATE Artifact SET uri = replace(uri, ?, ?)", (RECORDED, str(folder / "runs")))
    database.close()
    return folder


@pytest.fixture(scope="session")
def release(files) -> Path:
    return files / "models" / "0.05_32" / "1"
