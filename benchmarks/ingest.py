"""What an ingestion costs, against a plain loop that does the same work, TFDS's writer, ArrayRecord's and a copy.

Command: python -m benchmarks.ingest [--pictures N] [--rounds N] [--peers FOLDER] [--two-workers]

Pictures of 85 KB lie in class folders, each of them another one, in the page cache. Each side runs in a process of its
own and times its work alone, without imports; the rounds go through all sides in turn, and the best of each counts.
A picture's cost is the slope between a third of the pictures and all of them, so that what a start costs is left out:
0.2 s of Beam's, and 20 s where there are two workers.
What a second core adds on this machine, two plain loops show, each with half of the pictures. Memory is that of the
process that begins the work: what it starts is not in it.
`loop` reads, looks at the header, hashes and writes with TensorFlow's own Example and TFRecordWriter; `loop, check`
decodes strictly too. `ours` is ingestion.ingest with all that it does beside: plan, report, names, renames, Beam.
TFDS and ArrayRecord take part where --peers names a folder that they were installed into:

    uv pip install --target FOLDER --no-deps tensorflow-datasets etils dm-tree promise simple-parsing immutabledict \\
        array-record toml docstring-parser fsspec importlib-resources zipp typing-extensions
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import corpus

ROOT = Path(__file__).parents[1]
CLASSES, EVAL_PICTURES = 10, 100
SIDES = ("copy", "loop", "ours", "loop, check", "ours, check", "ours of tars, check")
PEERS = ("TFDS", "ArrayRecord")
WORKERS = ("loop, check", "loop, check, two at once", "ours, check", "ours, check, two workers")
RATIOS = (
    ("ours", "loop"), ("ours, check", "loop, check"), ("ours of tars, check", "ours, check"),
    ("ours", "TFDS"), ("ours", "ArrayRecord"), ("ours", "copy"), ("ours, check, two workers", "ours, check"),
    ("loop, check, two at once", "loop, check"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="where TFDS and ArrayRecord were installed")
    parser.add_argument("--two-workers", action="store_true", help="one worker against two; minutes")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="mobilenet-ingest-") as folder:
        prepare(Path(folder), options.pictures)
        sides = [*SIDES, *(PEERS if options.peers else ())]
        print(table(costs(sides, Path(folder), options)))
        if options.two_workers:
            print(table(costs(WORKERS, Path(folder), options)))


def prepare(folder: Path, pictures: int) -> None:
    """The corpus as class folders and as tars of them, a third of it and all: {few,many}/{folders,tars}."""
    distinct = corpus.jpegs()
    for size, count in (("few", pictures // 3), ("many", pictures)):
        data, tars = folder / size / "folders", folder / size / "tars"
        tars.mkdir(parents=True)
        for split, number, tar in (("train", count, "train.tar"), ("eval", EVAL_PICTURES, "val.tar")):
            for place in range(number):
                path = data / split / f"class_{place % CLASSES}" / f"{split}_{place:07}.JPEG"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_another(distinct[place % len(distinct)], f"{split} {place}"))
            classes = sorted(path.name for path in (data / split).iterdir())
            subprocess.run(["tar", "-cf", tars / tar, "-C", data / split, *classes], check=True)


def _another(jpeg: bytes, text: str) -> bytes:
    """With a comment, so that no two have the same content."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def costs(sides: Sequence[str], folder: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """By side: seconds of a picture by the clock (`wall`) and of CPU (`cpu`), and bytes of memory at most."""
    runs = [
        {(side, size): run(side, folder / size, peers=options.peers) for side in sides for size in ("few", "many")}
        for _ in range(options.rounds)
    ]
    more = options.pictures - options.pictures // 3
    found = {}
    for side in sides:
        few, many = (
            {key: min(each[side, size][key] for each in runs) for key in ("wall", "cpu", "memory")}
            for size in ("few", "many")
        )
        found[side] = {key: (many[key] - few[key]) / more for key in ("wall", "cpu")} | {"memory": many["memory"]}
    return found


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """All sides, and the ratios of their pictures a second: as Markdown."""
    lines = ["| | pictures/s | pictures/s of CPU | memory, MB |", "| --- | --- | --- | --- |"]
    for side, cost in found.items():
        speeds = " | ".join(_told(1, cost[key], ",.0f") for key in ("wall", "cpu"))
        lines.append(f"| {side} | {speeds} | {cost['memory'] / 1e6:,.0f} |")
    lines += ["", "| ratio | by the clock | by the CPU |", "| --- | --- | --- |"]
    for one, other in RATIOS:
        if one in found and other in found:
            ratios = " | ".join(_told(found[other][key], found[one][key], ".2f") for key in ("wall", "cpu"))
            lines.append(f"| {one} : {other} | {ratios} |")
    return "\n".join(lines) + "\n"


def _told(above: float, below: float, how: str) -> str:
    """Where others keep the machine busy a slope may come out as anything."""
    return format(above / below, how) if above > 0 and below > 0 else "too noisy"


def run(side: str, folder: Path, *, peers: Path | None = None) -> dict[str, float]:
    """One side in a process of its own → seconds by the clock, of CPU, and bytes of memory at most."""
    process = _started(side, folder, peers=peers)
    out, error = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{side} failed:\n{error[-3000:]}")
    return json.loads(out.splitlines()[-1])


def _started(side: str, folder: Path, *, peers: Path | None = None) -> subprocess.Popen[str]:
    paths = [str(ROOT), *([str(peers)] if peers else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ingest", "--side", side, "--folder", str(folder)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=pipe, stderr=pipe)


def measure(side: str, folder: Path) -> dict[str, float]:
    """Runs a side, here."""
    out = Path(tempfile.mkdtemp(dir=folder))
    work = _work(side, folder, out / "out")
    before, begun = _cpu(), time.perf_counter()
    work()
    wall, cpu = time.perf_counter() - begun, _cpu() - before
    shutil.rmtree(out)
    return {"wall": wall, "cpu": cpu, "memory": _memory()}


def _memory() -> float:
    """Bytes of this process at most; getrusage would count those of the process that started it as well."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024.0


def _cpu() -> float:
    """Of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _work(side: str, folder: Path, out: Path) -> Callable[[], object]:
    data = folder / "folders"
    if side == "copy":
        return lambda: _copy(data, out)
    if side == "loop, check, two at once":
        return lambda: _halves(folder)
    if side.startswith("loop"):
        half = int(side[-1]) if "half" in side else None
        return _loop(data, out, decode="check" in side, half=half)
    if side == "TFDS":
        return _tfds(data, out)
    if side == "ArrayRecord":
        return _array_record(data, out)
    workers = 2 if "two workers" in side else 1
    return _ours(folder / "tars" if "tars" in side else data, out, check="check" in side, workers=workers)


def _copy(data: Path, out: Path) -> None:
    out.mkdir()
    for number, (path, _) in enumerate(_files(data)):
        (out / str(number)).write_bytes(path.read_bytes())


def _files(data: Path) -> Iterator[tuple[Path, int]]:
    """Every picture with its label."""
    for split in ("train", "eval"):
        for label, folder in enumerate(sorted((data / split).iterdir()), start=1):
            yield from ((path, label) for path in sorted(folder.iterdir()))


def _halves(folder: Path) -> None:
    loops = [_started(f"loop, check, half {half}", folder) for half in (0, 1)]
    said = [loop.communicate()[1] for loop in loops]
    if any(loop.returncode for loop in loops):
        raise RuntimeError("".join(said)[-3000:])


def _loop(data: Path, out: Path, *, decode: bool, half: int | None = None) -> Callable[[], object]:
    import simplejpeg
    import tensorflow as tf

    from trainer.pictures.header import read_header

    def work() -> None:
        digests = []
        files = list(_files(data))
        with tf.io.TFRecordWriter(str(out)) as writer:
            for path, label in files if half is None else files[half::2]:
                jpeg = path.read_bytes()
                header = read_header(jpeg)
                if decode:
                    simplejpeg.decode_jpeg(jpeg, "GRAY", fastdct=True, min_height=1, min_width=1, min_factor=8)
                digests.append(hashlib.sha256(jpeg).digest())
                size = (header.height, header.width)
                writer.write(_example(tf, path.name, path.parent.name, label, size, jpeg))

    return work


def _example(tf: Any, file: str, name: str, label: int, size: tuple[int, int], jpeg: bytes) -> bytes:
    """The reference's keys but for the boxes, as anybody would write them."""
    texts = {"encoded": jpeg, "filename": file.encode(), "class/synset": name.encode(), "class/text": name.encode()}
    texts |= {"colorspace": b"RGB", "format": b"JPEG"}
    numbers = {"height": size[0], "width": size[1], "channels": 3, "class/label": label}
    feature = {
        f"image/{key}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text])) for key, text in texts.items()
    }
    feature |= {
        f"image/{key}": tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
        for key, number in numbers.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _ours(data: Path, out: Path, *, check: bool, workers: int) -> Callable[[], object]:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from components.ingestion.ingest import ingest
    from components.ingestion.rules import Rules
    from pipeline.compiled.beam_flags import local_beam_flags

    options = PipelineOptions(local_beam_flags(workers=workers))
    rules = Rules(decode_check=check)
    return lambda: ingest(
        str(data), str(out), make_pipeline=lambda: beam.Pipeline(options=options), rules=rules, pictures_per_shard=250
    )


def _array_record(data: Path, out: Path) -> Callable[[], object]:
    import tensorflow as tf

    array_record_module = importlib.import_module("array_record.python.array_record_module")

    def work() -> None:
        writer = array_record_module.ArrayRecordWriter(str(out), "group_size:1")
        for path, label in _files(data):
            writer.write(_example(tf, path.name, path.parent.name, label, (375, 500), path.read_bytes()))
        writer.close()

    return work


def _tfds(data: Path, out: Path) -> Callable[[], object]:
    tfds = importlib.import_module("tensorflow_datasets")
    names = sorted(path.name for path in (data / "train").iterdir())

    class Pictures(tfds.core.GeneratorBasedBuilder):
        """As TFDS's own imagenet2012 writes them: the file's bytes, its name and its label."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            features = {
                "image": tfds.features.Image(encoding_format="jpeg"),
                "label": tfds.features.ClassLabel(names=names),
                "file_name": tfds.features.Text(),
            }
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager: Any) -> Any:
            return {split: self._generate_examples(split) for split in ("train", "eval")}

        def _generate_examples(self, split: str) -> Any:
            for path in sorted((data / split).glob("*/*")):
                yield path.name, {"image": path, "label": path.parent.name, "file_name": path.name}

    tfds.disable_progress_bar()
    builder = Pictures(data_dir=str(out))
    settings = tfds.download.DownloadConfig(try_download_gcs=False, compute_stats="skip")
    return lambda: builder.download_and_prepare(download_config=settings)


if __name__ == "__main__":
    main()
