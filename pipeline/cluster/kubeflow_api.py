"""Kubeflow Pipelines 2: a checked pipeline is run or scheduled there, and its runs are listed and followed.

The spec goes inline with the run, not by an upload first: it is one request that succeeds or fails, nothing is left
behind when it fails, and the run's page shows what was checked. The cache does not mind, as it goes by the name within.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pipeline.cluster import runs as following
from pipeline.cluster.kubeflow_http import Api, Login
from pipeline.cluster.kubeflow_run import look, run_of
from pipeline.cluster.runs import ClusterError, Report, Run
from pipeline.cluster.submission import Submission, Submitted
from pipeline.settings.cluster import KubeflowSettings
from pipeline.settings.environment import kubeflow_cookie, kubeflow_host, kubeflow_token, pods_namespace

_PAGE = 10  # Runs of sixteen variants are 580,000 bytes each.


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
    run = run_of(api, answer)
    if wait:
        report(f"{run.id}: {run.page}")
        run = following.follow(functools.partial(look, api, settings, run.id), report)
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
    return [run_of(api, entry) for entry in _listed(api, experiment, limit)]


def follow(settings: KubeflowSettings, run_id: str, report: Report) -> Run:
    """Follows one run to its end.

    Raises:
      ClusterError: as `submit`; there is no such run.
    """
    api, settings = _reached(settings, report)
    return following.follow(functools.partial(look, api, settings, run_id), report)


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
