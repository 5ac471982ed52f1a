"""The oracle: arrays that the reference graph produced (TF-Slim, run once)."""

from pathlib import Path

import numpy as np
import pytest

ORACLE = Path(__file__).parents[1] / "data" / "oracle"


@pytest.fixture(scope="session")
def oracle_checkpoint() -> Path:
    return ORACLE / "mobilenet_v1_0.25_128.ckpt"


@pytest.fixture(scope="session")
def oracle():
    """`oracle("logits_0.25_128")` → the arrays by name."""
    return lambda name: np.load(ORACLE / f"{name}.npz", allow_pickle=False)
