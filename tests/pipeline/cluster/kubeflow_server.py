"""Kubeflow Pipelines' API (v2beta1) on loopback: as strict as the API server about what it takes, and it records it.

Paths, fields and refusals as in kubeflow/pipelines: backend/api/v2beta1/*.proto, apiserver/template/v2_template.go,
apiserver/server/{run,experiment,job}_server.go.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

BASE = "/apis/v2beta1/"
CREATED = "2026-01-02T03:04:05Z"
NOT_YET = "1970-01-01T00:00:00Z"
RUN = {"display_name", "description", "experiment_id", "pipeline_spec", "runtime_config", "service_account"}
RECURRING = RUN | {"max_concurrency", "trigger", "mode", "no_catchup"}
EXPERIMENT = {"display_name", "description", "namespace"}
# robfig/cron 1: seconds come first, and of five fields the first would still be the seconds.
CRON = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
VALUES = {"NUMBER_DOUBLE": (int, float), "NUMBER_INTEGER": (int, float), "STRING": str, "BOOLEAN": bool}


class Refused(Exception):
    """An error of the API: HTTP's status, gRPC's code, a message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.answer = status, {"code": code, "message": message, "details": []}


def invalid(message: str) -> Refused:
    return Refused(400, 3, message)


def internal(message: str) -> Refused:
    """Of a spec that the server does not take, with the stack that it sends along."""
    stack = "\ngithub.com/kubeflow/pipelines/backend/src/common/util.NewInternalServerError\n\t/go/src/error.go:143"
    return Refused(500, 13, f"Failed to create a new run: InternalServerError: {message}{stack}")


@dataclass
class State:
    """What the server knows, what it was asked, and what it demands."""

    token: str | None = None
    cookie: str | None = None  # Without it a request is led to a login page.
    namespace: str | None = None  # Of the only user, where there are several.
    denied: bool = False  # The token is known and may do nothing.
    asked: list[tuple[str, str, Any]] = field(default_factory=list)  # Method, path, body.
    headers: list[Mapping[str, str]] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    recurring: list[dict[str, Any]] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)  # What GET of a run answers, in turn: changes of it, or a Refused.

    @property
    def posted(self) -> dict[str, Any]:
        """Path → body of the one POST to it."""
        return {path: body for method, path, body in self.asked if method == "POST"}


class KubeflowServer:
    """Runs in a thread while it is entered."""

    def __init__(self, *, certificate: Path | None = None, **demands: Any) -> None:
        self.state = State(**demands)
        handler = type("Handler", (_Handler,), {"state": self.state})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.host = f"http://127.0.0.1:{self._server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.host = f"https://localhost:{self._server.server_port}"

    def __enter__(self) -> KubeflowServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: State

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, made: Any) -> None:
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(text) if text else None
        self.state.asked.append((self.command, url.path, body))
        self.state.headers.append(dict(self.headers))
        if self.state.cookie and self.headers.get("Cookie") != self.state.cookie:
            self.send_response(302)
            self.send_header("Location", "/dex/auth")
            self.end_headers()
            return
        try:
            self._admit()
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, answer = 200, made(url.path.removeprefix(BASE), query, body)
        except Refused as refused:
            status, answer = refused.status, refused.answer
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _admit(self) -> None:
        if self.state.token and self.headers.get("Authorization") != f"Bearer {self.state.token}":
            raise Refused(401, 16, "Request header error: there is no user identity header.")
        if self.state.denied and not self.path.endswith("healthz"):
            raise Refused(403, 7, "User 'ann' is not authorized with reason: (request: verb:list resource:experiments)")

    def _get(self, path: str, query: dict[str, str], _: Any) -> Any:
        state = self.state
        if path == "healthz":
            return {"multi_user": True} if state.namespace else {}
        if path == "experiments":
            if state.namespace and query.get("namespace") != state.namespace:
                raise invalid("A namespace cannot be empty in multi-user mode")
            return _page("experiments", _filtered(state.experiments, query), query)
        if path in ("runs", "recurringruns"):
            entries, key = (state.runs, "runs") if path == "runs" else (state.recurring, "recurringRuns")
            mine = [each for each in entries if each["experiment_id"] == query["experiment_id"]]
            return _page(key, _filtered(mine, query), query)
        if path.startswith("runs/"):
            return self._one_run(path.removeprefix("runs/"))
        raise Refused(404, 5, "Not Found")

    def _one_run(self, identity: str) -> Any:
        found = [each for each in self.state.runs if each["run_id"] == identity]
        if not found:
            raise Refused(404, 5, f"Failed to get a run: ResourceNotFoundError: Run {identity} not found")
        change = self.state.script.pop(0) if self.state.script else {}
        if isinstance(change, Refused):
            raise change
        found[0].update(change)
        return found[0]

    def _post(self, path: str, _: Any, body: dict[str, Any]) -> Any:
        state = self.state
        if path == "experiments":
            _known_fields(body, EXPERIMENT)
            made = {**body, "experiment_id": f"experiment-{len(state.experiments) + 1}"}
            state.experiments.append(made)
            return made
        if path not in ("runs", "recurringruns"):
            raise Refused(404, 5, "Not Found")
        _known_fields(body, RUN if path == "runs" else RECURRING)
        if body["experiment_id"] not in {each["experiment_id"] for each in state.experiments}:
            raise Refused(404, 5, f"Experiment {body['experiment_id']} not found")
        check_spec(body["pipeline_spec"], body["runtime_config"]["parameters"])
        if path == "runs":
            made = {**body, "run_id": f"run-{len(state.runs) + 1}", "state": "PENDING"}
            state.runs.append(made | {"created_at": CREATED, "finished_at": NOT_YET})
            return state.runs[-1]
        check_cron(body["trigger"]["cron_schedule"]["cron"])
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise invalid("Max concurrency of a recurring run must be at least 1 and at most 10.")
        identity = f"schedule-{len(state.recurring) + 1}"
        state.recurring.append({**body, "recurring_run_id": identity, "status": "ENABLED"})
        return state.recurring[-1]


def check_spec(spec: dict[str, Any], parameters: dict[str, Any]) -> None:
    """As NewV2SpecTemplate and validatePipelineJobInputs do."""
    platform, spec = spec.get("platform_spec"), spec.get("pipeline_spec", spec)
    parsed = _parsed(spec, pipeline_spec_pb2.PipelineSpec())
    if parsed.schema_version != "2.1.0":
        raise internal(f"KFP only supports schema version 2.1.0, but the spec has version {parsed.schema_version}")
    if platform is not None and "kubernetes" not in _parsed(platform, pipeline_spec_pb2.PlatformSpec()).platforms:
        raise internal("invalid platform spec")
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in declared.items():
        if name not in parameters and "defaultValue" not in parameter and not parameter.get("isOptional"):
            raise invalid(f"parameter {name} is not optional, yet has neither default value nor user provided value")
        if name in parameters and not isinstance(parameters[name], VALUES[parameter["parameterType"]]):
            raise invalid(f"input parameter {name} requires type {parameter['parameterType']}")
    if extra := sorted(set(parameters) - set(declared)):
        raise invalid(f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")


def _parsed(document: dict[str, Any], message: Any) -> Any:
    """Strictly: an unknown field is an error."""
    try:
        return json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        raise internal(f"invalid v2 pipeline spec: {error}") from error


def check_cron(text: str) -> None:
    """As robfig/cron 1 does, for numbers, ranges, steps and lists."""
    fields = text.split()
    if not 5 <= len(fields) <= 6:
        raise invalid(f"Expected 5 to 6 fields, found {len(fields)}: {text}")
    for each, (low, high) in zip(fields, CRON, strict=False):
        for part in each.split(","):
            numbers = part.partition("/")[0].replace("*", str(low)).split("-")
            if not all(number.isdigit() and low <= int(number) <= high for number in numbers):
                raise invalid(f"Schedule cron is not a supported format. Error: {each} is not between {low} and {high}")


def _known_fields(body: dict[str, Any], known: set[str]) -> None:
    for name in body:
        if name not in known:
            raise invalid(f'proto: (line 1:2): unknown field "{name}"')


def _filtered(entries: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """The API unquotes a filter once more than HTTP does."""
    predicates = json.loads(unquote_plus(query["filter"]))["predicates"] if "filter" in query else []
    for predicate in predicates:
        assert set(predicate) <= {"operation", "key", "stringValue"}, predicate
        entries = [each for each in entries if each[predicate["key"]] == predicate["stringValue"]]
    return entries


def _page(key: str, entries: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    """Nothing to tell is left out, as protocol buffers do."""
    if query.get("sort_by") == "created_at desc":
        entries = sorted(entries, key=lambda entry: entry["created_at"], reverse=True)
    start = int(query.get("page_token") or 0)
    end = start + int(query.get("page_size") or 20)
    shown, more = entries[start:end], {"next_page_token": str(end)} if end < len(entries) else {}
    return {key: shown, "total_size": len(entries), **more} if shown else {}
