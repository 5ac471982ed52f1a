"""Where it runs: data, folders, workers and the blessing's bounds. The only reader and writer of the environment."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.release import gcs_path

if TYPE_CHECKING:
    from pipeline.settings.cluster import KubeflowSettings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"
VISIBLE_DROP = 0.05  # Of the top-1: AccuracyGate wants pictures enough to see this one. The margin lies under it.

# Beam's local options reach the nodes through these, so that their values stay out of the cache key.
BEAM_MODE = "MOBILENET_BEAM_RUNNING_MODE"
BEAM_WORKERS = "MOBILENET_BEAM_WORKERS"


class SettingsError(ValueError):
    """A setting that cannot work."""


def _said(description: str, **rules: Any) -> dict[str, Any]:
    """What pydantic goes by when it reads a settings file, so that nothing here need import it."""
    return {"description": description, "strict": True, **rules}


@dataclass(frozen=True)
class Settings:
    """One place to run: this machine."""

    data: Path = field(
        default=SAMPLE,
        metadata=_said("the folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, or with tars", strict=False),
    )
    source: Literal["auto", "folders", "tars", "ilsvrc", "slim", "tfds"] = field(
        default="auto", metadata={"description": "what lies in the data's folder; auto looks"}
    )
    ground_truth: Path | None = field(
        default=None,
        metadata=_said("labels of ILSVRC2012's validation pictures, where not beside the tars", strict=False),
    )
    boxes: Path | None = field(
        default=None,
        metadata=_said("bounding boxes, a tar of XML files or a CSV, where not in that folder", strict=False),
    )
    classes: str = field(
        default="", metadata=_said("which to take: names with commas between them, @FILE, or a number; all without it")
    )
    holdout: float = field(default=0.0, metadata=_said("the share of train to measure on instead", ge=0, lt=1))
    workdir: Path = field(default=Path("runs"), metadata=_said("the folder for all that is made", strict=False))
    push_destination: str = field(
        default="",
        metadata=_said("the folder for release bundles, or gs://…; models/ of the work directory without it"),
    )
    name: str = field(default="mobilenet", metadata=_said("the pipeline's name in ML Metadata", min_length=1))
    floor: float = field(default=0.5, metadata=_said("the least top-1 of an int8 file worth shipping", ge=0, le=1))
    margin: float = field(
        default=0.01, metadata=_said("how far it may truly be under the float model's", ge=0, lt=VISIBLE_DROP)
    )
    # A few pictures are always let pass (components/ingestion/counts.py).
    max_refused: float = field(
        default=0.001, metadata=_said("the share of pictures that ingestion may refuse", ge=0, le=1)
    )
    max_leaked: float = field(
        default=0.01, metadata=_said("the share of eval's pictures that may be in train too", ge=0, le=1)
    )
    exif_orientation: Literal["recorded", "applied"] = field(
        default="recorded", metadata={"description": "whether pictures are turned as EXIF says, or that is noted"}
    )
    enable_cache: bool = field(default=True, metadata=_said("whether what has not changed comes from the last run"))
    target: Literal["local"] = "local"  # In a settings file: which of them it is.

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}  # A name that is not known is an error.

    def __post_init__(self) -> None:
        for name in ("data", "workdir"):
            object.__setattr__(self, name, getattr(self, name).absolute())
        if self.push_destination and "://" not in self.push_destination:
            object.__setattr__(self, "push_destination", os.path.abspath(self.push_destination))
        for name in ("ground_truth", "boxes"):
            if path := getattr(self, name):
                object.__setattr__(self, name, path.absolute())

    @property
    def artifacts(self) -> Path:
        return self.workdir / "artifacts"

    @property
    def metadata(self) -> Path:
        return self.workdir / "metadata.sqlite"

    @property
    def models(self) -> Path:
        """Where bundles go unless another place is named."""
        return self.workdir / "models"

    @property
    def destination(self) -> str:
        """The push destination: an absolute path, or gs://…"""
        return str(gcs_path.place(self.push_destination)) if self.push_destination else str(self.models)

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
    for name in ("floor", "max_refused", "max_leaked"):
        if not 0 <= (value := getattr(settings, name)) <= 1:
            option = f"--{name.replace('_', '-')}"
            raise SettingsError(f"{option} is {value}, wanted a fraction from 0 to 1, such as 0.5.")
    _check_data(settings)
    try:
        gcs_path.place(settings.push_destination)
    except ValueError as error:
        raise SettingsError(f"--push-destination: {error}") from error
    check_workdir(settings.workdir)


def _check_data(settings: Settings) -> None:
    if not 0 <= settings.holdout < 1:
        raise SettingsError(f"--holdout is {settings.holdout}, wanted a fraction from 0 up to 1, such as 0.1.")
    if "{" not in str(settings.data) and not settings.data.is_dir():  # {SPAN} is filled in when the node runs.
        raise SettingsError(
            f"{settings.data} is not a folder: wanted pictures in train/<class>/ and eval/<class>/, or in tars or "
            "TFRecords. Give --data DIR."
        )
    if settings.ground_truth and not settings.ground_truth.exists():
        raise SettingsError(f"--ground-truth {settings.ground_truth} does not exist: wanted a list or the kit.")
    if settings.boxes and not settings.boxes.is_file():
        raise SettingsError(f"--boxes {settings.boxes} is no file: wanted a tar of XML files, or a CSV.")


def check_workdir(folder: Path) -> None:
    """Makes the work directory.

    Raises:
      SettingsError: it cannot be written.
    """
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"the work directory {folder} cannot be written: {error}. Give --workdir DIR.") from error


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
