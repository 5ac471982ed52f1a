"""The folder of a training's checkpoints: the same for a run that goes on, another for any other training."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path


def find(model_run_dir: str, key: dict, *, under: str | None = None) -> Path:
    """The folder for the training that `key` describes.

    Args:
      model_run_dir: the node's `model_run/<execution>`, another one at every execution; the folder lies beside it.
      key: all that makes a checkpoint another training's; JSON values.
      under: where such folders lie, if not there.
    """
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return Path(under or Path(model_run_dir).parents[1] / "resume") / name


def delete(folder: str | os.PathLike[str]) -> None:
    """Deletes a finished training's folder, in which the next run of the same recipe would find nothing left to do.

    The file that names the checkpoints goes first: a kill leaves no half of one to be found, and no folder has to be
    renamed, which buckets do not do.
    """
    (Path(folder) / "checkpoint").unlink(missing_ok=True)
    shutil.rmtree(folder)
