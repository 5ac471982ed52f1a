"""proof/ingest.md: what the long drills of ingestion found, a section each, so that each can be run alone."""

from __future__ import annotations

import re
from pathlib import Path

RECORD = Path(__file__).with_name("ingest.md")
_TITLE = "# What ingestion bears, and what it costs\n"


def write(heading: str, text: str) -> None:
    """Puts a section in, or in the place of the one with this heading."""
    before = RECORD.read_text(encoding="utf-8") if RECORD.exists() else _TITLE
    sections = re.split(r"(?m)^(?=## )", before)
    section = f"## {heading}\n\n{text.strip()}\n"
    kept = [part.strip() + "\n" for part in sections if not part.startswith(f"## {heading}\n")]
    RECORD.write_text("\n".join([kept[0], *sorted([*kept[1:], section])]), encoding="utf-8")
