"""Our files against Keras's own MobileNet converted after training, in turn; and all 16 variants, into docs/latency.md.

    python -m benchmarks.latency [--repeats 500] [--variants all|none] [--write]

At 1.0_224, 1001 classes and a softmax, before metadata: int8 against int8 and float against float. Weights are random,
on which neither time nor size depends. Wanted: a ratio of medians of at most 1.02, no more bytes; exit code 1 else.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.benchmark import benchmark
from pipeline.benchmark.benchmark import How, Ratio, Timing
from trainer import quantization, tflite
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.variant import Variant

CLASSES = 1001
WIDTHS, RESOLUTIONS = (0.25, 0.5, 0.75, 1.0), (128, 160, 192, 224)  # The 16 that were released.
WANTED = 1.02
DOCUMENT = Path(__file__).parents[1] / "docs" / "latency.md"
_BEGIN, _END = "<!-- measured: python -m benchmarks.latency --write -->\n", "<!-- end of what was measured -->"


@dataclasses.dataclass(frozen=True)
class Against:
    """One of our files and Keras's, measured in turn."""

    kind: str
    ours: Timing
    peer: Timing

    @property
    def ratio(self) -> Ratio:
        return benchmark.ratio(self.ours, self.peer)

    @property
    def bytes(self) -> tuple[int, int]:
        return self.ours.file.stat().st_size, self.peer.file.stat().st_size

    @property
    def holds(self) -> bool:
        ours, peer = self.bytes
        return self.ratio.ratio <= WANTED and ours <= peer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=500, help="runs of each file")
    parser.add_argument("--variants", choices=("all", "none"), default="all")
    parser.add_argument("--write", action="store_true", help=f"the result into {DOCUMENT.name}")
    options = parser.parse_args()
    how = How(repeats=options.repeats)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        compared = against_keras(Path(scratch), how)
        holds = all(each.holds for each in compared)  # Before the variants take their files' places.
        lines = [*_machine(how, load), "", *_compared(compared)]
        print("\n".join(lines), flush=True)
        if options.variants == "all":
            table = [*_HEAD]
            print("\n".join(table), flush=True)
            for row in _variants(Path(scratch), how):
                table.append(row)
                print(row, flush=True)
            lines += ["", *table]
    if options.write:
        _write("\n".join(lines))
    return 0 if holds else 1


def against_keras(folder: Path, how: How) -> list[Against]:
    """int8 and float, all four files in turn."""
    ours = dict(zip(("int8", "float"), _ours(folder, Variant(1.0, 224)), strict=True))
    peers = dict(zip(("int8", "float"), _keras(folder), strict=True))
    files = [*ours.values(), *peers.values()]
    timings = dict(zip(files, benchmark.measure(files, how), strict=True))
    return [Against(kind, timings[ours[kind]], timings[peers[kind]]) for kind in ours]


def _ours(folder: Path, variant: Variant) -> tuple[Path, Path]:
    """int8 and float .tflite files of random weights."""
    keras.backend.clear_session()
    model = mobilenet_v1.build(width=variant.width, resolution=variant.resolution, classes=CLASSES)
    quantized = quantization.quantize(model, calibration=[_noise(variant.resolution)], freeze_bn=True)
    return (
        _written(folder / f"ours_{variant.name}_int8.tflite", tflite.convert(quantized, edges="int8")),
        _written(folder / f"ours_{variant.name}_float.tflite", tflite.convert(model, edges="float")),
    )


def _keras(folder: Path) -> tuple[Path, Path]:
    """tf_keras.applications.MobileNet, converted as TensorFlow's guide to post-training quantization says."""
    keras.backend.clear_session()
    model = keras.applications.MobileNet(input_shape=(224, 224, 3), weights=None, classes=CLASSES)
    plain = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in _noise(224))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    int8 = converter.convert()
    return _written(folder / "keras_int8.tflite", int8), _written(folder / "keras_float.tflite", plain)


def _noise(resolution: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (8, resolution, resolution, 3)).astype(np.float32)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _variants(folder: Path, how: How) -> Iterator[str]:
    for width in WIDTHS:
        for resolution in RESOLUTIONS:
            variant = Variant(width, resolution)
            files = _ours(folder, variant)
            int8, plain = benchmark.measure(files, how)
            yield _row(variant, int8, plain)
            for file in files:
                file.unlink()


_HEAD = (
    "| variant | int8, bytes | float, bytes | int8, ms | 95 % | float, ms | 95 % | float / int8 |",
    "| --- | ---: | ---: | ---: | --- | ---: | --- | ---: |",
)


def _row(variant: Variant, int8: Timing, plain: Timing) -> str:
    sizes = [f"{timing.file.stat().st_size:,}" for timing in (int8, plain)]
    times = [text for timing in (int8, plain) for text in (f"{timing.median_ms:.2f}", _interval(timing))]
    return f"| {' | '.join([variant.name, *sizes, *times, f'{benchmark.ratio(plain, int8).ratio:.2f}'])} |"


def _interval(timing: Timing) -> str:
    low, high = timing.median_interval_ms
    return f"{low:.2f}–{high:.2f}"


def _machine(how: How, load: float) -> list[str]:
    return [
        f"{benchmark.machine()}; {benchmark.runtime()}, {how.kernels} kernels, {how.threads} thread; medians of "
        f"{how.repeats} pictures in {how.processes} processes.",
        f"Others' load on the machine when it began: {load:.1f}.",
    ]


def _compared(compared: list[Against]) -> list[str]:
    rows = [
        "| 1.0_224, 1001 classes | ours, ms | Keras, ms | ratio | 95 % | ours, bytes | Keras, bytes |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for each in compared:
        found, (ours, peer) = each.ratio, each.bytes
        rows.append(
            f"| {each.kind} | {each.ours.median_ms:.2f} | {each.peer.median_ms:.2f} | {found.ratio:.3f} | "
            f"{found.low:.3f}–{found.high:.3f} | {ours:,} | {peer:,} |"
        )
    return rows


def _write(text: str) -> None:
    """Between the document's two marks; the rest is people's."""
    whole = DOCUMENT.read_text(encoding="utf-8")
    if whole.count(_BEGIN) != 1 or whole.count(_END) != 1:
        raise SystemExit(f"{DOCUMENT} has not the two lines {_BEGIN.strip()!r} and {_END!r} once each.")
    before, rest = whole.split(_BEGIN)
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{text}\n\n{_END}{rest.split(_END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
