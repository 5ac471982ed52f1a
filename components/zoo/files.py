"""The zoo's files: zoo.html, zoo.csv, zoo.md and zoo.json, in a folder of their own beside the variants' bundles."""

from __future__ import annotations

from pathlib import Path

from components.release import gcs_path
from components.release.gcs_path import Place
from components.zoo import tables, zoo_page
from components.zoo.models import Zoo, ZooError

FOLDER = "zoo"  # Beside the variants' folders.
PAGE, JSON, CSV, MARKDOWN = "zoo.html", "zoo.json", "zoo.csv", "zoo.md"
FILES = (PAGE, CSV, MARKDOWN, JSON)  # Programs go by the last, so that it comes last.


def write(zoo: Zoo, folder: Path) -> Path:
    """The four files; returns the folder.

    Raises:
      ZooError: they cannot be written.
    """
    contents = {
        PAGE: zoo_page.render(zoo),
        CSV: tables.as_csv(zoo),
        MARKDOWN: tables.as_markdown(zoo),
        JSON: tables.as_json(zoo),
    }
    for name, content in contents.items():
        _replace(folder / name, content.encode())
    return folder


def deliver(folder: Path, base: Place) -> Place:
    """Copies the four files to `<base>/zoo/`, those that are not there already; each whole, or as it was before.

    Raises:
      ZooError: they cannot be read or written.
    """
    target = base / FOLDER
    for name in FILES:
        try:
            content = (folder / name).read_bytes()
            there = (target / name).read_bytes() if (target / name).is_file() else None
        except OSError as error:
            raise ZooError(f"the zoo's {name} cannot be read: {error}. Run ZooReport again, with --from.") from error
        if there != content:
            _replace(target / name, content)
    return target


def _replace(file: Place, content: bytes) -> None:
    try:
        if isinstance(file, Path):
            file.parent.mkdir(parents=True, exist_ok=True)
        gcs_path.replace(file, content)
    except OSError as error:
        raise ZooError(f"{file} cannot be written: {error}. Make room or give another destination.") from error
