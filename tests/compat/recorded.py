"""What 0.1.0 wrote of each format, and the keys in it."""

import json
import tarfile
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "v0_1"
DYNAMIC = ("files", "operators", "per_class", "classes", "models", "against_baseline", "sha256")  # Keys are names.


def unpacked(folder: Path) -> Path:
    """models/, runs/, examples/ and measured/, into the folder."""
    with tarfile.open(DATA / "files.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def written(files: Path, name: str) -> dict:
    """What 0.1.0 wrote of a format."""
    outputs = {"scores.json": "evaluate", **{f"mobilenet {each} --json": each for each in ("choose", "models")}}
    outputs |= {"mobilenet benchmark --json": "benchmark", "mobilenet debug-quantization --json": "debug_quantization"}
    if name in outputs:
        return json.loads((DATA / "json" / f"{outputs[name]}.json").read_text())
    [path, *_] = sorted(files.rglob(name.replace("VARIANT", "0.05_32")))
    return json.loads(path.read_text())


def paths(value: object, at: str = "") -> set[str]:
    """Every key of a JSON value with what stands above it; names of files, classes and models as *."""
    if isinstance(value, list):
        return {path for each in value for path in paths(each, at)}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        name = f"{at}.{'*' if at.rsplit('.', 1)[-1] in DYNAMIC else key}"
        found |= {name, *paths(inner, name)}
    return found
