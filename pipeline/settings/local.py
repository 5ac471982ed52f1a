"""Where it runs: data, folders and the blessing's bounds."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from components import options
from components.data_error import DataError
from components.gate.rule import CLASS_MARGIN, MARGIN, MAX_LOST, VISIBLE_DROP
from components.ingestion.rules import Rules
from components.release import gcs_path
from components.sources.wanted import Wanted
from pipeline.settings.error import SettingsError

ROOT = Path(__file__).parents[2]
_INSTALLED = Path(sys.prefix, "share", "mobilenet-pipeline")  # Where the wheel puts what is no code: pyproject.toml.


def _shipped(*parts: str) -> Path:
    """Beside the code in a checkout, else where the wheel has put it."""
    here = ROOT.joinpath(*parts)
    return here if here.exists() else _INSTALLED.joinpath(*parts)


SAMPLE = _shipped("data", "sample")
EXAMPLES = _shipped("settings")


def _said(description: str, **rules: Any) -> dict[str, Any]:
    """What pydantic goes by when it reads a settings file, so that nothing here need import it."""
    return {"description": description, "strict": True, **rules}


@dataclass(frozen=True)
class Settings(Wanted, Rules):
    """One place to run: this machine. What of the data is wanted, and what is let pass, are settings like any other."""

    data: Path = field(
        default=SAMPLE,
        metadata=_said("the folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, or with tars", strict=False),
    )
    workdir: Path = field(default=Path("runs"), metadata=_said("the folder for all that is made", strict=False))
    push_destination: str = field(
        default="",
        metadata=_said("the folder for release bundles, or gs://…; models/ of the work directory without it"),
    )
    name: str = field(default="mobilenet", metadata=_said("the pipeline's name in ML Metadata", min_length=1))
    floor: float = field(
        default=0.0,
        metadata=_said("the least top-1 of an int8 file worth shipping; 0: above the largest class", ge=0, le=1),
    )
    margin: float = field(
        default=MARGIN, metadata=_said("how far it may truly be under the float model's", ge=0, lt=VISIBLE_DROP)
    )
    class_margin: float = field(
        default=CLASS_MARGIN,
        metadata=_said("the share of a class's pictures whose loss is not held against it", ge=0, le=1),
    )
    max_lost: float = field(
        default=MAX_LOST, metadata=_said("the share of classes that may lose more, or never be found", ge=0, le=1)
    )
    accept_small: bool = field(
        default=False,
        metadata=_said("whether a file is released that too few pictures were there to show anything of"),
    )
    enable_cache: bool = field(default=True, metadata=_said("whether what has not changed comes from the last run"))
    target: Literal["local"] = "local"  # In a settings file: which of them it is.

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}  # A name that is not known is an error.

    def __post_init__(self) -> None:
        for name in ("data", "workdir"):
            object.__setattr__(self, name, getattr(self, name).absolute())
        if self.push_destination and "://" not in self.push_destination:
            object.__setattr__(self, "push_destination", os.path.abspath(self.push_destination))
        for name, value in vars(options.of(Wanted, vars(self)).absolute()).items():
            object.__setattr__(self, name, value)

    @property
    def wanted(self) -> Wanted:
        """Which part of the data is taken."""
        return options.of(Wanted, vars(self))

    @property
    def rules(self) -> Rules:
        """What ingestion lets pass."""
        return options.of(Rules, vars(self))

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
    for name in ("floor", "class_margin", "max_lost"):
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
    try:
        options.check(settings.wanted)
        options.check(settings.rules)
    except DataError as error:
        raise SettingsError(str(error)) from error
    if "{" not in str(settings.data) and not settings.data.is_dir():  # {SPAN} is filled in when the node runs.
        raise SettingsError(
            f"{settings.data} is not a folder: wanted pictures in train/<class>/ and eval/<class>/, or in tars or "
            "TFRecords. Give --data DIR."
        )
    if settings.ground_truth and not os.path.exists(settings.ground_truth):
        raise SettingsError(f"--ground-truth {settings.ground_truth} does not exist: wanted a list or the kit.")
    if settings.boxes and not os.path.isfile(settings.boxes):
        raise SettingsError(f"--boxes {settings.boxes} is no file: wanted a tar of XML files, or a CSV.")


def check_no_pattern(option: str, folder: Path) -> None:
    """TFX and TFMA take some characters of the folders that they write into for patterns, and then find no file.

    Raises:
      SettingsError: naming the character.
    """
    if odd := next((character for character in str(folder.absolute()) if character in "[*?"), None):
        raise SettingsError(f"{option} is {folder}: TFX takes {odd!r} in it for a pattern. Give a folder without it.")


def check_workdir(folder: Path) -> None:
    """Makes the work directory.

    Raises:
      SettingsError: it cannot be written, or TFX cannot read what lies in it.
    """
    check_no_pattern("--workdir", folder)
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"the work directory {folder} cannot be written: {error}. Give --workdir DIR.") from error
