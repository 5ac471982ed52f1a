"""Releases of Kubeflow Pipelines between which a file's fate differs, each with the change that made the difference."""

from __future__ import annotations

import re
from typing import NamedTuple


class Release(NamedTuple):
    """Without the number of its patch: those change nothing that is asked here."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


PAGED = Release(2, 1)  # Drivers see more than 20 tasks of a DAG (kubeflow/pipelines 10396).
EXIT_HOOKS = Release(2, 4)  # What runs however others ended is an exit hook of each of them (11470).
OWN_ADDRESSES = Release(2, 4)  # Two tasks of one name, in two calls of a DAG, write to two places.
LARGE_PARAMETERS = Release(2, 16)  # A run's parameters may be more than 10,000 bytes (12510).
ARGO_4 = Release(2, 17)  # A driver's arguments may be longer than the kernel's limit.
DEFAULT = Release(2, 17)  # What the emulator follows, too.


class ReleaseError(ValueError):
    """A text that names none."""


def parse(text: str) -> Release:
    """`2.17`, `2.17.0`, or `next` for the next major release.

    Raises:
      ReleaseError: anything else, or a release that takes no PipelineSpec 2.1.0.
    """
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(\.\d+)?", text.strip())
    release = Release(3, 0) if text.strip() == "next" else Release(int(found[1]), int(found[2])) if found else None
    if release is None or release.major < 2:
        raise ReleaseError(f"--kfp-version is {text!r}, wanted a release of Kubeflow Pipelines such as 2.17, or next.")
    return release
