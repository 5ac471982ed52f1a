"""Kubeflow's API over HTTP: tokens, and every way that an address can be the wrong one."""

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.cluster import kubeflow_api, runs
from pipeline.cluster.kubeflow_http import Api
from pipeline.cluster.runs import ClusterError, Unreachable
from pipeline.settings import environment
from pipeline.settings.error import SettingsError
from tests.pipeline.cluster import certificates, submissions
from tests.pipeline.cluster.kubeflow_server import CREATED, NOT_YET, KubeflowServer


@pytest.fixture(autouse=True)
def _outside(monkeypatch):
    """Of a cluster, and without a token."""
    for name in ("KUBEFLOW_TOKEN", "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_the_token_comes_from_the_file_before_the_environment(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("from-the-file\n")
    monkeypatch.setenv("KUBEFLOW_TOKEN", "from-the-environment")
    for token, changes in {
        "from-the-file": {"token_file": str(tmp_path / "token")},
        "from-the-environment": {},
    }.items():
        with KubeflowServer(token=token) as server:
            assert kubeflow_api.runs(submissions.kubeflow_settings(server.host, **changes), print) == []


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), ("", "0 char"), ("two words", "9 char")])
def test_a_token_file_that_holds_none_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "token").write_text(content)
    settings = submissions.kubeflow_settings("http://127.0.0.1:9", token_file=str(tmp_path / "token"))
    with pytest.raises(SettingsError, match=f"token_file .*token.*{message}"):
        kubeflow_api.runs(settings, print)


def test_a_token_that_is_replaced_while_a_run_is_followed_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "FIRST", 0.0)
    token = tmp_path / "token"
    token.write_text("first")
    with KubeflowServer(token="first") as server:
        settings = submissions.kubeflow_settings(server.host, token_file=str(token))
        run = {"run_id": "run-1", "experiment_id": "experiment-1", "state": "RUNNING", "pipeline_spec": {}}
        server.state.runs.append(run | {"created_at": CREATED, "finished_at": NOT_YET})

        def rotated(line: str) -> None:
            if line.endswith("running"):
                token.write_text("second")
                server.state.token = "second"
                server.state.script.append({"state": "SUCCEEDED"})

        assert kubeflow_api.follow(settings, "run-1", rotated).state == "succeeded"
    sent = [headers["Authorization"] for headers in server.state.headers]
    assert sent == ["Bearer first"] * 3 + ["Bearer second"]  # The third was refused.


def test_a_token_that_has_run_out_and_is_not_replaced_is_said_after_one_try(tmp_path):
    (tmp_path / "token").write_text("old")
    with KubeflowServer(token="new") as server:
        settings = submissions.kubeflow_settings(server.host, token_file=str(tmp_path / "token"))
        with pytest.raises(
            ClusterError, match=r"does not take the token \(401: .*may have expired.*token_file"
        ) as told:
            kubeflow_api.runs(settings, print)
    assert len(server.state.asked) == 1
    assert "old" not in str(told.value)


def test_a_command_prints_the_token_and_is_run_again_when_it_is_refused(tmp_path):
    count = tmp_path / "count"
    script = f"import pathlib; p = pathlib.Path({str(count)!r}); n = len(p.read_text()) if p.exists() else 0; "
    command = [sys.executable, "-c", script + "p.write_text('x' * (n + 1)); print(f'token-{n}')"]
    with KubeflowServer(token="token-1") as server:
        settings = submissions.kubeflow_settings(server.host, token_command=command)
        assert kubeflow_api.runs(settings, print) == []
        assert count.read_text() == "xx"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "echo not logged in >&2; exit 3"], "ended with exit code 3: not logged in"),
        (["no-such-program"], "cannot be run: .*No such file"),
        (["echo", "two words"], "holds 9 characters that are no token"),
        (["true"], "holds 0 characters"),
    ],
)
def test_a_command_that_prints_no_token_is_named(command, message):
    settings = submissions.kubeflow_settings("http://127.0.0.1:9", token_command=command)
    with pytest.raises(SettingsError, match=f"token_command {command[0]}.*{message}"):
        kubeflow_api.runs(settings, print)


def test_the_cookie_of_a_login_goes_with_each_request_and_is_read_again_when_it_leads_to_the_login(tmp_path):
    file = tmp_path / "cookie"
    file.write_text("authservice_session=first\n")
    with KubeflowServer(cookie="authservice_session=second") as server:
        settings = submissions.kubeflow_settings(server.host, cookie_file=str(file))
        with pytest.raises(ClusterError, match=r"sends us on to /dex/auth\. .*cookie_file may have expired"):
            kubeflow_api.runs(settings, print)
        api = kubeflow_api.Api(
            server.host, cookie="authservice_session=first", login=lambda: kubeflow_api._login(settings)
        )
        file.write_text("authservice_session=second")
        assert api.get("healthz") == {}
    assert server.state.headers[-1]["Cookie"] == "authservice_session=second"


def test_a_file_that_holds_no_cookie_is_named(tmp_path):
    (tmp_path / "cookie").write_text("session")
    settings = submissions.kubeflow_settings("http://127.0.0.1:9", cookie_file=str(tmp_path / "cookie"))
    with pytest.raises(SettingsError, match=r"cookie_file .*/cookie holds 7 characters, wanted NAME=VALUE"):
        kubeflow_api.runs(settings, print)


def test_a_private_certificate_authority_is_trusted_where_it_is_named(tmp_path):
    authority = certificates.written(tmp_path, "localhost")
    with KubeflowServer(certificate=authority) as server:
        refused = submissions.kubeflow_settings(server.host)
        with pytest.raises(ClusterError, match=r"certificate that this machine does not trust .*in ca_file"):
            kubeflow_api.runs(refused, print)
        trusted = submissions.kubeflow_settings(server.host, ca_file=str(authority))
        assert kubeflow_api.runs(trusted, print) == []
        nothing = submissions.kubeflow_settings(server.host, ca_file=str(tmp_path / "none.pem"))
        with pytest.raises(ClusterError, match=r"ca_file .*none\.pem holds no certificates that can be read"):
            kubeflow_api.runs(nothing, print)


def test_in_a_cluster_address_token_and_namespace_are_found_by_themselves(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("the-pods")
    (tmp_path / "namespace").write_text("ann")
    monkeypatch.setattr(environment, "_NAMESPACE", tmp_path / "namespace")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    with KubeflowServer(token="the-pods", namespace="ann") as server:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.host.removeprefix("http://"))
        settings = submissions.kubeflow_settings(None)
        assert kubeflow_api.runs(settings, print) == []
    assert [path for _, path, _ in server.state.asked] == ["/apis/v2beta1/healthz", "/apis/v2beta1/experiments"]


def test_without_an_address_it_is_asked_for():
    with pytest.raises(SettingsError, match=r"host: got nothing, wanted .*KF_PIPELINES_ENDPOINT"):
        kubeflow_api.runs(submissions.kubeflow_settings(None), print)


def test_a_token_over_plain_http_is_warned_of_unless_it_stays_here():
    assert Api("http://kubeflow.example/pipeline", "secret").warning == (
        "http://kubeflow.example/pipeline is plain http: everybody on the way can read the token. Use https, or a "
        "port-forward."
    )
    for host in ("http://127.0.0.1:8888", "http://localhost:8888", "http://[::1]:8888", "https://kubeflow.example"):
        assert Api(host, "secret").warning is None
    assert Api("http://kubeflow.example", None).warning is None


def test_an_address_without_the_api_is_said():
    with (
        KubeflowServer() as server,
        pytest.raises(ClusterError, match=r"knows nothing there \(404: Not Found\).*ends in /pipeline"),
    ):
        kubeflow_api.runs(submissions.kubeflow_settings(f"{server.host}/elsewhere"), print)


def test_nobody_at_the_address_is_said_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: refused.
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match=f"{host} refuses connections: is the port-forward running"):
            kubeflow_api.runs(submissions.kubeflow_settings(host), print)


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (
            302,
            {"Location": "https://login.example/dex"},
            r"sends us on to https://login.example/dex\. .*KUBEFLOW_TOKEN",
        ),
        (200, {"Content-Type": "text/html"}, r"answers with a page and not as Kubeflow's API.*ends in /pipeline"),
        (503, {}, r"is busy or starting \(503: <html>"),
    ],
)
def test_a_login_page_in_the_way_gets_no_token_and_is_said(monkeypatch, status, headers, message):
    asked = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"<html>Log in</html>")

        def log_message(self, format, *args):
            pass

    monkeypatch.setenv("KUBEFLOW_TOKEN", "secret")
    page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        with pytest.raises(ClusterError, match=message):
            kubeflow_api.runs(submissions.kubeflow_settings(f"http://127.0.0.1:{page.server_port}"), print)
    finally:
        page.shutdown()
        page.server_close()
    assert asked == ["/apis/v2beta1/healthz"]
