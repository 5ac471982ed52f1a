"""A file of the user's, opened to be read in small pieces."""

import contextlib
import io
from collections.abc import Iterator

from components.data_error import DataError
from trainer import outside_file

_LONGEST_LINE = 1 << 20  # Characters.


@contextlib.contextmanager
def opened(path: str, *, wanted: str) -> Iterator[tuple[io.FileIO, int]]:
    """The file, unbuffered, and its bytes.

    Args:
        wanted: what it should be, for messages.

    Raises:
        DataError: it cannot be read, or is no file.
    """
    try:
        with outside_file.opened(path) as found:
            yield found
    except outside_file.OutsideFileError as error:
        raise DataError(f"{path} is not a file. Wanted {wanted}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def lines(path: str, *, wanted: str) -> Iterator[str]:
    """The lines of a text file in UTF-8, their ends left on.

    Raises:
        DataError: it cannot be read, is no file, or has a line that nobody wrote.
        UnicodeDecodeError: it is no text.
    """
    with opened(path, wanted=wanted) as (file, _):
        text = io.TextIOWrapper(io.BufferedReader(file), encoding="utf-8-sig", newline="")
        while line := text.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE:
                raise DataError(f"{path} has a line of {_LONGEST_LINE:,} characters or more. Wanted {wanted}.")
            yield line


def read(path: object, *, most: int, wanted: str) -> bytes:
    """All bytes of a small file.

    Raises:
        DataError: it cannot be read, is no file, or has more than `most` bytes.
    """
    try:
        return outside_file.read(str(path), most=most)
    except outside_file.OutsideFileError as error:
        raise DataError(f"{error} Wanted {wanted}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
