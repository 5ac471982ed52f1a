"""How large a picture may be, and what is done with EXIF's orientation. Imports nothing: options are made of these."""

from typing import Literal

Orientation = Literal["recorded", "applied"]
RECORDED: Orientation = "recorded"
APPLIED: Orientation = "applied"
TURNED = "EXIF orientation applied"  # The reason that ingestion notes.

MAX_PIXELS = 64_000_000  # 8000 x 8000. Larger ones are bombs or posters, and 200 MB each once decoded.
MAX_BYTES = 256 << 20  # Of one file.
