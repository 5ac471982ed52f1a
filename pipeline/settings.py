"""Where it runs: data, folders, workers and the blessing's bounds. The only reader and writer of the environment."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cluster_settings import KubeflowSettings

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
VISIBLE_DROP = 0.05  # Of the top-1: AccuracyGate wants pictures enough to see this one. The margin lies under it.

# Beam's local options reach the nodes through these, so that their values stay out of the cache key.
BEAM_MODE = "MOBILENET_BEAM_RUNNING_MODE"
BEAM_WORKERS = "MOBILENET_BEAM_WORKERS"


class SettingsError(ValueError):
    """A setting that cannot work."""


@dataclass(frozen=True)
class Settings:
    """One place to run."""

    data: Path = SAMPLE  # Class folders: train/<class>/*.jpg and eval/<class>/*.jpg.
    workdir: Path = Path("runs")
    name: str = "mobilenet"  # Of the pipeline, in ML Metadata.
    floor: float = 0.5  # The least top-1 of an int8 file worth shipping.
    margin: float = 0.01  # How far it may truly be under the float model.
    max_refused: float = 0.001  # Of the pictures; a few are always let pass (components/ingestion_counts.py).
    enable_cache: bool = True

    def __post_init__(self) -> None:
        for name in ("data", "workdir"):
            object.__setattr__(self, name, getattr(self, name).absolute())

    @property
    def artifacts(self) -> Path:
        return self.workdir / "artifacts"

    @property
    def metadata(self) -> Path:
        return self.workdir / "metadata.sqlite"

    @property
    def models(self) -> Path:
        """The push destination."""
        return self.workdir / "models"

    @property
    def log(self) -> Path:
        return self.workdir / "log.txt"


def check(settings: Settings) -> None:
    """Before anything is imported or started.

    Raises:
      SettingsError: no such data, or a work directory that cannot be written.
    """
    if not 0 <= settings.margin < VISIBLE_DROP:
        raise SettingsError(
            f"--margin is {settings.margin}, wanted a fraction from 0 up to {VISIBLE_DROP}, such as 0.01 for a point."
        )
    for option, value in (("--floor", settings.floor), ("--max-refused", settings.max_refused)):
        if not 0 <= value <= 1:
            raise SettingsError(f"{option} is {value}, wanted a fraction from 0 to 1, such as 0.5.")
    if not settings.data.is_dir():
        raise SettingsError(
            f"{settings.data} is not a folder: wanted pictures in train/<class>/ and eval/<class>/. Give --data DIR."
        )
    _writable(settings.workdir)


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


def quiet() -> None:
    """TensorFlow's C++ messages below warnings are left out of the log. Must come before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def silent() -> None:
    """As `quiet`, where there is no log: nothing that TensorFlow and its friends say at import is for the user."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")


def _writable(folder: Path) -> None:
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"the work directory {folder} cannot be written: {error}. Give --workdir DIR.") from error
