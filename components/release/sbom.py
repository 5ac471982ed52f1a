"""bom.json: a release bundle's bill of materials in CycloneDX 1.6, the model and its files and what computed them.

https://cyclonedx.org/docs/1.6/json/. No time and no chance is in it: the serial number is made of the files' sums.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from components.evaluation.scores import BASELINE, CANDIDATE, Evaluation
from components.release import software

NAME = "bom.json"
_FRAMEWORKS = ("tensorflow", "tf-keras", "tfx")
_LICENCE = [{"license": {"id": "Apache-2.0"}}]  # Of the network's code; the card says what is not known.


def describe(info: Mapping[str, Any], evaluation: Evaluation, sums: Mapping[str, str]) -> dict[str, Any]:
    """The document.

    Args:
      info: what info.json holds.
      sums: relative path → SHA-256 of every file of the bundle that is there.
    """
    files = [_file(name, digest) for name, digest in sorted(sums.items())]
    packages = [_package(name, version) for name, version in software.versions().items()]
    data = _data(info)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, ''.join(sums[name] for name in sorted(sums)))}",
        "version": 1,
        "metadata": {"component": _model(info, evaluation)},
        "components": [*files, data, *packages],
        "dependencies": [
            {"ref": "model", "dependsOn": sorted(each["bom-ref"] for each in (*files, data, *packages))},
        ],
    }


def _model(info: Mapping[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    int8 = info["files"][f"{info['name']}_int8.tflite"]
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": info["name"],
        "version": int8["sha256"][:12],
        "description": f"MobileNetV1 {info['variant']}, {info['classes']} outputs, int8 TFLite.",
        "hashes": [{"alg": "SHA-256", "content": int8["sha256"]}],
        "licenses": _LICENCE,
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": "image classification",
                "architectureFamily": "convolutional neural network",
                "modelArchitecture": f"MobileNetV1 {info['variant']}",
                "datasets": [{"ref": "data"}],
                "inputs": [{"format": "RGB picture"}],
                "outputs": [{"format": "probability of each class"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(evaluation)},
        },
    }


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    found = []
    for name, shown in ((CANDIDATE, "int8"), (BASELINE, "float")):
        scores = evaluation.overall.scores[name]
        for metric in ("top1", "top5"):
            interval = getattr(scores, f"{metric}_interval")
            found.append(
                {
                    "type": f"{metric} accuracy of the {shown} model",
                    "value": f"{getattr(scores, metric):.4f}",
                    "confidenceInterval": {"lowerBound": f"{interval.low:.4f}", "upperBound": f"{interval.high:.4f}"},
                }
            )
    return found


def _file(name: str, digest: str) -> dict[str, Any]:
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def _data(info: Mapping[str, Any]) -> dict[str, Any]:
    digest = info["digests"]["float"].get("data") or "not recorded"
    return {
        "type": "data",
        "bom-ref": "data",
        "name": "training and evaluation pictures",
        "data": [{"type": "dataset"}],
        "properties": [{"name": "mobilenet:examples:sha256", "value": digest}],  # Over records, not of one file.
    }


def _package(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:generic/python@{version}" if name == "python" else f"pkg:pypi/{name}@{version}"
    kind = "platform" if name == "python" else "framework" if name in _FRAMEWORKS else "library"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
