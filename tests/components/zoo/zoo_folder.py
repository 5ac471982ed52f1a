"""Push destinations with bundles that say what was measured, and hold nothing else."""

from __future__ import annotations

from pathlib import Path

from components.release import bundle
from trainer.network import model_size
from trainer.network.variant import Variant

DATA, OTHER = "d" * 64, "e" * 64


def push(
    base: Path, variant: str, version: int = 1, *, top1: tuple[int, int] = (420, 410), size: int = 300_000,
    data: str = DATA, pictures: int = 500, latency: tuple[float, float] | None = None,
) -> Path:  # fmt: skip
    """A whole bundle.

    Args:
      top1: pictures that the float model and the int8 file got right.
      size: bytes of the int8 file; the float file has three times as many.
      latency: milliseconds of the float file and of the int8 file, as `benchmark --write` leaves them.
    """
    folder = base / variant / str(version)
    folder.mkdir(parents=True)
    member, name = Variant.parse(variant), f"mobilenet_v1_{variant}"
    right = dict(zip(("float", "int8"), top1, strict=True))
    info = {
        "name": name, "variant": member.name, "width": member.width, "resolution": member.resolution, "classes": 11,
        "macs": model_size.macs(width=member.width, resolution=member.resolution, classes=11),
        "parameters": model_size.parameters(width=member.width, classes=11),
        "files": {
            f"{name}_{kind}.tflite": {"bytes": count, "sha256": f"{kind} {version}"}
            for kind, count in (("float", 3 * size), ("int8", size))
        },
        "results": {
            "pictures": pictures,
            **{kind: {"top1_count": count, "top5_count": pictures - 5} for kind, count in right.items()},
        },
        "digests": {"float": {"data": None}, "quantized": {"data": data}},
    }  # fmt: skip
    if latency:
        measure(base, variant, *latency, version=version)
    bundle.write_json(folder / bundle.INFO, info)
    (folder / "labels.txt").write_text("background\n")
    bundle.write_manifest(folder)
    return folder


def measure(
    base: Path, variant: str, float_ms: float, int8_ms: float, *, version: int = 1, machine: str = "a bench"
) -> None:
    """A measurement of a version's two files."""
    times = {"float": float_ms, "int8": int8_ms}
    files = {
        f"mobilenet_v1_{variant}_{kind}.tflite": {
            "sha256": f"{kind} {version}", "threads": 1, "kernels": "XNNPACK", "median_ms": time,
        }
        for kind, time in times.items()
    }  # fmt: skip
    (base / "latency").mkdir(parents=True, exist_ok=True)
    said = {"machine": machine, "runtime": "ai-edge-litert 2.3.0", "load": 0.1, "files": files}
    bundle.write_json(base / "latency" / f"{variant}.json", said)
