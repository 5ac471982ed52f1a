"""`{SPAN}` and `{VERSION}` in the name of a data folder: the newest is taken, as TFX's own patterns do.

`pictures/{SPAN}/{VERSION}`; a width as in `{SPAN:3}`; dates as `{YYYY}-{MM}-{DD}` instead of a span.
"""

import os
from typing import NamedTuple

from tfx.components.example_gen import utils
from tfx.proto import example_gen_pb2

from components.data_error import DataError


class Newest(NamedTuple):
    """A folder, and what its name says; 0 and None where it says nothing, as TFX has it."""

    folder: str
    span: int
    version: int | None


def is_pattern(folder: str) -> bool:
    """Whether something in the name is to be filled in."""
    return "{" in folder


def newest(folder: str) -> Newest:
    """The newest span of a pattern, and of that the newest version; any other folder is itself.

    Raises:
        DataError: no folder is called so, or the pattern is none.
    """
    if not is_pattern(folder):
        return Newest(folder, 0, None)
    split = example_gen_pb2.Input.Split(name="data", pattern=os.path.abspath(folder))
    try:
        _, span, version = utils.calculate_splits_fingerprint_span_and_version("", [split])
    except ValueError as error:
        raise DataError(f"--data {folder}: {error}. Wanted folders that are called so, with numbers there.") from error
    return Newest(split.pattern, span, version)
