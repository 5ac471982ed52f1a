"""What stands around a picture's pixels: any comment that programs write is taken, and a flood is refused at once."""

import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from trainer.pictures.check import Refused, normalise

ODD = Path(__file__).parents[2] / "data" / "strangers"


def encoded(kind: str, **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, kind, **options)
    return out.getvalue()


def gif(*extensions: bytes) -> bytes:
    data = encoded("GIF")
    palette = 13 + (6 << (data[10] & 7) if data[10] & 0x80 else 0)
    return data[:palette] + b"".join(extensions) + data[palette:]


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    data = encoded("PNG")
    made = [struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for name, c in chunks]
    return data[:33] + b"".join(made) + data[33:]


COMMENT = b"!\xfe" + (b"\xff" + b"a" * 255) * 300 + b"\0"  # 76 KB: a JPEG's comment has 64 at most.
TAKEN = {
    "GIF comment": gif(COMMENT),
    "several": gif(*[COMMENT] * 5),
    "PNG text": png((b"zTXt", b"comment\0\0" + zlib.compress(b"a" * 100_000))),
    "PNG text, plain": png((b"tEXt", b"comment\0" + b"a" * 100_000)),
    "PNG text of 176 bytes": (ODD / "png_ztxt_comment_small.png").read_bytes(),
}


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN)
def test_a_long_comment_is_left_out_of_the_jpeg_and_stops_nothing(data):
    jpeg = normalise(data).jpeg
    with Image.open(io.BytesIO(jpeg)) as image:
        assert "comment" not in image.info
    assert len(jpeg) < 30_000


JPEG, PROGRESSIVE = encoded("JPEG"), encoded("JPEG", progressive=True)
FLOODS = {
    "fill bytes": JPEG[:2] + b"\xff" * 20_000_000 + JPEG[2:],
    "empty APP2": JPEG[:2] + b"\xff\xe2\0\2" * 5_000_000 + JPEG[2:],
    "empty APP2 behind the scans": PROGRESSIVE[:-2] + b"\xff\xe2\0\2" * 5_000_000 + PROGRESSIVE[-2:],
    "a GIF's comment": gif(b"!\xfe" + (b"\xff" + b"a" * 255) * 80_000 + b"\0"),
    "a GIF's comments": gif(b"!\xfe\1a\0" * 1_000_000),
    "a PNG's chunks": png(*[(b"zzZz", b"")] * 100_000),
    "a PNG's pieces of pixels": png(*[(b"IDAT", b"")] * 200_000),
    "a WebP's chunks": encoded("WEBP") + b"ABCD\0\0\0\0" * 2_000_000,
}


@pytest.mark.parametrize("data", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_refused_within_a_second_of_cpu_time(data):
    before = time.process_time()
    with pytest.raises(Refused, match="absurd"):
        normalise(data)
    assert time.process_time() - before < 1
