"""Mutants of every kind of bytes from outside, through our own parsers, in a child that may crash. Writes fuzz.md.

Command: python -m proof.fuzz TFLITE [COUNT]; TFLITE is an int8 file of ours, COUNT the mutants of each kind (1,000).
The same seed gives the same mutants. Before it begins, each planted fault of fuzz_child.py must be found.
"""

from __future__ import annotations

import collections
import io
import random
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from components.containers import tfrecord
from components.ingestion import example_writer
from components.release import bundle
from components.sources.source import Category
from tests.components.sources import small_ilsvrc
from tests.components.sources.tars import pack
from trainer.limited_process import LimitedProcess, ProcessError
from trainer.pictures.check import normalise

REPORT = Path(__file__).with_name("fuzz.md")
SEED = 1
SECONDS = 5  # Of CPU time for each.
PLANTED = {"planted crash": "SIGSEGV", "planted hang": "CPU time", "planted 3 GB": "memory", "planted error": "Index"}
_XML = (
    b"<annotation><filename>a</filename><size><width>9</width><height>9</height></size><object><name>n01440764</name>"
)
_BOX = b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"


def seeds(tflite: bytes) -> Mapping[str, list[bytes]]:
    """What the mutants of each kind are made of."""
    pictures = [_picture(kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")]
    example = example_writer.parts(normalise(pictures[0]), label=1, category=Category("a", "a", "a"), filename="a.jpg")
    mats = [small_ilsvrc.meta(small_ilsvrc.IDS, compressed=compressed) for compressed in (True, False)]
    return {
        "tflite": [tflite],
        "labels in a zip": [tflite],
        "meta.mat": mats,
        "pictures": [*pictures, _picture("JPEG", progressive=True)],
        "tar": [pack([("ant/1.jpg", b"x" * 700), (f"{'a' * 120}/2.jpg", b"y")])],
        "TFRecord": [b"".join(tfrecord.framed(example))],
        "manifest of pictures": [b'{"file_name": "a.jpg", "label": "ant"}\n{"file_name": "b.jpg", "label": 3}\n'],
        "boxes, XML": [_XML + _BOX],
        "boxes, CSV": [b"a.JPEG,0.1,0.2,0.3,0.4\nb.JPEG,0,0,1,1\n"],
        "manifest.json": [bundle._manifest({"info.json": "0" * 64, "a/b": "f" * 64})],
    }


def _picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(SEED).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(pixels).save(out, kind, comment=b"a comment", **options)
    return out.getvalue()


def mutants(sources: list[bytes], count: int) -> Iterator[bytes]:
    """Each with one to nine changes: a bit, a byte, a number of four bytes, a cut, a piece doubled or moved."""
    chance = random.Random(SEED)
    for number in range(count):
        data = bytearray(sources[number % len(sources)])
        for _ in range(chance.choice([1, 1, 1, 2, 3, 9])):
            _change(data, chance)
        yield bytes(data)


def _change(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(max(1, len(data)))
    kind = chance.random()
    if not data or kind < 0.3:
        data[at : at + 1] = bytes([chance.randrange(256)])
    elif kind < 0.6:
        data[at] ^= 1 << chance.randrange(8)
    elif kind < 0.85:
        number = chance.choice([0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, chance.randrange(1 << 32)])
        data[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
    elif kind < 0.9:
        del data[at:]
    else:
        end = at + chance.randrange(1, 64)
        data[at:end] = data[at:end] * chance.randrange(3)


class Harness:
    """One child after another: each serves until it dies."""

    def __init__(self) -> None:
        self._child: LimitedProcess | None = None

    def outcome(self, kind: str, data: bytes) -> str:
        """`taken`, `refused`, or what was found."""
        self._child = self._child or LimitedProcess("proof.fuzz_child")
        try:
            answer, _ = self._child.ask({"do": kind}, data, seconds=SECONDS)
        except ProcessError as error:
            self._child = None
            return str(error)
        outcome = str(answer.get("outcome", answer.get("error")))
        return f"{outcome}: {answer['said']}" if outcome == "error" else outcome


def main(tflite: str, count: str = "1000") -> None:
    harness = Harness()
    for kind, wanted in PLANTED.items():
        if wanted not in (found := harness.outcome(kind, b"x")):
            raise RuntimeError(f"{kind} was not found: {found}")
    rows, findings = [], []
    for kind, sources in seeds(Path(tflite).read_bytes()).items():
        began, outcomes, slowest = time.monotonic(), collections.Counter(), 0.0
        for number, data in enumerate(mutants(sources, int(count))):
            before = time.monotonic()
            outcome = harness.outcome(kind, data)
            slowest = max(slowest, time.monotonic() - before)
            outcomes[outcome if outcome in ("taken", "refused") else "found"] += 1
            if outcome not in ("taken", "refused"):
                findings.append(f"* {kind}, mutant {number}: {outcome}")
        numbers = " | ".join(f"{outcomes[each]:,}" for each in ("taken", "refused", "found"))
        rows.append(f"| {kind} | {int(count):,} | {numbers} | {slowest:.1f} | {time.monotonic() - began:.0f} |")
        print(rows[-1], flush=True)
    head = "| parser | mutants | taken | refused | found in the child | slowest, s | all, s |\n" + "| --- " * 7 + "|"
    about = f"`python -m proof.fuzz TFLITE {count}`, seed {SEED}. {', '.join(PLANTED)}: each was found first."
    ends = "What was found in the child ended no process of ours: the commands say it of the file.\n\n"
    REPORT.write_text(
        f"# Mutants\n\n{about}\n\n{head}\n" + "\n".join(rows) + f"\n\n{ends}" + "\n".join(findings[:100]) + "\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
