"""The packages that a release was computed with."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = (
    "ai-edge-litert", "apache-beam", "flatbuffers", "numpy", "pillow", "protobuf", "simplejpeg", "tensorflow",
    "tensorflow-model-analysis", "tensorflow-model-optimization", "tf-keras", "tfx",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Name → version of each package, by name; Python's, without the patch that computes nothing, is the first."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: metadata.version(name) for name in PACKAGES}}
