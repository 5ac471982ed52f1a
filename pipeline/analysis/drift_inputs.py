"""What `mobilenet debug-quantization` compares: by their paths, or what the last run in a work directory made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.conversion import artifact
from pipeline import lineage
from trainer import export, tflite
from trainer.network.variant import Variant

_KEYS = {"ImageNetExampleGen": "examples", "QatTrainer": "model", "TFLiteConverter": "tflite"}


class DebugError(ValueError):
    """Models, files or pictures that cannot be compared."""


@dataclass(frozen=True)
class Compared:
    """A file, the model it was made from, and the pictures they are compared on."""

    serving_dir: Path  # The fake-quantized model's Format-Serving.
    file: Path
    data: tuple[Path, ...]


def of_paths(model: Path, file: Path, data: Sequence[Path]) -> Compared:
    """A model's folder, or the artifact's above it; a .tflite file, or the folder of the TFLiteConverter's.

    Raises:
      DebugError: one of them is something else.
    """
    if not data:
        raise DebugError("no pictures to compare on: give --data EXAMPLES, a folder of pictures, or picture files.")
    return Compared(_serving_dir(model), _file(file), tuple(data))


def of_last_run(workdir: Path, variant: str | None, data: Sequence[Path]) -> Compared:
    """What the last run made of a variant, which need not be named where there is one; on `data`, or its own Examples.

    Raises:
      DebugError: no run, no such variant, or it left no file.
    """
    database = workdir / "metadata.sqlite"
    if not database.is_file():
        raise DebugError(
            f"{workdir} has no metadata.sqlite: wanted a run's work directory, or QAT_MODEL and TFLITE with --data."
        )
    run = lineage.last_run(database)
    chosen = _variant(run, variant, workdir)
    model, file = (_output(run, f"{node}-{chosen}", workdir) for node in ("QatTrainer", "TFLiteConverter"))
    return of_paths(model, file, data or [_output(run, "ImageNetExampleGen", workdir)])


def check(compared: Compared, runner: tflite.Runner, described: export.Description) -> None:
    """Raises DebugError where the file cannot be the model's."""
    if not described.quantized:
        raise DebugError(
            f"{compared.serving_dir} is a float model, wanted the fake-quantized one that the file was made from: "
            "a QatTrainer's."
        )
    logits = runner.graph.logits
    if logits.type != "INT8" or not logits.scales:
        raise DebugError(
            f"{compared.file} computes its logits in {logits.type.lower()}, wanted an int8 file: "
            f"the artifact's {artifact.INT8} or {artifact.UINT8}, not {artifact.FLOAT}."
        )
    got, wanted = (runner.graph.resolution, runner.graph.classes), (described.resolution, described.classes)
    if got != wanted:
        raise DebugError(
            f"{compared.file} takes {got[0]} pixels and has {got[1]} classes, the model {wanted[0]} and {wanted[1]}: "
            "give the file that was converted from this model."
        )


def _serving_dir(path: Path) -> Path:
    for folder in (path, path / artifact.SERVING):
        if (folder / export.KERAS / export.DESCRIPTION_FILE).is_file():
            return folder
    raise DebugError(
        f"{path} is no model of this project's trainers ({export.KERAS}/{export.DESCRIPTION_FILE} is missing): "
        "give a QatTrainer's artifact, or its Format-Serving."
    )


def _file(path: Path) -> Path:
    for file in (path, path / artifact.INT8, path / artifact.SERVING / artifact.INT8):
        if file.is_file():
            return file
    raise DebugError(f"{path} is neither a .tflite file nor the folder of a TFLiteConverter's artifact.")


def _variant(run: Mapping[str, lineage.NodeRun], variant: str | None, workdir: Path) -> str:
    """As node ids have it."""
    there = sorted(name.split("-", 1)[1] for name in run if name.startswith("QatTrainer-"))
    wanted = [Variant.parse(variant).id] if variant else there
    if len(wanted) != 1 or wanted[0] not in there:
        raise DebugError(
            f"the last run in {workdir} has the variants {', '.join(there) or 'none'}; "
            f"{f'got --variant {variant}' if variant else 'give one with --variant'}."
        )
    return wanted[0]


def _output(run: Mapping[str, lineage.NodeRun], node: str, workdir: Path) -> Path:
    key = _KEYS[node.split("-", 1)[0]]
    if node not in run or run[node].state not in ("done", "cached") or key not in run[node].outputs:
        state = f"is {run[node].state}" if node in run else "has not run"
        raise DebugError(f"{node} {state} in the last run in {workdir}: it left nothing to compare. Run it again.")
    return run[node].outputs[key].uri
