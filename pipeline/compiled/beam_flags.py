"""What a node's executor is told about Beam: the flags behind its arguments."""

from __future__ import annotations

import posixpath
from typing import Any

from pipeline.settings.cluster import Cluster, VertexSettings
from pipeline.settings.nodes import Beam

LOCAL = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def local_beam_flags(*, workers: int = 1) -> list[str]:
    """Workers are processes of the node: one runs in the node's own, more get a process each.

    The runner is named because Beam's default, from 2.68 on, first tries to download another one.
    """
    return _flags(
        {
            "runner": LOCAL,
            "direct_running_mode": "in_memory" if workers == 1 else "multi_processing",
            "direct_num_workers": workers,
        }
    )


def beam_flags(beam: Beam, *, image: str, settings: Cluster) -> list[str]:
    """The flags of one node.

    Args:
      beam: its settings; an option given there stands instead of one that follows from other settings.
      image: the node's, from whose tag that of workers elsewhere follows.
    """
    if beam.runner == "local":
        return [*local_beam_flags(workers=beam.workers), *_flags(beam.options)]
    workers_image = beam.options.get("sdk_container_image") or worker_image(image)
    if beam.runner == "dataflow":
        ours = {"runner": "DataflowRunner", **_google_cloud(settings), "max_num_workers": beam.workers}
    else:
        # Flink's and Spark's own runners would start a job server, in Java. With one running they are all this one.
        ours = {"runner": "PortableRunner", "environment_type": "DOCKER", "environment_config": workers_image}
    # TFX builds itself as a package for the workers wherever no image is named.
    return _flags(ours | {"sdk_container_image": workers_image} | beam.options)


def worker_image(image: str) -> str:
    """`NAME:TAG` → `NAME:TAG-beam`, which `make image TARGET=beam IMAGE=NAME:TAG-beam` builds. No tag is `latest`."""
    has_tag = ":" in image.rsplit("/", 1)[-1]
    return f"{image}-beam" if has_tag else f"{image}:latest-beam"


def _google_cloud(settings: Cluster) -> dict[str, Any]:
    """What Dataflow needs, where the settings say it. On Kubeflow it comes from the node's options."""
    labels = {"labels": [f"{key}={value}" for key, value in sorted(settings.labels.items())]}
    if not isinstance(settings, VertexSettings):
        return labels
    where = {
        "project": settings.project,
        "region": settings.location,
        "temp_location": posixpath.join(settings.pipeline_root, "beam-temp"),
    }
    who = {"service_account_email": settings.service_account} if settings.service_account else {}
    return where | who | labels


def _flags(options: dict[str, Any]) -> list[str]:
    """`--name=value`; a list repeats the flag, and `true` is a flag without a value."""
    flags = []
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            flags.append(f"--{name}" if each is True else f"--{name}={each}")
    return flags
