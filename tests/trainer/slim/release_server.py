"""A server on loopback that has releases, with Range or without, cuts connections, and notes what it was asked."""

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ReleaseServer(ThreadingHTTPServer):
    """`files`: name → content. Each number in `cuts` ends one answer after so many bytes of its body."""

    daemon_threads = True

    def __init__(self, *, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ranges = ranges
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.asked: list[str] = []  # The Range header of each request; "" for all of it.

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ReleaseServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range", ""))
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        start = self._start(content)
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.ranges:
            self.send_header("ETag", _etag(content))
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.cuts.pop(0) if self.server.cuts else None])
        self.close_connection = True

    def _start(self, content: bytes) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") == _etag(content)
        return int(wanted[1]) if wanted and same and self.server.ranges else 0

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


@contextlib.contextmanager
def serving(**options: bool) -> Iterator[ReleaseServer]:
    with ReleaseServer(**options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
