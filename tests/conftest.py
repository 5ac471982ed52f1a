"""Every test module starts from the same seed: an untrained network is the same one alone and in the whole suite.

On several processes (pytest-xdist) the tests of a file stay together, for they share what is costly to make.
"""

import errno
import os

import pytest

from trainer.keras import keras


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared = next(
            (name for name in ("tests/e2e", "components/report") if name in item.path.as_posix()), str(item.path)
        )
        item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="module", autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(1)


@pytest.fixture
def bucket(monkeypatch) -> list[str]:
    """A mount that renames files and refuses folders, as flat buckets do; → the files' names as they were renamed."""
    renamed: list[str] = []
    rename = os.rename

    def refusing(source, target, **kwargs):
        if os.path.isdir(source):
            raise OSError(errno.EMFILE, "too many objects to be renamed", str(source))
        renamed.append(os.path.basename(source))
        rename(source, target, **kwargs)

    monkeypatch.setattr(os, "rename", refusing)
    return renamed
