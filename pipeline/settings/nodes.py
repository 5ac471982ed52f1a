"""What one node is given on a cluster: image, resources, GPU, Beam's runner, a training job of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pipeline import node_ids
from pipeline.settings.pods import Affinity, EnvironmentFrom, Toleration

BEAM_NODES = ("ImageNetExampleGen", "StatisticsGen", "Evaluator")
TRAINERS = ("FloatTrainer", "QatTrainer")
KINDS = (*node_ids.SHARED, node_ids.IMPORTER, node_ids.FLOAT, *node_ids.AFTER_FLOAT, node_ids.ZOO)
DEFAULT = "default"  # Among the nodes: all of them, field by field, where a node says nothing of its own.

_SAID_OTHERWISE = {"runner": "runner", "direct_num_workers": "workers", "max_num_workers": "workers"}


def kind(node: str) -> str:
    """`FloatTrainer-w025-r64` → `FloatTrainer`."""
    return node.split("-", 1)[0]


class Rule(NamedTuple):
    """One that does not hold: where, what is wanted there, and which other field it goes by."""

    place: tuple[str | int, ...]
    wanted: str
    needs: tuple[str | int, ...] = ()


class Strict(BaseModel):
    """A name that is not known is an error, and so is `true` for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Beam(Strict):
    """What runs a node's Beam pipeline."""

    runner: Literal["local", "dataflow", "flink", "spark"] = "local"
    workers: int = Field(default=1, ge=1, description="local: processes in the node; dataflow: the most workers")
    options: dict[str, str | int | float | bool | list[str]] = Field(
        default={}, description="further Beam options by name, without the dashes"
    )


class VertexGpu(Strict):
    """One of Vertex AI's accelerators."""

    type: str = Field(pattern="^NVIDIA_[A-Z0-9_]+$", description="Vertex AI's name", examples=["NVIDIA_TESLA_T4"])
    count: int = Field(default=1, ge=1)


class KubeflowGpu(Strict):
    """A Kubernetes resource."""

    type: str = Field(
        default="nvidia.com/gpu", pattern="^[a-z0-9.-]+/[a-z0-9.-]+$", description="Kubernetes' name of the resource",
        examples=["nvidia.com/gpu"],
    )  # fmt: skip
    count: int = Field(default=1, ge=1)


class Training(Strict):
    """A trainer as a Vertex AI custom job of its own, on one worker or several."""

    machine: str = Field(min_length=1, description="Vertex AI's machine type", examples=["n1-standard-16"])
    workers: int = Field(
        default=1, ge=1, description="machines; above 1 they train as one (MultiWorkerMirroredStrategy)"
    )
    gpu: VertexGpu | None = Field(default=None, description="of each machine")
    disk_gb: int = Field(default=100, ge=100, description="of each machine")
    timeout_hours: float | None = Field(default=None, gt=0, le=720, description="after which the job is ended")
    strategy: Literal["standard", "spot", "flex_start"] | None = Field(
        default=None, description="how Vertex AI finds machines: spot ones may be taken away at any time"
    )
    persistent_resource: str | None = Field(default=None, description="the id of one whose machines the job takes")


class Node(Strict):
    """What one node, or each of a kind, is given. What is not said comes from `default`."""

    image: str | None = Field(default=None, pattern=r"^\S+$", description="instead of the image of all nodes")
    cpu: float | None = Field(default=None, gt=0, description="cores")
    memory: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?(M|G|T|Mi|Gi|Ti)$", examples=["16G"])
    beam: Beam | None = None
    retries: int = Field(default=0, ge=0, le=100, description="how often the node is tried again when it fails")


class VertexNode(Node):
    """On Vertex AI."""

    gpu: VertexGpu | None = None
    training: Training | None = None


class KubeflowNode(Node):
    """On Kubernetes."""

    gpu: KubeflowGpu | None = None
    node_selector: dict[str, str] = Field(default={}, description="labels of Kubernetes nodes")
    affinity: list[Affinity] = Field(default=[], description="what labels of Kubernetes nodes must be, all of it")
    tolerations: list[Toleration] = Field(default=[], description="of taints of Kubernetes nodes")
    env_from_secrets: list[EnvironmentFrom] = Field(default=[], description="variables from secrets")
    env_from_config_maps: list[EnvironmentFrom] = Field(default=[], description="variables from config maps")
    run_as_user: int | None = Field(default=None, ge=0, description="the number of the user, instead of the image's")
    run_as_group: int | None = Field(default=None, ge=0, description="the number of the group")
    deadline: int | None = Field(default=None, ge=1, description="seconds after which the pod is ended")


def node_rules(name: str, node: Node) -> Iterator[Rule]:
    """What a node's fields must agree on, whatever the target."""
    if kind(name) not in KINDS and name != DEFAULT:
        yield Rule(("nodes", name), f"{DEFAULT}, one of {', '.join(KINDS)}, or one node's id")
    elif node.beam and kind(name) not in BEAM_NODES:
        yield Rule(("nodes", name, "beam"), f"it under {', '.join(BEAM_NODES)} only")
    if node.beam:
        yield from _beam_rules(("nodes", name, "beam"), kind(name), node.beam)


def _beam_rules(place: tuple[str, ...], node: str, beam: Beam) -> Iterator[Rule]:
    # It writes its shards through a file system, which workers elsewhere do not share.
    if node == "ImageNetExampleGen" and beam.runner != "local":
        yield Rule((*place, "runner"), "local, with several workers: this node's workers must share its folders")
    if beam.runner in ("flink", "spark") and "job_endpoint" not in beam.options:
        yield Rule((*place, "options", "job_endpoint"), "HOST:PORT of Beam's job server")
    for option, value in beam.options.items():
        if option in _SAID_OTHERWISE:
            yield Rule((*place, "options", option), f"beam.{_SAID_OTHERWISE[option]} for it")
        elif not re.fullmatch("[a-z][a-z0-9_]*", option):
            yield Rule((*place, "options", option), "the option's name in small letters, without the dashes")
        elif value is False:
            yield Rule((*place, "options", option), "true, or no such line: Beam's flags are given or left out")


def of_node(nodes: Mapping[str, Node], node: str) -> dict[str, Any]:
    """What holds for one node: its own settings over its kind's over the default, field by field."""
    merged: dict[str, Any] = {}
    for name in (DEFAULT, kind(node), node):
        if name in nodes:
            merged |= {field: getattr(nodes[name], field) for field in nodes[name].model_fields_set}
    return merged
