"""Every test module starts from the same seed: an untrained network is the same one alone and in the whole suite.

On several processes (pytest-xdist) the tests of a file stay together, for they share what is costly to make. What takes
long begins first, so that no process waits for another at the end.
"""

import errno
import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from trainer.keras import keras

FOLDERS = ("tests/e2e/", "tests/components/report/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("e2e") or "honest" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not item.get_closest_marker("e2e"), item.path not in slow))


class Together(LoadScopeScheduling):
    """Deals out files; and as one, the folders whose files share a fixture. xdist_group does nothing on pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return next((folder for folder in FOLDERS if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


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
