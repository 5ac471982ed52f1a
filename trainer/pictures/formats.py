"""The formats of pictures that are read, by their first bytes, whatever a file is called."""

from collections.abc import Mapping

# By Pillow's names: what a file of each begins with, and at which byte.
MAGIC: Mapping[str, tuple[bytes, int]] = {
    "JPEG": (b"\xff\xd8\xff", 0),
    "PNG": (b"\x89PNG\r\n\x1a\n", 0),
    "GIF": (b"GIF8", 0),
    "BMP": (b"BM", 0),
    "WEBP": (b"WEBP", 8),
}


def format_of(head: bytes) -> str | None:
    """Pillow's name of the format that a file with these first bytes has; None for what is not read."""
    return next((name for name, (magic, at) in MAGIC.items() if head[at : at + len(magic)] == magic), None)
