"""What is asked of a cluster, and what it took: submit.py makes the one, vertex.py and kubeflow_api.py the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pipeline.compiled.compiled_file import DATA_DIGEST, Compiled
from pipeline.settings.cluster import KubeflowSettings, VertexSettings

WHEN = "TIME"  # Stands for the time of submission, so that a dry run reads the same every time.
UNSEEN = f"unseen-{WHEN}"  # The digest of data that cannot be seen from here.


class SubmitError(ValueError):
    """Something that a cluster must not be asked for; nothing was sent."""


@dataclass(frozen=True)
class Submission:
    """What will be asked of a cluster, target and all."""

    settings: VertexSettings | KubeflowSettings
    compiled: Compiled
    parameters: Mapping[str, Any]
    schedule: str | None = None  # Five fields of cron, UTC; None: one run, at once.
    notes: tuple[str, ...] = ()  # What the user should know of it.
    when: str = WHEN

    @property
    def name(self) -> str:
        """The run's, or the schedule's: the pipeline's, and for a run the time."""
        return self.settings.name if self.schedule else f"{self.settings.name}-{self.when}"

    def at(self, now: datetime) -> Submission:
        """The same with the time of submission in it."""
        when = now.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S")
        parameters = dict(self.parameters)
        if parameters.get(DATA_DIGEST) == UNSEEN:
            parameters[DATA_DIGEST] = UNSEEN.replace(WHEN, when)
        return dataclasses.replace(self, when=when, parameters=parameters)


@dataclass(frozen=True)
class Submitted:
    """What a cluster took."""

    run_id: str  # Or the schedule's.
    page: str  # For a browser.
    state: str  # As in runs.Run; `scheduled` for a schedule.
