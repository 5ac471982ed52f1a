"""The format version of the JSON and YAML files that we write for others to read. docs/files.md lists them all.

Each file's version stands in the module that owns the file, so that a new version of one changes no other's readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer import outside_file

KEY = "format"


class FormatError(ValueError):
    """A file of a newer version, or one that is not what its name says."""


@dataclass(frozen=True)
class FileFormat:
    """A kind of file, and the newest version of it that this code writes and reads.

    Readers ignore keys that they do not know, so a new key keeps the version. Raise it where older readers would
    misread the file, and keep reading what older versions wrote.
    """

    file: str
    version: int = 1

    def stamped(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content to write, its version first."""
        return {KEY: self.version, **content}

    def checked(self, content: Any, where: object) -> dict[str, Any]:
        """The content as read, the version left in it. Files of version 0.1.0 have none: that is version 1.

        Raises:
          FormatError: no object, no version number, or a newer version than this code reads.
        """
        if not isinstance(content, Mapping):
            raise FormatError(f"{where} holds {_kind(content)}, wanted the object of a {self.file}. Write it again.")
        found = content.get(KEY, 1)
        if type(found) is not int or found < 1:
            raise FormatError(f"{where} has {KEY} {found!r}, wanted a whole number from 1 on. Write it again.")
        if found > self.version:
            raise FormatError(
                f"{where} is a {self.file} of format {found}, and this version reads formats up to {self.version}. "
                "Update this project, or write the file again with this version."
            )
        return dict(content)

    def read(self, path: Path) -> dict[str, Any]:
        """The content of a JSON file.

        Raises:
          FormatError: see `checked`.
          OSError, ValueError: it cannot be read, or is no JSON.
        """
        return self.checked(outside_file.read_json(path), path)


def _kind(content: Any) -> str:
    return "nothing" if content is None else f"a {type(content).__name__}"
