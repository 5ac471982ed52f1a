"""The reference's published releases, fetched once and held to the SHA-256 that they had then.

Nobody has published their sums: the first download's goes into a file beside it, as `sha256sum -c` reads it, and every
later one must have it too. What was cut off is kept in NAME.part and goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pooch
import requests
import urllib3

from trainer.digest import sha256_file
from trainer.network.variant import RESOLUTIONS, WIDTHS, Variant, VariantError
from trainer.whole import write_file

if TYPE_CHECKING:
    from requests import Response

BASE_URL = "https://download.tensorflow.org/models/mobilenet_v1_2018_08_02"
CONNECT_SECONDS, READ_SECONDS = 15, 60

Follow = Callable[[int, int | None], None]  # Bytes so far, and in all where the server says so.

_CHUNK = 1 << 16
_PARTIAL, _NOT_SATISFIABLE = 206, 416  # HTTP's.
_GZIP = b"\x1f\x8b"


class DownloadError(OSError):
    """No such release, no connection, or not the file that it was."""


def download(release: str, folder: Path, *, base_url: str = BASE_URL, follow: Follow | None = None) -> Path:
    """Fetches `1.0_224` or `1.0_224_quant` into the folder, if it is not there already; → the .tgz file.

    Raises:
      DownloadError: see there. What came before the connection broke is kept for the next call.
    """
    name = file_name(release)
    path, url = folder / name, f"{base_url.rstrip('/')}/{name}"
    fetch = ResumingDownloader(path.with_name(f"{name}.part"), follow or (lambda done, total: None))
    fetch.check_part()
    with _plain_errors(url, path):
        pooch.get_logger().setLevel("ERROR")  # It would advise to write sums into the code.
        pooch.retrieve(url, known_hash=recorded_digest(path), fname=name, path=folder, downloader=cast("Any", fetch))
        if recorded_digest(path) is None:
            _record(path)
    return path


def file_name(release: str) -> str:
    """`0.50_160_quant` → `mobilenet_v1_0.5_160_quant.tgz`: the files' names have 0.5 where the table has 0.50."""
    quant = "_quant" if release.endswith("_quant") else ""
    variant = Variant.parse(release.removesuffix("_quant"))
    if variant.width not in WIDTHS or variant.resolution not in RESOLUTIONS:
        raise VariantError(
            f"{release} was not published: wanted one of the widths {', '.join(map(str, WIDTHS))} and of the "
            f"resolutions {', '.join(map(str, RESOLUTIONS))}, with _quant behind or not, such as 1.0_224_quant."
        )
    return f"mobilenet_v1_{variant.width}_{variant.resolution}{quant}.tgz"


def digest_file(path: Path) -> Path:
    """Where the SHA-256 of a download is recorded."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str | None:
    """The SHA-256 that the first download had; None if there was none."""
    file = digest_file(path)
    if not file.is_file():
        return None
    recorded = file.read_text(encoding="utf-8")
    if not (match := re.match(r"[0-9a-f]{64}\b", recorded)):
        raise DownloadError(f"{file} begins with {recorded[:20]!r}, wanted a SHA-256. Delete it to record it anew.")
    return match[0]


class ResumingDownloader(pooch.HTTPDownloader):
    """pooch's downloader, which begins anew each time, made to go on: by HTTP Range, if the server's file is the same.

    Args:
      part: where what has come so far is kept; beside it, what the server called that version of the file.
      follow: told of every chunk.
    """

    def __init__(self, part: Path, follow: Follow) -> None:
        super().__init__(chunk_size=_CHUNK)
        self._part, self._follow = part, follow
        self._version = part.with_name(f"{part.name}.version")

    def check_part(self) -> None:
        """One of ours has its version beside it, which is written first and deleted last.

        Raises:
          DownloadError: another program's file has its name.
        """
        if os.path.lexists(self._part) and not self._version.is_file():
            raise DownloadError(
                f"{self._part} is there, and no download of ours left it: move it away, or give another --output."
            )

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> bool | None:
        """Fetches into `part`, trying again as long as that brings more, and moves it to `output_file`."""
        if check_only:
            return super().__call__(url, output_file, pooch, check_only=True)
        while True:
            before = self._size()
            try:
                self._fetch(url, self._range())
                break
            except requests.ConnectionError:
                if self._size() <= before:
                    raise
        self._check(url)
        os.replace(self._part, output_file)
        self._version.unlink(missing_ok=True)
        return None

    def _fetch(self, url: str, rest: dict[str, str]) -> None:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        headers = {"Accept-Encoding": "identity", **rest}  # What is packed on the way has no ranges.
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
            if response.status_code != _NOT_SATISFIABLE or not rest:
                response.raise_for_status()
                return self._keep(response)
        self._part.unlink()  # All was here, or the server has less: a kill between the last byte and the move.
        return self._fetch(url, {})

    def _range(self) -> dict[str, str]:
        """Asks for the rest, or for all if the file has changed since; without a version nobody can tell."""
        version = self._version.read_text(encoding="utf-8") if self._version.is_file() else ""
        return {"Range": f"bytes={self._size()}-", "If-Range": version} if version and self._size() else {}

    def _keep(self, response: Response) -> None:
        resumed = response.status_code == _PARTIAL
        start = self._size() if resumed else 0
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise DownloadError(f"{response.url} answered another range than from byte {start}: delete {self._part}.")
        if not resumed:
            self._version.write_text(_version(response), encoding="utf-8")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with self._part.open("ab" if resumed else "wb") as file:
            for chunk in _as_sent(response):
                file.write(chunk)
                self._follow(file.tell(), total)
        if total is not None and self._size() != total:
            raise requests.ConnectionError(f"it ended after {self._size()} of {total} bytes")

    def _check(self, url: str) -> None:
        """Some networks answer everything with a page of their own."""
        with self._part.open("rb") as file:
            begin = file.read(20)
        if not begin.startswith(_GZIP):
            self._part.unlink()
            raise DownloadError(f"{url} is no .tgz, it begins with {begin!r}. --url BASE names another server.")

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0


def _as_sent(response: Response) -> Iterator[bytes]:
    """Not unpacked, where a server calls a .tgz the gzip encoding of a .tar."""
    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def _version(response: Response) -> str:
    """What If-Range takes: a strong ETag, else the time of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _record(path: Path) -> None:
    write_file(digest_file(path), f"{sha256_file(path)}  {path.name}\n".encode())


@contextlib.contextmanager
def _plain_errors(url: str, path: Path) -> Iterator[None]:
    try:
        yield
    except requests.HTTPError as error:
        raise DownloadError(f"{url} cannot be had: {error}. --url BASE names another server.") from error
    except requests.RequestException as error:
        raise DownloadError(
            f"{url} cannot be reached, or the connection broke ({_reason(error)}). The same command goes on from "
            f"what has come; --url BASE names a mirror; and a {path.name} from elsewhere serves as well."
        ) from error
    except ValueError as error:  # pooch's: the sum is another one.
        raise DownloadError(
            f"{url} is not the file that was downloaded first: {error} If that is meant, delete {digest_file(path)}."
        ) from error


def _reason(error: requests.RequestException) -> str:
    """The innermost, without the objects that urllib3 puts around it."""
    inner = error.args[0] if error.args else error
    return re.sub(r"<[^>]*>: ", "", str(getattr(inner, "reason", inner)))
