"""CheckpointImporter: a TF-Slim checkpoint, or a release's archive, as the model artifact that FloatTrainer would give.

It stands where FloatTrainer stood: what comes behind it cannot tell the two apart. A node's cache does not see into the
file, so its SHA-256 is a parameter, and the file must still have it.
"""

import dataclasses
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model

from components.conversion.artifact import SERVING
from trainer.export import Description
from trainer.imagenet import CENTRAL_FRACTION, LABELS_FILE, REPORT_FILE, REPORT_FORMAT
from trainer.network.variant import Variant
from trainer.slim import imported_model


@component
def CheckpointImporter(
    examples: InputArtifact[Examples],
    model: OutputArtifact[Model],
    uri: Parameter[str],
    digest: Parameter[str],
    variant: Parameter[str],
    raw: Parameter[bool] = False,
    only_a_start: Parameter[bool] = False,
    central_fraction: Parameter[float] = CENTRAL_FRACTION,
    code: Parameter[str] = "",
) -> None:
    """Writes the model, with the labels of the examples; refuses a checkpoint of another width or class count.

    `only_a_start` takes any class count: a trainer goes on from the model and gives it a new head.
    """
    source = imported_model.Source(Path(uri), Variant.parse(variant), bool(raw), central_fraction, code)
    labels_file = Path(examples.uri, LABELS_FILE)
    import_into(
        Path(model.uri, SERVING), source, digest=digest, labels_file=labels_file, any_classes=bool(only_a_start)
    )
    model.set_string_custom_property("code", code)


def import_into(
    serving_dir: Path, source: imported_model.Source, *, digest: str, labels_file: Path, any_classes: bool = False
) -> Description:
    """Writes the model folder; → what it says of itself.

    Args:
      digest: of the checkpoint when the pipeline was made (`trainer.slim.imported_model.source_digest`).
      labels_file: the examples' labels.txt: line i names class i, the background first.
      any_classes: the checkpoint may have others than the data, since training goes on from it with a new head.

    Raises:
      ValueError: it is another file by now, or has other classes than the data; also what `import_model` raises.
    """
    if (found := imported_model.source_digest(source.path)) != digest:
        raise ValueError(
            f"{source.path} has SHA-256 {found}, wanted {digest}: it has changed since the pipeline was made. Make it "
            "again, or bring the file back."
        )
    report = labels_file.with_name(REPORT_FILE)
    ingested = REPORT_FORMAT.read(report).get("preprocessing", {}) if report.is_file() else {}
    source = dataclasses.replace(source, ingested=ingested)
    labels = None if any_classes else labels_file.read_text(encoding="utf-8").splitlines()
    return imported_model.import_model(source, serving_dir, labels)
