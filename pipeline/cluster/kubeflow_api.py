"""Kubeflow Pipelines 2: a checked pipeline is run or scheduled there, and its runs are listed and followed.

The spec goes inline with the run, not by an upload first: it is one request that succeeds or fails, nothing is left
behind when it fails, and the run's page shows what was checked. The cache does not mind, as it goes by the name within.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from pipeline.cluster import runs as following
from pipeline.cluster.kubeflow_http import Api, Login
from pipeline.cluster.runs import ClusterError, Look, Report, Run
from pipeline.cluster.submission import Submission, Submitted
from pipeline.compiled.compiled_file import called
from pipeline.settings.cluster import KubeflowSettings
from pipeline.settings.environment import kubeflow_cookie, kubeflow_host, kubeflow_token, pods_namespace

_PAGE = 10  # Runs of sixteen variants are 580,000 bytes each.
_UNDER_WAY = ("pending", "running")
_LATER = datetime.max.replace(tzinfo=timezone.utc)


def described(submission: Submission) -> dict[str, Any]:
    """The request, for a reader."""
    settings = _settings(submission)
    body = _body(submission, experiment=f"(of {settings.experiment!r}, which is made if it is not there)")
    return {"POST": Api(kubeflow_host(settings)).url(_collection(submission)), "body": body}


def submit(submission: Submission, *, wait: bool, report: Report) -> Submitted:
    """Starts a run, or a recurring run where there is a schedule.

    Raises:
      ClusterError: Kubeflow cannot be reached, or does not take it; in its words.
    """
    api, settings = _reached(_settings(submission), report)
    experiment = _experiment(api, settings) or _new_experiment(api, settings)
    if submission.schedule:
        _refuse_second(api, submission.name, experiment)
    answer = api.post(_collection(submission), _body(submission, experiment=experiment))
    if submission.schedule:
        identity = answer["recurring_run_id"]
        return Submitted(identity, api.page("recurringrun", identity), "scheduled")
    run = _run(api, answer)
    if wait:
        report(f"{run.id}: {run.page}")
        run = following.follow(functools.partial(_look, api, settings, run.id), report)
    return Submitted(run.id, run.page, run.state)


def runs(settings: KubeflowSettings, report: Report, *, limit: int = 20) -> list[Run]:
    """The experiment's runs, the latest first.

    Raises:
      ClusterError: as `submit`.
    """
    api, settings = _reached(settings, report)
    experiment = _experiment(api, settings)
    if not experiment:
        return []
    return [_run(api, entry) for entry in _listed(api, experiment, limit)]


def follow(settings: KubeflowSettings, run_id: str, report: Report) -> Run:
    """Follows one run to its end.

    Raises:
      ClusterError: as `submit`; there is no such run.
    """
    api, settings = _reached(settings, report)
    return following.follow(functools.partial(_look, api, settings, run_id), report)


def _settings(submission: Submission) -> KubeflowSettings:
    if not isinstance(submission.settings, KubeflowSettings):
        raise TypeError(f"a submission to {submission.settings.target} came to Kubeflow")
    return submission.settings


def _reached(settings: KubeflowSettings, report: Report) -> tuple[Api, KubeflowSettings]:
    """The API, once it answered; and the settings with the pod's own namespace, where one is needed and none named."""
    login = functools.partial(_login, settings)
    api = Api(kubeflow_host(settings), *login(), ca_file=settings.ca_file, login=login)
    if api.warning:
        report(api.warning)
    if not api.get("healthz").get("multi_user") or settings.namespace:
        return api, settings
    namespace = pods_namespace()
    if not namespace:
        raise ClusterError(f"{api.host} has several users: name yours in the settings (namespace: ...).")
    return api, settings.model_copy(update={"namespace": namespace})


def _login(settings: KubeflowSettings) -> Login:
    return Login(kubeflow_token(settings), kubeflow_cookie(settings))


def _collection(submission: Submission) -> str:
    return "recurringruns" if submission.schedule else "runs"


def _body(submission: Submission, *, experiment: str) -> dict[str, Any]:
    """A Run, or a RecurringRun, of the API."""
    settings, compiled = _settings(submission), submission.compiled
    spec: Mapping[str, Any] = compiled.spec
    if compiled.platform:
        spec = {"pipeline_spec": spec, "platform_spec": compiled.platform}
    runtime: dict[str, Any] = {"parameters": dict(submission.parameters)}
    if settings.pipeline_root:
        runtime["pipeline_root"] = settings.pipeline_root
    body = {
        "display_name": submission.name,
        "experiment_id": experiment,
        "pipeline_spec": spec,
        "runtime_config": runtime,
    }
    if settings.service_account:
        body["service_account"] = settings.service_account
    return body | (_recurrence(submission.schedule) if submission.schedule else {})


def _recurrence(schedule: str) -> dict[str, Any]:
    """Kubeflow's cron begins with the seconds; of five fields it would take the first for them."""
    return {
        "mode": "ENABLE",
        "trigger": {"cron_schedule": {"cron": f"0 {schedule}"}},
        "max_concurrency": 1,
        "no_catchup": True,  # A cluster that was off trains once, and not for every time it missed.
    }


def _experiment(api: Api, settings: KubeflowSettings) -> str | None:
    found = api.get("experiments", filter=_named(settings.experiment), namespace=settings.namespace, page_size=1).get(
        "experiments"
    )
    return found[0]["experiment_id"] if found else None


def _new_experiment(api: Api, settings: KubeflowSettings) -> str:
    body = {"display_name": settings.experiment}
    if settings.namespace:
        body["namespace"] = settings.namespace
    return api.post("experiments", body)["experiment_id"]


def _refuse_second(api: Api, name: str, experiment: str) -> None:
    """Two schedules of one pipeline would train everything twice."""
    found = api.get("recurringruns", experiment_id=experiment, filter=_named(name), page_size=100)
    for entry in found.get("recurringRuns", []):
        if entry.get("status") != "DISABLED":
            page = api.page("recurringrun", entry["recurring_run_id"])
            raise ClusterError(f"A schedule {name!r} runs already: {page} . Disable or delete it first.")


def _named(name: str) -> str:
    """A filter, which the API unquotes once more than it should."""
    return quote(json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]}))


def _run(api: Api, entry: Mapping[str, Any]) -> Run:
    started, ended = _time(entry.get("created_at")), _time(entry.get("finished_at"))
    return Run(
        id=entry["run_id"],
        name=entry.get("display_name", entry["run_id"]),
        state=entry.get("state", "PENDING").lower(),
        started=started,
        minutes=following.minutes(started, ended),
        page=api.page("runs", entry["run_id"]),
    )


def _listed(api: Api, experiment: str, limit: int) -> Iterator[Mapping[str, Any]]:
    """The latest runs, in small pages: each entry brings its whole spec along."""
    token: str | None = None
    while limit > 0:
        answer = api.get(
            "runs", experiment_id=experiment, page_size=min(limit, _PAGE), page_token=token, sort_by="created_at desc"
        )
        yield from (entries := answer.get("runs", []))
        limit, token = limit - len(entries), answer.get("next_page_token")
        if not token or not entries:
            return


def _look(api: Api, settings: KubeflowSettings, run_id: str) -> Look:
    entry = api.get(f"runs/{run_id}")
    look = Look(_run(api, entry), dict(_tasks(entry)), _error(entry))
    return dataclasses.replace(look, notes=tuple(_notes(entry, look, settings))) if look.ended else look


def _notes(entry: Mapping[str, Any], look: Look, settings: KubeflowSettings) -> Iterator[str]:
    """Of a run that has ended: what its own answer does not say."""
    if any(each.get("state") == "CANCELING" for each in entry.get("state_history", [])):
        yield "It was terminated."
    if lacking := _untold(entry, look.run.state):
        yield f"Kubeflow has not told how {lacking} of {sum(_calls(entry).values())} tasks ended; its page may."
    if look.run.state == "failed":
        namespace = settings.namespace or "kubeflow"
        yield (
            f"The logs: kubectl --namespace {namespace} logs --selector pipeline/runid={look.run.id} --container main "
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
