"""A run as Kubeflow's API tells it: its own tasks among the drivers and executors, and what the API leaves out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from pipeline.cluster import runs as following
from pipeline.cluster.kubeflow_http import Api
from pipeline.cluster.runs import Look, Run
from pipeline.compiled.compiled_file import called
from pipeline.settings.cluster import KubeflowSettings

_UNDER_WAY = ("pending", "running")
_LATER = datetime.max.replace(tzinfo=timezone.utc)


def run_of(api: Api, entry: Mapping[str, Any]) -> Run:
    """As a list shows it."""
    started, ended = _time(entry.get("created_at")), _time(entry.get("finished_at"))
    return Run(
        id=entry["run_id"],
        name=entry.get("display_name", entry["run_id"]),
        state=entry.get("state", "PENDING").lower(),
        started=started,
        minutes=following.minutes(started, ended),
        page=api.page("runs", entry["run_id"]),
    )


def look(api: Api, settings: KubeflowSettings, run_id: str) -> Look:
    """What one look at it shows."""
    entry = api.get(f"runs/{run_id}")
    seen = Look(run_of(api, entry), dict(_tasks(entry)), _error(entry))
    return dataclasses.replace(seen, notes=tuple(_notes(entry, seen, settings))) if seen.ended else seen


def _notes(entry: Mapping[str, Any], seen: Look, settings: KubeflowSettings) -> Iterator[str]:
    """Of a run that has ended: what its own answer does not say."""
    if any(each.get("state") == "CANCELING" for each in entry.get("state_history", [])):
        yield "It was terminated."
    if lacking := _untold(entry, seen.run.state):
        yield f"Kubeflow has not told how {lacking} of {sum(_calls(entry).values())} tasks ended; its page may."
    if seen.run.state == "failed":
        namespace = settings.namespace or "kubeflow"
        yield (
            f"The logs: kubectl --namespace {namespace} logs --selector pipeline/runid={seen.run.id} --container main "
            "--prefix --tail 30"
        )


def _untold(entry: Mapping[str, Any], state: str) -> int:
    """Of many tasks Argo keeps the states where Kubeflow's API server does not read them: they freeze, or are missing.

    Behind a failure tasks are missing that never began.
    """
    calls = _calls(entry)
    told = Counter(name for name, state, _ in _details(entry) if state not in _UNDER_WAY)
    frozen = Counter(name for name, state, _ in _details(entry) if state in _UNDER_WAY)
    return sum((calls - told if state == "succeeded" else calls & frozen).values())


def _tasks(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of the pipeline's own tasks: the drivers and executors around them are listed beside them."""
    ended = entry.get("state", "").lower() in following.ENDED
    told = [each for each in _details(entry) if not (ended and each[1] in _UNDER_WAY)]  # States freeze: see _notes.
    return following.summed(told, _calls(entry))


def _details(entry: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Tasks, states, errors by the time at which they ended; they come in no order."""
    details = entry.get("run_details", {}).get("task_details", [])
    ordered = sorted(details, key=lambda each: _time(each.get("end_time")) or _time(each.get("start_time")) or _LATER)
    return [(each.get("display_name", ""), each.get("state", "").lower(), _error(each)) for each in ordered]


def _calls(entry: Mapping[str, Any]) -> Counter[str]:
    """How often the run calls each of the pipeline's own tasks."""
    given = entry.get("pipeline_spec", {})
    return Counter(task.name for task in called(given.get("pipeline_spec", given)))


def _error(entry: Mapping[str, Any]) -> str:
    return entry.get("error", {}).get("message", "")


def _time(text: str | None) -> datetime | None:
    """RFC 3339 in UTC; a time that is not yet comes as 1970."""
    time = datetime.fromisoformat(f"{text[:19]}+00:00") if text else None
    return time if time and time.year > 1970 else None
