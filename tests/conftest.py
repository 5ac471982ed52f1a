"""Every test module starts from the same seed: an untrained network is the same one alone and in the whole suite."""

import pytest

from trainer.keras import keras


@pytest.fixture(scope="module", autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(1)
