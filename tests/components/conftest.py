"""Folders of small pictures to ingest."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.once import made_once

if TYPE_CHECKING:
    from components.gate.provenance_records import Parts


def jpeg(seed: int, *, size: int = 16, mode: str = "RGB", kind: str = "JPEG") -> bytes:
    """A small picture of noise, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="session")
def picture_bytes() -> Callable[..., bytes]:
    """`picture_bytes(seed, size=16, mode="RGB", kind="JPEG")`."""
    return jpeg


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """train and eval with the classes ant, bee_fly and cow: 8 + 4 pictures each, 16 x 16."""
    return fill(tmp_path / "pictures")


def fill(root: Path) -> Path:
    """Writes the pictures; a function of its own for tests that share one folder."""
    for split, count in (("train", 8), ("eval", 4)):
        for label, name in enumerate(("ant", "bee_fly", "cow")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                seed = label * 100 + index + 1000 * (split == "eval")
                (folder / f"{name}_{index}.jpg").write_bytes(jpeg(seed))
    return root


@pytest.fixture(scope="session")
def fill_folder() -> Callable[[Path], Path]:
    """`fill_folder(root)` writes what `class_folders` holds."""
    return fill


@pytest.fixture(scope="session")
def honest(tmp_path_factory) -> "Parts":
    """What AccuracyGate takes, all of it honestly made; not to be changed."""
    from tests.components.gate import honest_artifacts  # Not above: TFMA and the trainers take seconds.

    return made_once(tmp_path_factory, "honest", honest_artifacts.make)
