"""Where it runs on a cluster: what a settings file for Vertex AI or Kubeflow Pipelines may say.

Each field says what it wants in its description and shows it in an example; faults.py makes the messages of
these. What several fields must agree on are `rules`, all of them told at once. Nodes are in nodes.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from components.gate.rule import VISIBLE_DROP
from components.sources.wanted import PATHS, Wanted
from pipeline.settings.nodes import (
    TRAINERS,
    Beam,
    KubeflowNode,
    Node,
    Rule,
    Strict,
    VertexNode,
    kind,
    node_rules,
    of_node,
)

PUSH_DESTINATION = "push_destination"
FOLDERS = ("data", PUSH_DESTINATION, *PATHS)  # And files.

# What both targets take. Google wants a letter first in a name.
_Name = Annotated[str, Field(pattern="^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$")]
_Label = Annotated[str, Field(pattern="^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$")]


# What of the data is wanted; a field that is not given leaves the compiled file's default.
_WANTED: dict[str, Any] = {
    field.name: (field.type | None, Field(default=None, **field.metadata))  # pyright: ignore[reportOperatorIssue]
    for field in dataclasses.fields(Wanted)
}
_Wanted: Any = create_model("_Wanted", __base__=Strict, **_WANTED)


class Parameters(_Wanted):
    """The run's parameters; `--parameter` overrides them, and the compiled file has a default for each."""

    data: str = Field(
        min_length=1, description="the folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, with tars or with TFRecords"
    )
    push_destination: str = Field(min_length=1, description="the folder for release bundles")
    floor: float | None = Field(
        default=None, ge=0, le=1, description="the least top-1 of an int8 file worth shipping; 0: from the data"
    )
    margin: float | None = Field(
        default=None, ge=0, lt=VISIBLE_DROP, description="how far it may be under the float model's"
    )
    class_margin: float | None = Field(
        default=None, ge=0, le=1, description="the share of a class's pictures whose loss is not held against it"
    )
    max_lost: float | None = Field(
        default=None, ge=0, le=1, description="the share of classes that may lose more, or never be found"
    )
    data_digest: str | None = Field(default=None, description="what tells one state of the data from another")


class Cluster(Strict):
    """What both targets have."""

    name: str = Field(
        default="mobilenet", pattern="^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
        description="the pipeline's name, in small letters, digits and hyphens",
    )  # fmt: skip
    image: str = Field(
        pattern=r"^\S+$", description="the image of every node, as `make image` pushed it",
        examples=["registry.example/mobilenet-pipeline:1"],
    )  # fmt: skip
    cache: bool = True
    labels: dict[_Name, _Label] = Field(
        default={}, description="small letters, digits, _ and -, 63 at most; a name begins with a letter"
    )
    schedule: str | None = Field(
        default=None, pattern=r"^\S+( +\S+){4}$", description="the five fields of cron, UTC", examples=["0 3 * * 1"]
    )
    resume: str | None = Field(default=None, description="a folder for checkpoints that another run goes on from")
    parameters: Parameters

    @property
    def node_settings(self) -> Mapping[str, Node]:
        """What `nodes` says, by node id, kind or `default`."""
        raise TypeError(f"{type(self).__name__} is neither VertexSettings nor KubeflowSettings.")

    def folder_fault(self, folder: str, name: str = "") -> str | None:
        """What is wanted instead of a folder that the target's nodes cannot see; None where they can.

        Args:
          name: the parameter's; bundles are pushed to places that nothing is read from.
        """
        raise TypeError(f"{type(self).__name__} is neither VertexSettings nor KubeflowSettings.")

    def rules(self) -> Iterator[Rule]:
        """What fields must agree on: each fault's place, and what is wanted there."""
        folders = {("parameters", name): getattr(self.parameters, name) for name in FOLDERS}
        for place, folder in ({("resume",): self.resume} | folders).items():
            if folder is not None and (wanted := self.folder_fault(folder, place[-1])):
                yield Rule(place, wanted, needs=("volumes",))  # Where the target has some.
        for name, node in self.node_settings.items():
            yield from node_rules(name, node)
            if node.beam:
                yield from self._worker_rules(name, node.beam)

    def _worker_rules(self, name: str, beam: Beam) -> Iterator[Rule]:
        image = of_node(self.node_settings, name).get("image") or self.image
        if beam.runner != "local" and "@" in str(image) and "sdk_container_image" not in beam.options:
            wanted = f"the image of the workers, since {image} has no tag from which its name follows"
            yield Rule(("nodes", name, "beam", "options", "sdk_container_image"), wanted)

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        faults = [
            InitErrorDetails(type=PydanticCustomError("rule", "{wanted}", rule._asdict()), loc=rule.place, input=None)
            for rule in self.rules()
        ]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self


class VertexSettings(Cluster):
    """Vertex AI Pipelines."""

    target: Literal["vertex"]
    project: str = Field(min_length=1, description="the Google Cloud project's id", examples=["my-project"])
    location: str = Field(min_length=1, description="the region", examples=["europe-west4"])
    pipeline_root: str = Field(
        pattern="^gs://.+", description="the folder for artifacts", examples=["gs://my-bucket/mobilenet"]
    )
    service_account: str | None = Field(
        default=None, pattern="^[^@]+@[^@]+$", description="whom the run acts as",
        examples=["mobilenet@my-project.iam.gserviceaccount.com"],
    )  # fmt: skip
    network: str | None = Field(
        default=None, description="where there is a private one", examples=["projects/12345/global/networks/my-network"]
    )
    network_attachment: str | None = Field(
        default=None, description="of a Private Service Connect interface, instead of a network",
        examples=["projects/my-project/regions/europe-west4/networkAttachments/vertex"],
    )  # fmt: skip
    reserved_ip_ranges: list[str] = Field(default=[], description="names of ranges in the network for the jobs")
    encryption_key: str | None = Field(
        default=None, pattern="^projects/.+/cryptoKeys/.+$", description="a key of Cloud KMS (CMEK)",
        examples=["projects/my-project/locations/europe-west4/keyRings/ml/cryptoKeys/vertex"],
    )  # fmt: skip
    fingerprint: Literal["listing", "driver"] = Field(
        default="listing", description="who tells one state of the data from another, where no data_digest is given"
    )
    nodes: dict[str, VertexNode] = Field(default={}, description="by id, kind, or default for all")

    @property
    def node_settings(self) -> Mapping[str, VertexNode]:
        return self.nodes

    def folder_fault(self, folder: str, name: str = "") -> str | None:
        return None if re.match("gs://.", folder) else "gs://BUCKET/FOLDER, all that Vertex AI's nodes see"

    def rules(self) -> Iterator[Rule]:
        yield from super().rules()
        if self.network and self.network_attachment:
            yield Rule(("network_attachment",), "either it or network")
        if self.reserved_ip_ranges and not self.network:
            yield Rule(("network",), "the network that has the reserved_ip_ranges")
        for name, node in self.nodes.items():
            if node.training and kind(name) not in TRAINERS:
                yield Rule(("nodes", name, "training"), f"it under {' or '.join(TRAINERS)} only")
            if node.training and node.gpu:
                yield Rule(("nodes", name, "gpu"), "it under training: this node only waits for the job")


class Volume(Strict):
    """A persistent volume claim that every node mounts."""

    claim: str = Field(min_length=1, description="the PersistentVolumeClaim's name", examples=["mobilenet"])
    mount: str = Field(pattern="^/.+", description="the folder where nodes see it", examples=["/mnt"])


class KubeflowSettings(Cluster):
    """Kubeflow Pipelines 2, open source."""

    target: Literal["kubeflow"]
    host: str | None = Field(
        default=None, pattern="^https?://.+", description="the API's address, as a browser opens it",
        examples=["https://kubeflow.example"],
    )  # fmt: skip
    namespace: str | None = Field(default=None, description="the user's namespace, where Kubeflow has several users")
    experiment: str = Field(
        default="mobilenet", min_length=1, max_length=128, description="under which the runs are listed"
    )
    service_account: str | None = Field(default=None, description="of Kubernetes, for the pods")
    token_file: str | None = Field(
        default=None, description="a file with the bearer token; else KUBEFLOW_TOKEN, else none"
    )
    token_command: list[str] = Field(
        default=[], description="a command that prints the bearer token, asked again when the token is refused",
        examples=[["oc", "whoami", "-t"]],
    )  # fmt: skip
    cookie_file: str | None = Field(default=None, description="a file with a login's cookie, NAME=VALUE")
    ca_file: str | None = Field(default=None, description="a file with the certificate authorities to trust")
    pipeline_root: str | None = Field(
        default=None, pattern="^(gs|s3|minio)://.+", description="instead of Kubeflow's own",
        examples=["minio://mlpipeline/mobilenet"],
    )  # fmt: skip
    image_pull_secrets: list[str] = Field(default=[], description="secrets with the registry's login")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    volumes: list[Volume] = Field(default=[], description="which all nodes mount")
    nodes: dict[str, KubeflowNode] = Field(default={}, description="by id, kind, or default for all")

    @property
    def node_settings(self) -> Mapping[str, KubeflowNode]:
        return self.nodes

    def folder_fault(self, folder: str, name: str = "") -> str | None:
        mounts = [volume.mount.rstrip("/") for volume in self.volumes]
        if any(folder == mount or folder.startswith(f"{mount}/") for mount in mounts):
            return None
        pushed = name == PUSH_DESTINATION  # Nodes write to Cloud Storage by themselves.
        if pushed and re.match("gs://[^/]", folder):
            return None
        under, bucket = ", ".join(mounts) or "there is none", "gs://BUCKET/FOLDER or " if pushed else ""
        nothing_else = "Kubeflow brings nodes their artifacts and nothing else"
        return f"{bucket}a folder on one of the volumes ({under}): {nothing_else}"

    def rules(self) -> Iterator[Rule]:
        yield from super().rules()
        mounts = [volume.mount.rstrip("/") for volume in self.volumes]
        for index, mount in enumerate(mounts):
            if mount in mounts[:index]:
                yield Rule(("volumes", index, "mount"), "another folder for each volume")
        if self.token_file and self.token_command:
            yield Rule(("token_command",), "either it or token_file")

    def _worker_rules(self, name: str, beam: Beam) -> Iterator[Rule]:
        yield from super()._worker_rules(name, beam)
        if beam.runner != "local" and not (self.pipeline_root or "").startswith("gs://"):
            yield Rule(("pipeline_root",), f"gs://BUCKET/FOLDER, since {name}'s Beam workers see no other artifacts")
        for option in ("project", "region", "temp_location") if beam.runner == "dataflow" else ():
            if option not in beam.options:
                yield Rule(("nodes", name, "beam", "options", option), f"Google Cloud's {option}, for Dataflow")
