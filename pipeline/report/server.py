"""One page, shown by a web server of this machine to this machine alone."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
SECONDS = 10  # That a connection may be silent, in the middle of a request too.


class PageServer(ThreadingHTTPServer):
    """Serves what the file holds at each request; every other address, and every other way of asking, is refused."""

    daemon_threads = True

    def __init__(self, page: Path, port: int = 0) -> None:
        self.page = page
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """With the port that was free, where 0 was asked for."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    timeout = SECONDS
    server: PageServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        if self._from_elsewhere() or self.path.partition("?")[0] not in ("/", f"/{self.server.page.name}"):
            self.send_error(404)
            return
        content = self.server.page.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _from_elsewhere(self) -> bool:
        """A name that somebody else made point to this machine (DNS rebinding)."""
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        return name not in (HOST, "localhost")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for people."""
