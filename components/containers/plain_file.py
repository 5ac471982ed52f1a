"""A file of the user's, opened to be read in small pieces."""

import contextlib
import io
import os
import stat
from collections.abc import Iterator

from components.data_error import DataError


@contextlib.contextmanager
def opened(path: str, *, wanted: str) -> Iterator[tuple[io.FileIO, int]]:
    """The file, unbuffered, and its bytes.

    Args:
        wanted: what it should be, for messages.

    Raises:
        DataError: it cannot be read, or is no file.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # A pipe would block for ever.
            raise DataError(f"{path} is not a file. Wanted {wanted}.")
        with open(path, "rb", buffering=0) as file:
            yield file, status.st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
