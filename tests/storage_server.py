"""Cloud Storage's JSON API on loopback, as far as google-cloud-storage asks it for objects."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from components.release import gcs_path

PAGE = 3  # Objects to a page of a listing, so that there is more than one.


class Storage:
    """Its one bucket `models`: name → content; what was written, in order; and what goes wrong."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: list[str] = []
        self.garbled: set[str] = set()  # Names whose content loses its last byte on the way in.
        self.refuse: Callable[[str, str], int] = lambda method, name: 0  # Gives a status, or 0.
        self.lock = threading.Lock()

    def put(self, name: str, content: bytes, said: dict[str, Any], generation: str | None) -> tuple[int, Any]:
        content = content[:-1] if name in self.garbled else content
        with self.lock:
            if generation == "0" and name in self.objects:
                return 412, None
            if said.get("md5Hash", _md5(content)) != _md5(content):
                return 400, None
            self.objects[name] = content
            self.written.append(name)
        return 200, self.described(name)

    def described(self, name: str) -> dict[str, Any]:
        content = self.objects[name]
        return {"name": name, "bucket": "models", "size": str(len(content)), "md5Hash": _md5(content), "generation": 1}

    def listed(self, query: dict[str, str]) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        names = sorted(name for name in self.objects if name.startswith(prefix))
        deeper = [delimiter is not None and delimiter in name.removeprefix(prefix) for name in names]
        prefixes = {
            prefix + name.removeprefix(prefix).split("/")[0] + "/"
            for name, far in zip(names, deeper, strict=True)
            if far
        }
        items = [name for name, far in zip(names, deeper, strict=True) if not far]
        start = int(query.get("pageToken", "0"))
        end = start + min(PAGE, int(query.get("maxResults", PAGE)))
        page = {"items": [self.described(name) for name in items[start:end]], "prefixes": sorted(prefixes)}
        return page | ({"nextPageToken": str(end)} if end < len(items) else {})


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def _handler(storage: Storage) -> type[BaseHTTPRequestHandler]:
    begun: dict[str, tuple[dict[str, Any], str | None]] = {}  # Resumable uploads.

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # Head and body in one packet: the client would wait 40 ms for the second.

        def _asked(self) -> tuple[str, dict[str, str], bytes]:
            url = urlsplit(self.path)
            _, _, rest = url.path.partition("/storage/v1/b/")
            owner, _, name = rest.partition("/o")
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if owner != "models":
                raise LookupError(owner)
            return unquote(name.lstrip("/")), query, body

        def _answer(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
            data = (
                value if isinstance(value, bytes) else json.dumps(value or {"error": {"message": "so it is"}}).encode()
            )
            self.send_response(status)
            for key, text in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(key, text)
            self.send_header("Content-Length", str(0 if status == 204 else len(data)))
            self.end_headers()
            self.wfile.write(b"" if status == 204 else data)

        def do_GET(self) -> None:
            try:
                name, query, _ = self._asked()
            except LookupError:
                self._answer(404)
                return
            if status := storage.refuse("GET", name):
                self._answer(status)
            elif not name:
                self._answer(200, storage.listed(query))
            elif name not in storage.objects:
                self._answer(404)
            elif query.get("alt") == "media":
                content = storage.objects[name]
                self._answer(200, content, {"X-Goog-Hash": f"md5={_md5(content)}", "X-Goog-Generation": "1"})
            else:
                self._answer(200, storage.described(name))

        def do_POST(self) -> None:
            try:
                _, query, body = self._asked()
            except LookupError:
                self._answer(404)
                return
            if query["uploadType"] == "resumable":
                said = json.loads(body)
                begun[said["name"]] = said, query.get("ifGenerationMatch")
                where = f"http://{self.headers['Host']}/upload/storage/v1/b/models/o?upload={said['name']}"
                self._answer(200, {"name": said["name"]}, {"Location": where})
                return
            about, content = _parts(body, self.headers["Content-Type"])
            said = json.loads(about)
            self._put(said["name"], content, said, query)

        def do_PUT(self) -> None:
            _, query, body = self._asked()
            said, generation = begun[query["upload"]]
            self._put(query["upload"], body, said, {"ifGenerationMatch": generation} if generation else {})

        def do_DELETE(self) -> None:
            name, _, _ = self._asked()
            storage.objects.pop(name, None)
            self._answer(204)

        def _put(self, name: str, content: bytes, said: dict[str, Any], query: dict[str, str]) -> None:
            status = storage.refuse("PUT", name)
            answer = (status, None) if status else storage.put(name, content, said, query.get("ifGenerationMatch"))
            self._answer(*answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _parts(body: bytes, content_type: str) -> list[bytes]:
    """The contents of multipart/related, to the byte."""
    boundary = content_type.partition("boundary=")[2].strip("\"'").encode()
    parts = body.split(b"--" + boundary)[1:-1]
    return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Answers for `gs://models` while it lasts, to this process and those that it starts."""
    storage = Storage()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(storage))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    gcs_path._client.cache_clear()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        gcs_path._client.cache_clear()
