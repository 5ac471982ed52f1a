"""Cloud Storage with what we use of pathlib: the same code reads a folder and `gs://bucket/prefix`.

A `BucketPath` is the name of an object, or of the objects under it: a bucket has no folders, so that there is none to
make or to rename. Each write is whole or not at all (the service's own promise). Errors are OSErrors, as pathlib's are.
It is not cloud_paths.py's way, a mount, which is there on Vertex AI's nodes and Kubeflow's only.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from trainer import outside_file
from trainer.whole import write_file

_SCHEME = "gs://"
_LARGEST = 1 << 30  # Bytes of an object that is read. A bundle's largest file has 20 million.
_TIMEOUT = 60  # Seconds without an answer.


class Stat(NamedTuple):
    """Of an object: its bytes."""

    st_size: int


@dataclass(frozen=True, order=True)
class BucketPath:
    """`gs://bucket/a/b`; `key` is `a/b`, and empty for the bucket itself."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> BucketPath:
        return BucketPath(self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> BucketPath:
        return BucketPath(self.bucket, self.key.rpartition("/")[0])

    def is_file(self) -> bool:
        return self._blob() is not None

    def is_dir(self) -> bool:
        with _as_os_errors(self):
            return next(iter(self._listed(max_results=1)), None) is not None

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_symlink(self) -> bool:
        """There is no such thing."""
        return False

    def stat(self) -> Stat:
        """Raises FileNotFoundError: no such object."""
        blob = self._blob()
        if blob is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", str(self))
        return Stat(int(blob.size))

    def iterdir(self) -> Iterator[BucketPath]:
        """What a folder would hold: objects, and the first parts of the names of those further down."""
        with _as_os_errors(self):
            listed = self._listed(delimiter="/")
            keys = {blob.name for blob in listed} | {prefix.rstrip("/") for prefix in listed.prefixes}
        return (BucketPath(self.bucket, key) for key in sorted(keys) if not key.endswith("/"))

    def objects(self) -> list[str]:
        """Relative names of all objects under it. Those that end in / stand for empty folders, made by consoles."""
        with _as_os_errors(self):
            names = [blob.name.removeprefix(self._prefix) for blob in self._listed()]
        return sorted(name for name in names if name and not name.endswith("/"))

    def read_bytes(self) -> bytes:
        """Compared with the service's checksum on the way."""
        if (size := self.stat().st_size) > _LARGEST:
            raise OSError(errno.EFBIG, f"{size:,} bytes, wanted at most {_LARGEST:,}", str(self))
        with _as_os_errors(self):
            return self._object().download_as_bytes(timeout=_TIMEOUT)

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> IO[bytes]:
        """For reading bytes alone."""
        if mode != "rb":
            raise ValueError(f"mode is {mode!r}, wanted 'rb'")
        return io.BytesIO(self.read_bytes())

    def write_bytes(self, content: bytes) -> None:
        """In place of what was there, if anything was."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        with _as_os_errors(self):
            self._object().upload_from_string(
                content, content_type="application/octet-stream", checksum="md5", timeout=_TIMEOUT, retry=DEFAULT_RETRY
            )

    def upload(self, source: Path, *, new: bool = False) -> None:
        """A file as an object; the service compares what arrives with its MD5 sum.

        Args:
          new: refuse to write over one that is there, with a FileExistsError.
        """
        from google.cloud.storage.retry import DEFAULT_RETRY

        with _as_os_errors(self):
            self._object().upload_from_filename(
                str(source), content_type="application/octet-stream", checksum="md5", timeout=_TIMEOUT,
                if_generation_match=0 if new else None, retry=DEFAULT_RETRY,
            )  # fmt: skip

    def unlink(self) -> None:
        with _as_os_errors(self):
            self._object().delete(timeout=_TIMEOUT)

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _object(self) -> Any:
        return _client().bucket(self.bucket).blob(self.key)

    def _blob(self) -> Any:
        if not self.key:
            return None
        with _as_os_errors(self):
            return _client().bucket(self.bucket).get_blob(self.key, timeout=_TIMEOUT)

    def _listed(self, **options: Any) -> Any:
        return _client().list_blobs(self.bucket, prefix=self._prefix or None, timeout=_TIMEOUT, **options)


Place = Path | BucketPath


def place(text: str) -> Place:
    """`gs://bucket/prefix` or a path, which is made absolute.

    Raises:
      ValueError: another scheme, or no bucket's name.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Path(text).absolute()
    bucket, _, key = rest.partition("/")
    parts = [part for part in key.split("/") if part]
    if f"{scheme}://" != _SCHEME or not bucket or {".", ".."} & set(parts):
        raise ValueError(f"{text} is neither a folder nor a place in Cloud Storage, wanted such as gs://bucket/models.")
    return BucketPath(bucket, "/".join(parts))


def below(base: Place, file: Place) -> str:
    """The name of `file` from `base` on, with / between its parts."""
    return file.relative_to(str(base)).as_posix() if isinstance(file, Path) else str(file).removeprefix(f"{base}/")


def read(place: Place, most: int, *, within: Place | None = None) -> bytes:
    """A file's or an object's bytes.

    Args:
      within: a folder that it lies in, out of which no link is followed.

    Raises:
      OutsideFileError: no file, or more than `most` bytes.
      OSError: it cannot be read.
    """
    if isinstance(place, BucketPath):
        return outside_file.bounded(place.open(), most, place)
    return outside_file.read(place, most=most, within=None if within is None else str(within))


def replace(target: Place, content: bytes) -> None:
    """Writes a small file, whole or as it was before.

    Raises:
      OSError: it cannot be written.
    """
    if isinstance(target, BucketPath):
        target.write_bytes(content)
    else:
        write_file(target, content)


@functools.lru_cache(maxsize=1)
def _client() -> Any:
    """With the login of this machine or node. The project matters for making buckets, which we never do."""
    from google.cloud import storage

    return storage.Client(project="none")


@contextlib.contextmanager
def _as_os_errors(where: BucketPath) -> Iterator[None]:
    from google.api_core import exceptions
    from google.auth import exceptions as auth_exceptions
    from google.resumable_media import common

    try:
        yield
    except exceptions.NotFound as error:
        raise FileNotFoundError(errno.ENOENT, _words(error, "no such object or bucket"), str(where)) from error
    except exceptions.PreconditionFailed as error:
        raise FileExistsError(errno.EEXIST, "there is such an object", str(where)) from error
    except (exceptions.Forbidden, exceptions.Unauthorized) as error:
        raise PermissionError(errno.EACCES, _words(error, "not allowed"), str(where)) from error
    except auth_exceptions.GoogleAuthError as error:
        said = f"no login for Google Cloud ({_words(error, '')}): run `gcloud auth application-default login`"
        raise PermissionError(errno.EACCES, said, str(where)) from error
    except (exceptions.GoogleAPIError, common.DataCorruption, common.InvalidResponse) as error:
        raise OSError(errno.EIO, _words(error, "Cloud Storage does not answer"), str(where)) from error


def _words(error: Exception, otherwise: str) -> str:
    return " ".join(str(error).split())[:300] or otherwise
