"""`mobilenet evaluate`: any number of models on the same pictures, by TFMA and the Evaluator's own extractor."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import apache_beam as beam
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions

from components import options
from components.evaluation import tfma_module as evaluations
from components.evaluation.extractor import SHARD, predict_extractor
from components.evaluation.scores import Evaluation
from components.evaluation.slices import CLASS_GROUP, Slicer
from components.ingestion import ingest
from components.ingestion.rules import DEFAULT as DEFAULT_RULES
from components.ingestion.rules import Rules
from components.sources.folders import scan_split
from pipeline import code_digest
from pipeline.eval_config import SLICES, eval_config
from pipeline.evaluate import data as evaluated_data
from pipeline.evaluate import models as evaluated_models
from pipeline.evaluate import scores_file
from pipeline.evaluate.models import Chosen, Options
from pipeline.terminal.progress import Follower
from trainer.imagenet import REPORT_FILE
from trainer.whole import output_folder

_RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"  # Beam's default downloads another.

EXAMPLES = "examples"
_WHERE = re.compile(r"\s*\[while running [^]]*\]\s*$")  # What Beam puts behind an error of a worker...
# ...and of another process it has the traceback alone.
_SENTENCE = re.compile(r"\n[\w.]*(?:ModelError|DataError|TFLiteError): (?P<text>.*?)(?:\s*\[while running|\n|$)")


class EvaluateError(ValueError):
    """Models, pictures and options do not fit together."""


@dataclass(frozen=True)
class Request:
    """What to evaluate on what.

    Args:
      models: [NAME=]PATH each.
      data: an Examples artifact, a folder of TFRecord shards, or class folders of pictures.
      output: a folder that does not exist yet.
      baseline: the name of the model that the others are compared with; None: the first of several.
      slices: the features that make each; all pictures come on top.
      class_groups: a CSV file of class,group; asks for that slice as well.
    """

    models: Sequence[str]
    data: Path
    output: Path
    baseline: str | None = None
    slices: Sequence[Sequence[str]] = SLICES
    class_groups: Path | None = None
    options: Options = field(default_factory=Options)
    beam_workers: int = 1
    rules: Rules = DEFAULT_RULES  # Of pictures in folders; their orientation is the models'.


def evaluate(request: Request, *, follower: Follower) -> Evaluation:
    """Writes TFMA's results and scores.json into `request.output`, whole or not at all; → what they say.

    Raises:
      EvaluateError, ModelError, DataError: what was got, what was wanted. Errors of the models' own kinds: see there.
    """
    if request.output.exists():
        raise EvaluateError(f"{request.output} is there already: give a folder that does not exist yet, or remove it.")
    with tempfile.TemporaryDirectory(prefix="mobilenet-evaluate-") as scratch, output_folder(request.output) as folder:
        folder.mkdir()
        follower.start("models")
        chosen = evaluated_models.choose(request.models, request.options, scratch=Path(scratch))
        follower.finish("models")
        follower.start("pictures")
        examples = _examples(request, chosen, Path(scratch))
        follower.finish("pictures")
        chosen = evaluated_models.with_order(chosen, examples.labels)
        follower.start("evaluation")
        _run(request, chosen, examples, folder)
        result = evaluations.read(str(folder), alone=chosen[0].model.name)
        scores_file.write(result, examples.labels, folder / scores_file.NAME)
        if (report := Path(scratch) / EXAMPLES / REPORT_FILE).is_file():  # Of pictures in folders: which were refused.
            shutil.copyfile(report, folder / REPORT_FILE)
        follower.finish("evaluation")
    return result


def _examples(request: Request, chosen: Sequence[Chosen], scratch: Path) -> evaluated_data.Examples:
    data = request.data
    known = next((each.labels for each in chosen if each.labels), ())
    orientation = evaluated_models.orientation(chosen)
    if there := evaluated_data.find(data, known):
        evaluated_data.check_orientation(there, orientation)
        return there
    found = scan_split(str(data), labels=known)
    folder = scratch / EXAMPLES
    rules = replace(request.rules, exif_orientation=orientation)
    options.check(rules)
    ingest.ingest_source(found, str(data), str(folder), make_pipeline=lambda: _pipeline(request), rules=rules)
    return evaluated_data.find(folder) or evaluated_data.Examples([])


def _run(request: Request, chosen: Sequence[Chosen], examples: evaluated_data.Examples, folder: Path) -> None:
    models = [each.model for each in chosen]
    names = [model.name for model in models]
    baseline = request.baseline or (names[0] if len(names) > 1 else None)
    if baseline and baseline not in names:
        raise EvaluateError(f"--baseline is {baseline}: wanted one of {', '.join(names)}.")
    slices = [*request.slices, *([(CLASS_GROUP,)] if request.class_groups else [])]
    config = eval_config(
        code=code_digest.digest("components.evaluation.tfma_module"), models=names, baseline=baseline, slices=slices
    )
    groups = evaluated_data.read_groups(request.class_groups, examples.labels) if request.class_groups else None
    extractor = predict_extractor(
        models,
        slicer=Slicer(evaluations.slice_features(config), groups),
        classes=len(examples.labels) or None,
        total=None,
    )
    shared = [evaluations.custom_eval_shared_model(model.path, model.name, config) for model in models]
    with _worker_errors(), _pipeline(request) as pipeline:
        _ = (
            pipeline
            | "Shards" >> beam.Create([{SHARD: file} for file in examples.files])
            | "Spread" >> beam.Reshuffle()  # Or Beam would fuse the whole list into one worker's bundle.
            | "Evaluate"
            >> tfma.ExtractEvaluateAndWriteResults(
                eval_config=config,
                eval_shared_model=shared if len(shared) > 1 else shared[0],
                extractors=[extractor],
                output_path=str(folder),
            )
        )


@contextlib.contextmanager
def _worker_errors() -> Iterator[None]:
    """A fault of a model or of the data as its own sentence, without what Beam wraps around it."""
    try:
        yield
    except Exception as error:
        if found := _SENTENCE.search(str(error)):
            raise EvaluateError(found["text"]) from error
        if isinstance(error, ValueError):
            raise EvaluateError(_WHERE.sub("", str(error))) from error
        raise


def _pipeline(request: Request) -> beam.Pipeline:
    mode = "in_memory" if request.beam_workers == 1 else "multi_processing"
    arguments = [_RUNNER, f"--direct_running_mode={mode}", f"--direct_num_workers={request.beam_workers}"]
    return beam.Pipeline(options=PipelineOptions(arguments))
