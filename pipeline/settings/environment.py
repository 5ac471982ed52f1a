"""The only reader and writer of the environment: Beam's workers, TensorFlow's messages, Kubeflow's token, notebooks."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.error import SettingsError

if TYPE_CHECKING:
    from pipeline.settings.cluster import KubeflowSettings

# Beam's local options reach the nodes through these, so that their values stay out of the cache key.
BEAM_MODE = "MOBILENET_BEAM_RUNNING_MODE"
BEAM_WORKERS = "MOBILENET_BEAM_WORKERS"


def set_beam_workers(workers: int) -> None:
    """One worker runs in this process, which starts at once; more get a process each (20-30 s for every Beam node)."""
    if workers < 1:
        raise SettingsError(f"--beam-workers is {workers}, wanted at least 1.")
    os.environ[BEAM_MODE] = "in_memory" if workers == 1 else "multi_processing"
    os.environ[BEAM_WORKERS] = str(workers)


def kubeflow_token(settings: KubeflowSettings) -> str | None:
    """The bearer token: of the settings' file, else of KUBEFLOW_TOKEN, else there is none.

    Raises:
      SettingsError: no such file, or what it holds is no token.
    """
    where, token = "KUBEFLOW_TOKEN", os.environ.get("KUBEFLOW_TOKEN", "").strip()
    if settings.token_file:
        where = f"token_file {settings.token_file}"
        try:
            token = Path(settings.token_file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{where} cannot be read: {error}.") from error
    if (settings.token_file and not token) or not token.isprintable() or not token.isascii() or " " in token:
        raise SettingsError(f"{where} holds {len(token)} characters that are no token, wanted one word.")
    return token or None


def in_notebook() -> bool:
    """A cell's `!command`: its output looks like a terminal, but each redraw of a live display stays in the page."""
    return "JPY_PARENT_PID" in os.environ or "inline" in os.environ.get("MPLBACKEND", "")


def quiet() -> None:
    """TensorFlow's C++ messages below warnings are left out of the log. Must come before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def silent() -> None:
    """As `quiet`, where there is no log: nothing that TensorFlow and its friends say at import is for the user."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
