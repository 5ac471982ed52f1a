"""`mobilenet report`: the page of the last run in a work directory, from ML Metadata and the artifacts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from components.report import artifacts, page
from components.report.artifacts import Folders
from components.report.facts import Facts, Made, Node
from pipeline import lineage
from pipeline.lineage import NodeRun
from pipeline.terminal import failures
from trainer.network.variant import Variant
from trainer.whole import whole_file

FILE = "report.html"
_SHARED = {"examples": ("ImageNetExampleGen", "examples"), "report": ("IngestionReport", "report")}
_OF_A_BRANCH = {
    "qat_model": ("QatTrainer", "model"), "qat_run": ("QatTrainer", "model_run"),
    "float_run": ("FloatTrainer", "model_run"), "tflite": ("TFLiteConverter", "tflite"),
    "evaluation": ("Evaluator", "evaluation"), "blessing": ("AccuracyGate", "blessing"),
}  # fmt: skip
_FLOAT_MODELS = ("FloatTrainer", "CheckpointImporter")  # The first that a run has made the float model.
_TECHNICAL = ("is_external", "tfx_version")  # Properties that TFX puts on everything.
_LONGEST = 600  # Characters of a setting.


class ReportError(ValueError):
    """There is no run to show."""


def write(workdir: Path, *, variant: Variant | None = None, output: Path | None = None) -> Path:
    """Writes the page, whole or not at all, to `output` or `<workdir>/report.html`; returns where.

    Raises:
      ReportError: no work directory, no run in it, or none of this variant; or the page cannot be written.
    """
    target = output or workdir / FILE
    nodes = _run(workdir, variant)
    try:
        with whole_file(target) as file:  # Before the work: where the page cannot be written, none is made.
            branch, chosen = _chosen(nodes, variant)
            _check_whole(_folders(chosen, branch), target)
            file.write(page.render(_facts(nodes, workdir, variant)).encode())
    except OSError as error:
        raise ReportError(f"{target} cannot be written: {error.strerror or error}. Give --output FILE.") from error
    return target


def _check_whole(folders: Folders, target: Path) -> None:
    """A page that shows something is not replaced by one for which the artifacts are gone."""
    recorded = (folder for part, folder in vars(folders).items() if folder and not part.endswith("_run"))
    if target.exists() and (gone := sorted(folder for folder in recorded if not Path(folder).exists())):
        raise ReportError(
            f"{len(gone)} artifacts of this run are gone, such as {gone[0]}: {target} stays as it is. Run again in "
            "this work directory, or give --output FILE for a page of what is left."
        )


def after_run(workdir: Path, variant: Variant, *, several: bool = False) -> str:
    """Writes the page, and says where in a line, or why there is none: a run does not fail for it.

    Args:
      several: the run had other variants too; the file is then named after this one.
    """
    name = f"{Path(FILE).stem}_{variant.name}.html" if several else FILE
    try:
        return f"All of it on one page: {write(workdir, variant=variant, output=workdir / name)}"
    except Exception as error:  # Whatever it is: the bundle lies at its destination.
        return f"No page was written: {failures.sentence(error)} mobilenet report {workdir} tries again."


def facts(workdir: Path, *, variant: Variant | None = None) -> Facts:
    """What is known of the newest run, or of the newest one of a variant.

    Raises:
      ReportError: as write().
    """
    return _facts(_run(workdir, variant), workdir, variant)


def _facts(nodes: Mapping[str, NodeRun], workdir: Path, variant: Variant | None) -> Facts:
    branch, chosen = _chosen(nodes, variant)
    read = artifacts.read(_folders(chosen, branch))
    began = min(node.began for node in chosen.values())
    return dataclasses.replace(
        read,
        title=read.title if read.models else f"MobileNetV1 {variant.name if variant else branch}".strip(),
        when=f"{datetime.fromtimestamp(began).astimezone():%d %B %Y, %H:%M %Z}",
        nodes=tuple(_shown(chosen, began, workdir)),
        pushed_to=_pushed(chosen, branch, workdir),
        faults=(*_failures(chosen), *(_short(fault, workdir) for fault in read.faults)),
    )


def _chosen(nodes: Mapping[str, NodeRun], variant: Variant | None) -> tuple[str, dict[str, NodeRun]]:
    """The branch that is shown, and its nodes with those that all share."""
    branch = variant.id if variant else _branch(nodes)
    return branch, {name: node for name, node in nodes.items() if "-" not in name or name.endswith(f"-{branch}")}


def _run(workdir: Path, variant: Variant | None) -> dict[str, NodeRun]:
    """Of the variant, where one is asked for: a work directory may hold runs of several."""
    if not workdir.is_dir():
        raise ReportError(f"{workdir} is not a folder: wanted the --workdir of a mobilenet run.")
    database = workdir / "metadata.sqlite"
    if not database.is_file():
        raise ReportError(f"{workdir} holds no metadata.sqlite: no mobilenet run was made there.")
    there: set[str] = set()
    for nodes in lineage.runs(database):
        branches = _branches(nodes)
        if nodes and (variant is None or variant.id in branches):
            return nodes
        there |= branches
    if variant is None:
        raise ReportError(f"{database} knows of no run: mobilenet run makes one.")
    raise ReportError(f"no run of {variant.name} in {workdir}: there are {', '.join(sorted(there)) or 'none'}.")


def _branches(nodes: Mapping[str, NodeRun]) -> set[str]:
    """`FloatTrainer-w025-r64` → w025-r64."""
    return {name.partition("-")[2] for name in nodes if "-" in name}


def _branch(nodes: Mapping[str, NodeRun]) -> str:
    branches = sorted(_branches(nodes))
    if len(branches) > 1:
        raise ReportError(f"the run has the branches {', '.join(branches)}: say which with --variant WIDTH_RESOLUTION.")
    return branches[0] if branches else ""


def _folders(nodes: Mapping[str, NodeRun], branch: str) -> Folders:
    def folder(node: str, output: str) -> str | None:
        made = nodes[node].outputs.get(output) if node in nodes and nodes[node].state in ("done", "cached") else None
        return str(made.uri) if made else None

    found = {part: folder(node, output) for part, (node, output) in _SHARED.items()}
    found |= {part: folder(f"{node}-{branch}", output) for part, (node, output) in _OF_A_BRANCH.items()}
    models = (folder(f"{node}-{branch}", "model") for node in _FLOAT_MODELS)
    return Folders(**found, float_model=next((model for model in models if model), None))


def _shown(nodes: Mapping[str, NodeRun], began: float, workdir: Path) -> Iterator[Node]:
    makers = {output.id: node.node for node in nodes.values() for output in node.outputs.values()}
    for node in sorted(nodes.values(), key=lambda node: node.began):
        after = {makers[taken] for taken in node.inputs if taken in makers} - {node.node}
        yield Node(
            name=node.node,
            state=node.state,
            started=node.began - began,
            seconds=node.seconds,
            after=tuple(sorted(after)),
            settings={name: _short(value, workdir) for name, value in sorted(_flat(node.settings).items())},
            made=tuple(_made(name, output, workdir) for name, output in sorted(node.outputs.items())),
        )


def _made(name: str, output: lineage.Output, workdir: Path) -> Made:
    properties = {key: value for key, value in sorted(output.properties.items()) if key not in _TECHNICAL}
    shown = {key: _short(value, workdir) for key, value in properties.items()}
    return Made(name, output.type, _short(output.uri, workdir), shown)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`custom_config` holds our own, as JSON; the recipe among them is shown elsewhere."""
    flat = dict(settings)
    try:
        config = json.loads(flat["custom_config"])
    except (KeyError, TypeError, ValueError):
        return flat
    ours = config if isinstance(config, dict) and "custom_config" not in config else {}
    for name in ours.keys() - {"recipe"}:
        flat[name] = ours[name]
    if ours:
        del flat["custom_config"]
    return flat


def _short(value: Any, workdir: Path) -> str:
    """Places in the work directory are named from there."""
    text = str(value).strip().replace(f"{workdir.absolute()}/", "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _pushed(nodes: Mapping[str, NodeRun], branch: str, workdir: Path) -> str:
    pusher = nodes.get(f"Pusher-{branch}")
    pushed = pusher.outputs.get("pushed_model") if pusher else None
    return _short(pushed.properties.get("pushed_destination", ""), workdir) if pushed else ""


def _failures(nodes: Mapping[str, NodeRun]) -> Iterator[str]:
    for node in nodes.values():
        if node.state == "failed":
            yield f"{node.node} failed, and nothing behind it ran. The whole story is in log.txt."
        elif node.state == "killed":
            yield f"{node.node} did not finish: it is at work still, or was interrupted."
