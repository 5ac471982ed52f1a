"""The files of a new project, whole or not at all."""

from __future__ import annotations

from pathlib import Path

PICTURES = "pictures"
_TEMPLATE = Path(__file__).parent / "template"


class ProjectError(ValueError):
    """Something lies where the project would."""


def create(folder: Path) -> list[Path]:
    """Writes the template's files and the folder for pictures; returns all that it wrote.

    Raises:
      ProjectError: one of them is there already; nothing was written.
      OSError: the folder cannot be written.
    """
    contents = {each.name: each.read_text(encoding="utf-8") for each in sorted(_TEMPLATE.iterdir()) if each.is_file()}
    if there := [name for name in contents if (folder / name).exists()]:
        raise ProjectError(f"{folder} has {', '.join(there)} already: give a new folder, or move them away.")
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    try:
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError:
        for name in contents:
            (folder / name).unlink(missing_ok=True)
        raise
    return [folder / PICTURES, *(folder / name for name in contents)]
