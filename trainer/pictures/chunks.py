"""How much may stand around a picture's pixels: the decoders walk chunk by chunk, some of them in quadratic time.

The limits are far over what programs write, and each costs at most some tenths of a second.
"""

from trainer.pictures.header import Refused

_PNG_CHUNKS, _PNG_DATA = 2_000, 100_000  # The second of IDAT: some programs write one for each 4 KB, or each row.
_GIF_COMMENT, _GIF_OTHER = 1 << 20, 16 << 20  # Bytes before the first frame. Pillow joins comments piece by piece.
_GIF_EXTENSIONS = 1_000
_WEBP_CHUNKS = 20_000  # A frame of an animation is one.
_JPEG_PROFILES, _BYTES_A_PROFILE = 4_096, 1 << 14  # APP2 segments, which libjpeg keeps: so many, and one a 16 KB.


def check(data: bytes, name: str) -> None:
    """Of a picture whose header was read as this format's.

    Raises:
        Refused: more chunks, comments or extensions than any program writes.
    """
    if name in _CHECKS:
        _CHECKS[name](data)


def _jpeg(data: bytes) -> None:
    """All of them are counted, as some may stand between scans; in other data two bytes in 65,536 look like one."""
    _limit("JPEG", "APP2 segments", data.count(b"\xff\xe2"), _JPEG_PROFILES + len(data) // _BYTES_A_PROFILE)


def _png(data: bytes) -> None:
    at, chunks, pixels = 8, 0, 0
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IDAT":
            pixels += 1
            _limit("PNG", "chunks of pixels", pixels, _PNG_DATA)
        else:
            chunks += 1
            _limit("PNG", "chunks", chunks, _PNG_CHUNKS)
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _gif(data: bytes) -> None:
    at = 13 + (6 << (data[10] & 7) if data[10:11] >= b"\x80" else 0)  # Behind the palette.
    extensions = comments = others = 0
    while data[at : at + 1] == b"!":
        extensions += 1
        _limit("GIF", "extensions", extensions, _GIF_EXTENSIONS)
        is_comment, at = data[at + 1 : at + 2] == b"\xfe", at + 2
        while size := int.from_bytes(data[at : at + 1], "big"):  # An empty block ends an extension.
            at += 1 + size
            comments, others = (comments + size, others) if is_comment else (comments, others + size)
            _limit("GIF", "bytes of comments", comments, _GIF_COMMENT)
            _limit("GIF", "bytes of extensions", others, _GIF_OTHER)
        at += 1


def _webp(data: bytes) -> None:
    at, chunks = 12, 0
    while at + 8 <= len(data):
        chunks += 1
        _limit("WebP", "chunks", chunks, _WEBP_CHUNKS)
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def _limit(name: str, what: str, count: int, most: int) -> None:
    if count > most:
        raise Refused(f"absurd {name}: more than {most:,} {what}")


_CHECKS = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp}
