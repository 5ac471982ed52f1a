"""The names in a file of labels, one a line, in whatever encoding its writer's system had."""

import codecs

# The longest marks first: UTF-16's is the beginning of UTF-32's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read(content: bytes) -> list[str]:
    """The lines without a byte-order mark and without empty ones at the end."""
    lines = [line.removesuffix("\r") for line in _decoded(content).split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _decoded(content: bytes) -> str:
    """What is no UTF-8 was written on Windows in the West, or in Latin-1, which gives every byte a character."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
