"""Where it runs on a cluster: what a settings file for Vertex AI or Kubeflow Pipelines may say.

Checked field by field, so that everything wrong with a file is said at once (settings_file.py adds the lines).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from pipeline.settings import VISIBLE_DROP

BEAM_NODES = ("ImageNetExampleGen", "StatisticsGen", "Evaluator")
TRAINERS = ("FloatTrainer", "QatTrainer")
KINDS = (
    *BEAM_NODES, *TRAINERS, "IngestionReport", "LabelSchema", "ExampleValidator", "DataGate", "TFLiteConverter",
    "AccuracyGate", "BundleBuilder", "Pusher",
)  # fmt: skip
DEFAULT = "default"  # Among the nodes: all of them, field by field, where a node says nothing of its own.


def _kind(node: str) -> str:
    """`FloatTrainer-w025-r64` → `FloatTrainer`."""
    return node.split("-", 1)[0]


def _cron(text: str) -> str:
    if len(text.split()) != 5:
        raise ValueError("wanted the five fields of cron, such as '0 3 * * 1' for Mondays at 3")
    return text


class _Strict(BaseModel):
    """A name that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Beam(_Strict):
    """What runs a node's Beam pipeline."""

    runner: Literal["local", "dataflow", "flink", "spark"] = "local"
    workers: int = Field(1, ge=1, description="local: processes in the node; dataflow: the most workers")
    options: dict[str, str | int | float | bool] = Field({}, description="further Beam options, without the dashes")


class VertexGpu(_Strict):
    """One of Vertex AI's accelerators."""

    type: str = Field(pattern="^NVIDIA_[A-Z0-9_]+$", description="Vertex AI's name, such as NVIDIA_TESLA_T4")
    count: int = Field(1, ge=1)


class KubeflowGpu(_Strict):
    """A Kubernetes resource."""

    type: str = Field("nvidia.com/gpu", pattern="^[a-z0-9.-]+/[a-z0-9.-]+$", description="a resource of Kubernetes")
    count: int = Field(1, ge=1)


class Training(_Strict):
    """A trainer as a Vertex AI custom job of its own, on one worker or several."""

    machine: str = Field(description="Vertex AI's machine type, such as n1-standard-16")
    workers: int = Field(1, ge=1, description="machines; above 1 they train as one (MultiWorkerMirroredStrategy)")
    gpu: VertexGpu | None = None
    disk_gb: int = Field(100, ge=100)


class Node(_Strict):
    """What one node, or each of a kind, is given. What is not said comes from `default`."""

    image: str | None = Field(None, description="instead of the image of all nodes, such as the GPU target")
    cpu: float | None = Field(None, gt=0, description="cores")
    memory: str | None = Field(None, pattern=r"^\d+(\.\d+)?(K|M|G|T|Ki|Mi|Gi|Ti)$", description="such as 16G")
    beam: Beam | None = None


class VertexNode(Node):
    """On Vertex AI."""

    gpu: VertexGpu | None = None
    training: Training | None = None


class KubeflowNode(Node):
    """On Kubernetes."""

    gpu: KubeflowGpu | None = None
    node_selector: dict[str, str] = Field({}, description="labels of Kubernetes nodes, such as a kind of GPU")


class Parameters(_Strict):
    """The run's parameters; `--parameter` overrides them, and the compiled file has a default for each."""

    data: str = Field(description="the folder with train/CLASS/*.jpg and eval/CLASS/*.jpg")
    push_destination: str = Field(description="the folder for release bundles")
    floor: float | None = Field(None, ge=0, le=1)
    margin: float | None = Field(None, ge=0, lt=VISIBLE_DROP)
    data_digest: str | None = Field(None, description="what tells one state of the data from another")


class Cluster(_Strict):
    """What both targets have."""

    name: str = Field("mobilenet", pattern="^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$", description="of the pipeline")
    image: str = Field(min_length=1, description="the image of every node, as `make image` pushed it")
    cache: bool = True
    labels: dict[str, str] = {}
    schedule: Annotated[str, AfterValidator(_cron)] | None = Field(None, description="cron, UTC")
    resume: str | None = Field(None, description="a folder for checkpoints that another run goes on from")
    parameters: Parameters

    @property
    def node_settings(self) -> Mapping[str, Node]:
        """What `nodes` says, by node id, kind or `default`."""
        raise TypeError(f"{type(self).__name__} is neither VertexSettings nor KubeflowSettings.")


class VertexSettings(Cluster):
    """Vertex AI Pipelines."""

    target: Literal["vertex"]
    project: str = Field(min_length=1, description="the Google Cloud project's id")
    location: str = Field(min_length=1, description="the region, such as europe-west4")
    pipeline_root: str = Field(pattern="^gs://.+", description="gs://BUCKET/FOLDER for artifacts")
    service_account: str | None = Field(
        None, pattern="^[^@]+@[^@]+$", description="NAME@PROJECT.iam.gserviceaccount.com"
    )
    network: str | None = Field(None, description="projects/NUMBER/global/networks/NAME, where there is a private one")
    nodes: dict[str, VertexNode] = {}

    @field_validator("parameters")
    @classmethod
    def _in_buckets(cls, value: Parameters) -> Parameters:
        for name in ("data", "push_destination"):
            folder = getattr(value, name)
            if not folder.startswith("gs://"):
                raise ValueError(f"{name} is {folder!r}: Vertex AI's nodes see gs://BUCKET/FOLDER only")
        return value

    @field_validator("nodes")
    @classmethod
    def _possible(cls, value: dict[str, VertexNode]) -> dict[str, VertexNode]:
        _check_nodes(value)
        for name, node in value.items():
            if node.training and _kind(name) not in TRAINERS:
                raise ValueError(f"{name} has training, which only {' and '.join(TRAINERS)} may have")
            if node.training and node.gpu:
                raise ValueError(
                    f"{name} has a gpu and training: the node only waits for the job, so put gpu under training"
                )
        return value

    @property
    def node_settings(self) -> Mapping[str, Node]:
        return self.nodes


class Volume(_Strict):
    """A persistent volume claim that every node mounts."""

    claim: str = Field(min_length=1, description="the PersistentVolumeClaim's name")
    mount: str = Field(pattern="^/.+", description="the folder where nodes see it")


class KubeflowSettings(Cluster):
    """Kubeflow Pipelines 2, open source."""

    target: Literal["kubeflow"]
    host: str = Field(pattern="^https?://.+", description="the API's address, as a browser opens it")
    namespace: str | None = Field(None, description="the user's namespace, where Kubeflow has several users")
    experiment: str = Field("mobilenet", description="under which the runs are listed")
    service_account: str | None = Field(None, description="of Kubernetes, for the pods")
    token_file: str | None = Field(None, description="a file with the bearer token; else KUBEFLOW_TOKEN, else none")
    pipeline_root: str | None = Field(None, pattern="^(gs|s3|minio)://.+", description="instead of Kubeflow's own")
    volumes: list[Volume] = []  # Before the parameters, which must lie on them.
    nodes: dict[str, KubeflowNode] = {}
    parameters: Parameters

    @field_validator("nodes")
    @classmethod
    def _possible(cls, value: dict[str, KubeflowNode]) -> dict[str, KubeflowNode]:
        _check_nodes(value)
        return value

    @field_validator("parameters")
    @classmethod
    def _on_volumes(cls, value: Parameters, info: ValidationInfo) -> Parameters:
        mounts = [volume.mount for volume in info.data.get("volumes", [])]
        for name in ("data", "push_destination"):
            folder = getattr(value, name)
            if not any(re.match(rf"{re.escape(mount.rstrip('/'))}(/|$)", folder) for mount in mounts):
                raise ValueError(
                    f"{name} is {folder!r}, on no volume that nodes mount ({', '.join(mounts) or 'there is none'}): "
                    "Kubeflow brings them their artifacts and nothing else"
                )
        return value

    @property
    def node_settings(self) -> Mapping[str, Node]:
        return self.nodes


def _check_nodes(nodes: Mapping[str, Node]) -> None:
    for name, node in nodes.items():
        kind = _kind(name)
        if kind not in (*KINDS, DEFAULT):
            raise ValueError(f"there is no node {name!r}: wanted {DEFAULT}, one of {', '.join(KINDS)}, or one's id")
        if node.beam and kind not in BEAM_NODES:
            raise ValueError(f"{name} has beam, which only {', '.join(BEAM_NODES)} run on")
        if node.beam and node.beam.runner != "local" and kind == "ImageNetExampleGen":
            raise ValueError(
                f"ImageNetExampleGen has beam.runner {node.beam.runner}: it writes its shards through a file system, "
                "which workers elsewhere do not share. Give it local and several workers"
            )


def of_node(nodes: Mapping[str, Node], node: str) -> dict[str, object]:
    """What holds for one node: its own settings over its kind's over the default, field by field."""
    merged: dict[str, object] = {}
    for name in (DEFAULT, _kind(node), node):
        if name in nodes:
            merged |= {field: getattr(nodes[name], field) for field in nodes[name].model_fields_set}
    return merged
