"""DataGate: no training on data with anomalies. ExampleValidator only records them; this node fails the run."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.data_error import DataError
from components.ingestion import summary
from components.ingestion.label_schema import SCHEMA_FILE
from components.ingestion.summary import IngestionSummary
from trainer import imagenet

_ANOMALIES_FILE = "SchemaDiff.pb"
_STATISTICS_FILE = "FeatureStats.pb"


@component
def DataGate(
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    label_schema: InputArtifact[standard_artifacts.Schema],
    report: InputArtifact[IngestionSummary],
    schema: OutputArtifact[standard_artifacts.Schema],
    code: Parameter[str],
) -> None:
    """Hands the schema on to the trainers, or fails naming every fault."""
    source = Path(label_schema.uri) / SCHEMA_FILE
    problems = faults(
        schema=tfdv.load_schema_text(str(source)),
        report=summary.read(report.uri),
        anomalies={split: read_anomalies(anomalies.uri, split) for split in _splits(anomalies)},
        examples={split: _examples(statistics.uri, split) for split in _splits(statistics)},
    )
    if problems:
        raise DataError(_message(problems))
    shutil.copyfile(source, Path(schema.uri) / SCHEMA_FILE)


def faults(
    *,
    schema: schema_pb2.Schema,
    report: dict[str, Any],
    anomalies: Mapping[str, anomalies_pb2.Anomalies],
    examples: Mapping[str, int],
) -> list[str]:
    """The rule: everything that speaks against training on this data, one line each; empty if nothing does.

    Args:
        schema: LabelSchema's.
        report: ingestion_report.json.
        anomalies: What ExampleValidator found, by split.
        examples: How many examples StatisticsGen read, by split: counted on the shards, not taken from the report.
    """
    found = [line for split, content in anomalies.items() for line in _anomaly_lines(split, content)]
    for split in (imagenet.TRAIN, imagenet.EVAL):
        found += _split_faults(split, report, anomalies, examples)
    return found + _class_faults(schema, report)


def _anomaly_lines(split: str, anomalies: anomalies_pb2.Anomalies) -> list[str]:
    lines = [
        f"{split}: {name}: {info.short_description}: {info.description}"
        for name, info in anomalies.anomaly_info.items()
    ]
    if anomalies.HasField("dataset_anomaly_info"):
        lines.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
    if anomalies.data_missing:
        lines.append(f"{split}: ExampleValidator saw no data")
    return sorted(lines)


def _split_faults(split: str, report: dict[str, Any], anomalies: Mapping, examples: Mapping[str, int]) -> list[str]:
    if split not in anomalies or split not in examples:
        return [f"{split}: not checked; StatisticsGen and ExampleValidator must see both splits"]
    if examples[split] == 0:
        return [f"{split}: no pictures"]
    written = report["splits"].get(split, {}).get("pictures", 0)
    if examples[split] != written:
        return [f"{split}: {examples[split]:,} examples in the shards, but {written:,} were written"]
    return []


def _class_faults(schema: schema_pb2.Schema, report: dict[str, Any]) -> list[str]:
    (label,) = [feature for feature in schema.feature if feature.name == imagenet.LABEL]
    lines = []
    if label.int_domain.max != report["classes"]:
        lines.append(f"labels.txt has {label.int_domain.max} classes, the ingestion report {report['classes']}")
    for split, content in report["splits"].items():
        lines += [f"{split}: class {name} has no picture" for name, count in content["per_class"].items() if not count]
    return lines


def read_anomalies(uri: str, split: str) -> anomalies_pb2.Anomalies:
    """What ExampleValidator wrote for one split."""
    path = Path(uri) / f"Split-{split}" / _ANOMALIES_FILE
    return anomalies_pb2.Anomalies.FromString(path.read_bytes())


def _examples(uri: str, split: str) -> int:
    statistics = tfdv.load_stats_binary(str(Path(uri) / f"Split-{split}" / _STATISTICS_FILE))
    return sum(int(dataset.num_examples) for dataset in statistics.datasets)


def _splits(artifact: Any) -> list[str]:
    return artifact_utils.decode_split_names(artifact.split_names)


def _message(problems: list[str]) -> str:
    shown = "\n  ".join(problems[:50])
    return (
        f"The data has {len(problems)} faults, so nothing is trained on it:\n  {shown}\n"
        "Wanted: every label within labels.txt, every class with pictures, sizes and format as ingestion writes them. "
        "Repair the pictures' folder and run again."
    )
