"""SHA-256 of models: of a file, of the weights that were trained, of what is served."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainer import export
from trainer.digest import sha256_file


def file_sha256(path: Path) -> str | None:
    """None where there is no such file."""
    return sha256_file(path) if path.is_file() else None


def weights_sha256(serving_dir: Path) -> str | None:
    """Of a model's Keras weights, as trainers and converter record it."""
    return file_sha256(serving_dir / export.KERAS / export.WEIGHTS_FILE)


def saved_model_sha256(serving_dir: Path) -> str | None:
    """Of graph and variables: what the evaluation records of a SavedModel (components/evaluation/classifiers.py)."""
    graph = serving_dir / "saved_model.pb"
    if not graph.is_file():
        return None
    sha = hashlib.sha256()
    for file in (graph, *sorted((serving_dir / "variables").glob("*"))):
        sha.update(file.read_bytes())
    return sha.hexdigest()
