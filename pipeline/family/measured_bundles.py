"""What the release bundles of a push destination say was measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.release import bundle, versions


@dataclass(frozen=True)
class Measured:
    """What a release bundle's info.json says was measured; accuracies in percent."""

    folder: str
    variant: str
    classes: int
    pictures: int
    data: str  # Digest of the examples.
    float_top1: float
    float_top5: float
    int8_top1: float
    int8_top5: float

    @property
    def on(self) -> str:
        """The data, as far as a bundle knows it: a digest, not a name."""
        return f"{self.pictures:,} pictures of {self.classes} classes, data {self.data[:12]}"


def newest(zoo: Path) -> tuple[list[Measured], list[str]]:
    """The newest readable bundle of each variant, and what is wrong with newer ones."""
    found, faults = [], []
    for folder in sorted(path for path in zoo.iterdir() if path.is_dir()):
        for version in sorted(versions.versions(folder), reverse=True):
            try:
                found.append(_measured(folder / str(version)))
            except bundle.BundleError as error:
                faults.append(str(error))
            else:
                break
    return found, faults


def _measured(folder: Path) -> Measured:
    info = bundle.read_info(folder)
    try:
        results: dict[str, Any] = info["results"]
        scores = {kind: [100 * results[kind][key] for key in ("top1", "top5")] for kind in ("float", "int8")}
        return Measured(
            folder=str(folder),
            variant=info["variant"],
            classes=info["classes"],
            pictures=results["pictures"],
            data=info["digests"]["float"]["data"],
            float_top1=scores["float"][0],
            float_top5=scores["float"][1],
            int8_top1=scores["int8"][0],
            int8_top5=scores["int8"][1],
        )
    except (KeyError, TypeError) as error:
        raise bundle.BundleError(f"{folder}: {bundle.INFO} has no {error}. Build the bundle again.") from error
