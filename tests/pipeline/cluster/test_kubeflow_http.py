"""Kubeflow's API over HTTP: tokens, and every way that an address can be the wrong one."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.cluster import kubeflow_api
from pipeline.cluster.kubeflow_http import Api
from pipeline.cluster.runs import ClusterError, Unreachable
from pipeline.settings.error import SettingsError
from tests.pipeline.cluster import submissions
from tests.pipeline.cluster.kubeflow_server import KubeflowServer


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    monkeypatch.delenv("KUBEFLOW_TOKEN", raising=False)


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
