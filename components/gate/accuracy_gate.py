"""AccuracyGate: the only blessing. It takes four kinds of evidence, each with its own sentence in the reason.

Paired accuracy (accuracy.py, where the bounds stand), structure (structure.py), provenance
(provenance.py) and fitness (gate/fitness.py): a file may be as right as the float model and still be no int8
file, or another one, or as useless as the float model is.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.portable import data_types
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation

from components.conversion import digests
from components.conversion.artifact import INT8, SERVING
from components.evaluation import tfma_module as evaluations
from components.gate import (
    accuracy,
    answers,
    fitness,
    last_release,
    provenance,
    provenance_records,
    structure,
    training_sample,
)
from components.gate.evidence import Evidence
from components.gate.networks import Networks
from components.gate.provenance_records import Parts
from components.gate.rule import ALPHA, CLASS_MARGIN, MARGIN, MAX_CALIBRATION_ERROR, MAX_LOST, VISIBLE_DROP, Rule
from components.node import driver
from trainer.file_format import FileFormat
from trainer.imagenet import LABELS_FILE
from trainer.tflite import guard

Found = TypeVar("Found")

VERDICT_FILE = "verdict.json"
VERDICT_FORMAT = FileFormat(VERDICT_FILE)
BLESSED_FILE = "BLESSED"  # TFX's Pusher looks for these two names.
NOT_BLESSED_FILE = "NOT_BLESSED"


@component
def AccuracyGate(
    evaluation: InputArtifact[ModelEvaluation],
    examples: InputArtifact[Examples],
    tflite: InputArtifact[Model],
    float_model: InputArtifact[Model],
    qat_model: InputArtifact[Model],
    blessing: OutputArtifact[ModelBlessing],
    floor: Parameter[float] = 0.0,
    destination: Parameter[str] = "",
    margin: Parameter[float] = MARGIN,
    class_margin: Parameter[float] = CLASS_MARGIN,
    max_lost: Parameter[float] = MAX_LOST,
    max_calibration_error: Parameter[float] = MAX_CALIBRATION_ERROR,
    visible_drop: Parameter[float] = VISIBLE_DROP,
    alpha: Parameter[float] = ALPHA,
    accept_small: Parameter[int] = 0,
    codes: Parameter[str] = "",
    code: Parameter[str] = "",
) -> None:
    """Judges the file; `destination` is where releases are pushed to, and the last one lies.

    `codes` are digests, with spaces between, of the sources that trained or imported what this run made.
    """
    rule = Rule(
        floor=floor, margin=margin, class_margin=class_margin, max_lost=max_lost,
        max_calibration_error=max_calibration_error, visible_drop=visible_drop, alpha=alpha,
        accept_small=bool(accept_small),
    )  # fmt: skip
    tflite_dir, float_dir, qat_dir = (Path(model.uri, SERVING) for model in (tflite, float_model, qat_model))
    parts = Parts(Path(examples.uri), tflite_dir, float_dir, qat_dir, evaluations.read(evaluation.uri))
    verdict = judge(parts, rule, destination=destination, codes=codes.split())
    blessing.set_int_custom_property("blessed", int(verdict.blessed))
    blessing.set_string_custom_property("reason", verdict.reason)
    blessing.set_string_custom_property("code", code)
    write(verdict, blessing.uri)


class Driver(driver.Driver):
    """Puts the release that the file is compared with into the cache key, which sees the destination's name alone.

    On clusters a verdict may come from the cache when the destination has changed: one
    that blesses is then of a bundle that its own run went on to push, and one that does not is on the safe side.
    """

    def key(self, execution_info: data_types.ExecutionInfo) -> dict[str, str | int]:
        """`last_release`; empty where there is none."""
        tflite, float_model = (
            Path(artifact_utils.get_single_uri(list(execution_info.input_dict[key])), SERVING)
            for key in ("tflite", "float_model")
        )
        base = str(execution_info.exec_properties.get("destination", ""))
        small = bool(execution_info.exec_properties.get("accept_small", 0))
        release = release_to_compare(tflite, float_model, base, accept_small=small).release
        return {"last_release": release.fingerprint if release else ""}


AccuracyGate.DRIVER_CLASS = Driver  # pyright: ignore[reportAttributeAccessIssue] - the decorator makes a class.


@dataclass(frozen=True)
class Verdict:
    """Blessed or not, and the evidence."""

    evidence: tuple[Evidence, ...]

    @property
    def blessed(self) -> bool:
        return all(each.passed for each in self.evidence)

    @property
    def reason(self) -> str:
        """A line for each kind of evidence; of a file that is not blessed, for each that speaks against it."""
        if self.blessed:
            return "\n".join(each.reason for each in self.evidence)
        against = [each.reason for each in self.evidence if not each.passed]
        return "\n".join([*against, *(f"Note: {note}" for each in self.evidence if each.passed for note in each.notes)])


def judge(
    parts: Parts, rule: Rule, *, destination: str = "", codes: Sequence[str] = (), networks: Networks | None = None
) -> Verdict:
    """The four kinds of evidence.

    Args:
      codes: digests of the sources that train and import in this run; without any, whose they are is not asked.
      destination: where releases are pushed to; empty for none.
      networks: those that an earlier verdict loaded, where several are asked for on the same models.

    Raises:
      PushError: the destination is not a folder of a file system.
    """
    networks = networks or Networks()
    labels = read_labels(str(parts.examples))
    candidate = parts.evaluation.candidate
    found = release_to_compare(parts.tflite, parts.float_model, destination, accept_small=rule.accept_small)
    release = last_release.compare(
        found.release,
        data=provenance_records.data_digest(parts.examples),
        now=(candidate.top1_count, candidate.pictures),
        alpha=rule.alpha,
    )
    described = provenance_records.description(parts.float_model)
    int8 = (parts.tflite / INT8).read_bytes()
    harm = guard.harm(int8)
    faults, sample = None, None  # Nothing runs a file that does harm.
    if not harm:
        faults = _where_readable(answers.faults, parts, networks)
        sample = _where_readable(training_sample.measure, parts, networks)
    return Verdict(
        (
            dataclasses.replace(
                accuracy.judge(parts.evaluation.pairs, rule, labels=labels, release=release),
                notes=found.passed_over,
            ),
            structure.examine(
                int8,
                labels=labels,
                variant=described.variant if described else None,
                central_fraction=described.central_fraction if described else None,
                preprocessing=described.preprocessing if described else None,
                harm=harm,
            ),
            provenance.examine(parts, codes=codes, recomputed=faults or ()),
            fitness.judge(candidate, sample, rule, labels=labels),
        )
    )


def _where_readable(measure: Callable[[Parts, Networks], Found], parts: Parts, networks: Networks) -> Found | None:
    """None where file, models and data do not go together or cannot be read: records and structure say so."""
    try:
        return measure(parts, networks)
    except (OSError, ValueError, KeyError, tf.errors.OpError):
        return None


def release_to_compare(
    tflite: Path, float_model: Path, destination: str, *, accept_small: bool = False
) -> last_release.Found:
    """The newest other release of the float model's variant; both are serving folders."""
    described, sha256 = provenance_records.description(float_model), digests.file_sha256(tflite / INT8)
    if described is None or sha256 is None:
        return last_release.Found(None)
    return last_release.search(destination, described.variant.name, sha256=sha256, accept_small=accept_small)


def read_labels(examples_uri: str) -> list[str]:
    """The names of the classes in the order of the outputs, `background` first."""
    with tf.io.gfile.GFile(os.path.join(examples_uri, LABELS_FILE)) as file:
        return file.read().splitlines()


def write(verdict: Verdict, uri: str) -> None:
    """Writes verdict.json, and then the empty file BLESSED or NOT_BLESSED that TFX's Pusher looks for."""
    content = {
        "blessed": verdict.blessed,
        "reason": verdict.reason,
        "evidence": [each.as_dict() for each in verdict.evidence],
    }
    tf.io.gfile.makedirs(uri)
    with tf.io.gfile.GFile(os.path.join(uri, VERDICT_FILE), "w") as file:
        file.write(json.dumps(VERDICT_FORMAT.stamped(content), indent=2) + "\n")
    marker = BLESSED_FILE if verdict.blessed else NOT_BLESSED_FILE
    with tf.io.gfile.GFile(os.path.join(uri, marker), "w") as file:
        file.write("")
