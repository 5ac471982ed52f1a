"""An ingestion of as many pictures as ImageNet has, tiny ones out of two tars: how long it takes, and how much memory.

python -m proof.ingest_scale --pictures 128116 [--workers 2] [--folder DIR]
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
PICTURES, CLASSES = 1_281_167, 1000
EVAL_SHARE = 25  # One picture of eval for so many of train, about as in ImageNet.
_BLOCK = 512


class Cost(NamedTuple):
    """Seconds by the clock, of CPU, and the most memory of all its processes together, in bytes."""

    seconds: float
    cpu: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for 5 GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        make_tars(Path(folder) / "data", options.pictures)
        cost = ingest(Path(folder) / "data", Path(folder) / "out", workers=options.workers)
    print(f"{options.pictures:,} pictures, {options.workers} workers: {told(cost)}")


def told(cost: Cost) -> str:
    """The cost in words."""
    return f"{cost.seconds:,.0f} s, {cost.cpu:,.0f} s of CPU, {cost.memory / 1e6:,.0f} MB of memory at most"


def make_tars(folder: Path, pictures: int) -> None:
    """train.tar and val.tar of class folders; every picture is another one, of 16 x 16 pixels."""
    folder.mkdir(parents=True)
    jpegs = [_jpeg(seed) for seed in range(100)]
    for tar, count in (("train.tar", pictures), ("val.tar", max(CLASSES, pictures // EVAL_SHARE))):
        with (folder / tar).open("wb", buffering=1 << 20) as file:
            for number in range(count):
                jpeg, comment = jpegs[number % len(jpegs)], f"{tar} {number:8}".encode()
                data = jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
                name = f"class_{number % CLASSES:04}/{tar[:-4]}_{number:08}.JPEG"
                file.write(_header(name.encode(), len(data)) + data + bytes(-len(data) % _BLOCK))
            file.write(bytes(2 * _BLOCK))


def _jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)).save(out, "JPEG", quality=50)
    return out.getvalue()


def _header(name: bytes, size: int) -> bytes:
    """A ustar header; tarfile's own takes ten times as long."""
    fields = bytearray(_BLOCK)
    fields[: len(name)] = name
    fields[100:148] = b"0000644\x000000000\x000000000\x00%011o\x0000000000000\x00" % size
    fields[148:157] = b"        0"
    fields[257:265] = b"ustar\x0000"
    fields[148:156] = b"%06o\0 " % sum(fields)
    return bytes(fields)


def ingest(data: Path, output: Path, *, workers: int) -> Cost:
    """Runs `mobilenet ingest` and watches it.

    Raises:
      RuntimeError: it failed; with what it printed.
    """
    command = [sys.executable, "-m", "pipeline", "ingest", "--data", str(data), "--output", str(output)]
    begun, memory, cpu = time.monotonic(), 0, {}
    with subprocess.Popen(
        [*command, "--beam-workers", str(workers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        while process.poll() is None:
            family = [process.pid, *_children(process.pid)]
            memory = max(memory, sum(map(_memory, family)))
            cpu |= {pid: seconds for pid in family if (seconds := _cpu(pid))}
            time.sleep(0.5)
        printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(printed)
    return Cost(time.monotonic() - begun, sum(cpu.values()), memory)


def _children(pid: int) -> Iterator[int]:
    """Those of its threads, and theirs."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in _read(task / "children").split():
            yield int(child)
            yield from _children(int(child))


def _memory(pid: int) -> int:
    """Proportional: a page that several processes share counts once in all."""
    sizes = [
        line.split()[1] for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines() if line.startswith("Pss:")
    ]
    return sum(map(int, sizes)) * 1024


def _cpu(pid: int) -> float:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100 if fields else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # It has ended.
        return ""


if __name__ == "__main__":
    main()
