"""BundleBuilder: everything that belongs to one variant's release, as one folder that appears whole or not at all."""

import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation

from components.conversion import edges as edge_check
from components.conversion import model_pair
from components.conversion.artifact import EDGES, INT8, SERVING, UINT8
from components.evaluation import tfma_module as evaluations
from components.evaluation.paired_statistics import pictures_needed
from components.evaluation.scores import Evaluation
from components.release import bundle as bundles
from components.release import info as bundle_info
from components.release import sbom, tf1_graph
from components.release.bundle import BundleError
from components.release.model_card import card, facts
from trainer import export, input_pipeline
from trainer.digest import sha256_file
from trainer.export import Description
from trainer.imagenet import EVAL, LABELS_FILE
from trainer.slim import checkpoint
from trainer.tflite import metadata
from trainer.whole import whole_folder

SAVED_MODEL = "saved_model"
_progress = logging.getLogger("mobilenet.progress")


@component
def BundleBuilder(
    examples: InputArtifact[Examples],
    float_model: InputArtifact[Model],
    qat_model: InputArtifact[Model],
    tflite: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    bundle: OutputArtifact[Model],
    code: Parameter[str],
    margin: Parameter[float],
    visible_drop: Parameter[float],
    alpha: Parameter[float],
) -> None:
    """Builds the bundle; refuses a file that was not evaluated, and edges that do not give the same answer."""
    parts = Parts(
        examples=Path(examples.uri),
        float_model=Path(float_model.uri) / SERVING,
        qat_model=Path(qat_model.uri) / SERVING,
        tflite=Path(tflite.uri) / SERVING,
        evaluation=evaluations.read(evaluation.uri),
        code=code,
        pictures_needed=pictures_needed(margin=margin, drop=visible_drop, alpha=alpha),
    )
    build(parts, Path(bundle.uri) / SERVING)


@dataclass(frozen=True)
class Parts:
    """What a bundle is made of."""

    examples: Path  # The Examples artifact's folder.
    float_model: Path  # The models' serving folders.
    qat_model: Path
    tflite: Path
    evaluation: Evaluation
    code: str  # Digest of the source that builds.
    pictures_needed: int = 0  # To show that the int8 file is as good as the float model.


@dataclass(frozen=True)
class Models:
    """What the parts' records and the float model's labels say, read once."""

    float_model: Description
    qat_model: Description
    labels: list[str]

    @property
    def name(self) -> str:
        return f"mobilenet_v1_{self.float_model.variant.name}"


def build(parts: Parts, target: Path) -> None:
    """Writes the bundle to `target`, which must not exist.

    Raises:
        BundleError: the parts do not belong together, or the disk is full or read-only.
        EdgeError: the uint8 file does not give the int8 file's answers.
    """
    models = Models(
        export.read_description(str(parts.float_model)),
        export.read_description(str(parts.qat_model)),
        export.labels(str(parts.float_model)),
    )
    _check(parts, models)
    try:
        with whole_folder(target) as folder:
            _write_tflite(parts, folder, models.name)
            _write_float(parts, folder, models)
            _write_eval_graph(parts, folder, models.name)
            _write_info(parts, folder, models)
            bundles.write_manifest(folder)
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error}. Make room there and run again.") from error


def _check(parts: Parts, models: Models) -> None:
    """Refuses parts of different models, an int8 file that nobody measured, and a uint8 file with other answers."""
    if fault := model_pair.fault(float_model=models.float_model, qat_model=models.qat_model):
        raise BundleError(fault)
    int8 = parts.tflite / INT8
    digest = sha256_file(int8)
    if digest != parts.evaluation.sha256:
        raise BundleError(
            f"{int8} has SHA-256 {digest}, but {parts.evaluation.sha256} was evaluated: what ships must be what was "
            "measured. Run the Evaluator again."
        )
    _check_labels(parts, models.labels)
    _check_edges(parts, models.float_model)


def _check_labels(parts: Parts, labels: list[str]) -> None:
    for file in EDGES:
        inside = metadata.read_labels((parts.tflite / file).read_bytes())
        if inside != labels:
            raise BundleError(
                f"{parts.tflite / file} has the labels {', '.join(inside[:5])}… ({len(inside)}), the float model "
                f"{', '.join(labels[:5])}… ({len(labels)}). Convert again."
            )


def _check_edges(parts: Parts, described: Description) -> None:
    shards = str(parts.examples / f"Split-{EVAL}" / "*")
    pictures = input_pipeline.eval_dataset(
        [shards],
        resolution=described.resolution,
        central_fraction=described.central_fraction,
        batch_size=edge_check.BATCH,
    )
    int8, uint8 = ((parts.tflite / file).read_bytes() for file in (INT8, UINT8))
    total = parts.evaluation.candidate.pictures
    batches = _reported((images for images, _ in pictures.as_numpy_iterator()), total=total)
    seen = edge_check.compare(batches, int8=int8, uint8=uint8)
    if seen != total:
        raise BundleError(
            f"{total} pictures were evaluated, but {shards} holds {seen}. Run the Evaluator again on these examples."
        )


def _reported(batches: Iterable[np.ndarray], *, total: int) -> Iterator[np.ndarray]:
    """Passes the batches on, and says about once a second how far they are."""
    done, reported = 0, time.monotonic()
    for images in batches:
        yield images
        done += len(images)
        if time.monotonic() - reported >= 1:
            reported = time.monotonic()
            _progress.info("uint8 edges compared", extra={"progress": {"task": "bundle", "done": done, "total": total}})


def _write_tflite(parts: Parts, folder: Path, name: str) -> None:
    for file, edges in EDGES.items():
        shutil.copyfile(parts.tflite / file, folder / f"{name}_{edges}.tflite")


def _write_float(parts: Parts, folder: Path, models: Models) -> None:
    """The float model as TF2's SavedModel, TF1's checkpoint (with its graph) and the frozen graph."""
    shutil.copytree(parts.float_model, folder / SAVED_MODEL, ignore=shutil.ignore_patterns(export.KERAS))
    (folder / LABELS_FILE).write_text("".join(f"{label}\n" for label in models.labels), encoding="utf-8")
    model, description = export.load_keras(str(parts.float_model))
    prefix = folder / f"{models.name}.ckpt"
    checkpoint.export_tf1(model, prefix, steps=description.steps)
    traced = tf1_graph.trace(model)
    meta = prefix.with_name(f"{prefix.name}.meta")
    tf1_graph.write_meta_graph(traced, meta, checkpoint.reference_variables(model))
    frozen = tf1_graph.frozen_graph(traced).SerializeToString(deterministic=True)
    (folder / f"{models.name}_frozen.pb").write_bytes(frozen)


def _write_eval_graph(parts: Parts, folder: Path, name: str) -> None:
    """The fake-quantized graph as text, with variables: the int8 file's arithmetic as TensorFlow emulates it."""
    model, _ = export.load_keras(str(parts.qat_model))
    graph, _ = tf1_graph.variable_graph(tf1_graph.trace(model))
    text = text_format.MessageToString(graph.as_graph_def())
    (folder / f"{name}_eval.pbtxt").write_text(text, encoding="utf-8")


def _write_info(parts: Parts, folder: Path, models: Models) -> None:
    """What says what all the rest is: info.json for programs, the card for people, the bill of materials for both."""
    info = bundle_info.describe(
        folder,
        models.name,
        float_model=models.float_model,
        qat_model=models.qat_model,
        evaluation=parts.evaluation,
        code=parts.code,
        pictures_needed=parts.pictures_needed,
    )
    bundles.write_json(folder / bundles.INFO, info)
    for file, text in card.render(facts.of(info, parts.evaluation, models.labels)).items():
        (folder / file).write_text(text, encoding="utf-8")
    bundles.write_json(folder / sbom.NAME, sbom.describe(info, parts.evaluation, bundles.sums(folder)))
