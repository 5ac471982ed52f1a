"""From folders or tars of pictures to checked shards with labels.txt and ingestion_report.json, whole or not at all.

Everything is written into a hidden staging folder under the destination and moved at the end, the report last: where it
lies, the ingestion is complete. Plain functions: the component (example_gen.py) calls `ingest`, and so can a script.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam

from components import options
from components.data_error import DataError
from components.ingestion import counts, shards, staging
from components.ingestion import rules as ingestion_rules
from components.ingestion.progress import report_progress
from components.ingestion.rules import Rules
from components.sources.detect import scan
from components.sources.imagenet import label_names
from components.sources.source import Source
from components.sources.wanted import ALL, Wanted
from trainer import imagenet
from trainer.pictures.record import Preprocessing
from trainer.whole import move

PICTURES_PER_SHARD = 1250  # ImageNet's train split comes to 1025 shards; the reference had 1024.


def ingest(
    root: str,
    destination: str,
    *,
    wanted: Wanted = ALL,
    make_pipeline: Callable[[], beam.Pipeline] = beam.Pipeline,
    rules: Rules = ingestion_rules.DEFAULT,
    pictures_per_shard: int = PICTURES_PER_SHARD,
) -> dict[str, Any]:
    """Writes Split-train/, Split-eval/, labels.txt and ingestion_report.json into `destination`; returns the report.

    Args:
        root: The folder with the pictures, the tars or the TFRecords; the modules that detect.py calls say how
            they lie.
        destination: A folder on a local or shared file system; made if missing.
        wanted: Which of these it is, what belongs to it, and which part of it is taken.
        make_pipeline: Gives the Beam pipeline that runs the work; its workers must see both folders.
        rules: What is let pass, and what is done with it.
        pictures_per_shard: About so many; the number of shards changes their bytes, the number of workers does not.

    Raises:
        DataError: the folder is not as it should be, too much of it was refused, or the destination cannot be written.
    """
    options.check(rules)
    return ingest_source(
        scan(root, wanted),
        root,
        destination,
        make_pipeline=make_pipeline,
        rules=rules,
        pictures_per_shard=pictures_per_shard,
    )


def ingest_source(
    source: Source,
    root: str,
    destination: str,
    *,
    make_pipeline: Callable[[], beam.Pipeline] = beam.Pipeline,
    rules: Rules = ingestion_rules.DEFAULT,
    pictures_per_shard: int = PICTURES_PER_SHARD,
) -> dict[str, Any]:
    """As `ingest`, of pictures that were found already; `root` is what messages call them by."""
    label_names.check(source, root)
    counts.check_lost(source, root=root, rules=rules)
    with staging.fresh(Path(destination)) as made:
        source = source.unpack(source, made / "unpacked") if source.unpack else source
        plans = shards.plan(source, made, pictures_per_shard=pictures_per_shard)
        with report_progress(made / "result", total=sum(map(len, source.splits.values()))):
            _write_shards(plans, made, make_pipeline, rules)
        report = counts.collect(source, made, plans) | {"preprocessing": _preprocessing(rules)}
        counts.check(report, root=root, rules=rules)
        _publish(made, Path(destination), source, report)
    return report


class WriteShard(beam.DoFn):
    """One plan file in, one shard on disk. The element is a path: Beam carries no pictures."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def process(self, element: str) -> list[str]:
        """Writes the shard of one plan file."""
        shards.write_shard(element, self._rules)
        return [element]


def _write_shards(plans: list[str], made: Path, make_pipeline: Callable[[], beam.Pipeline], rules: Rules) -> None:
    try:
        with make_pipeline() as pipeline:
            # The reshuffle keeps Beam from fusing the whole list into one worker's bundle.
            paths = pipeline | "Plans" >> beam.Create(plans) | "Spread" >> beam.Reshuffle()
            _ = paths | "WriteShard" >> beam.ParDo(WriteShard(rules))
    except Exception as error:
        if (made / "error").exists():
            raise DataError((made / "error").read_text()) from error
        raise


def _preprocessing(rules: Rules) -> dict[str, Any]:
    """What ingestion does to a picture: its part of the record."""
    said = Preprocessing(exif_orientation=rules.exif_orientation).as_dict()
    return {name: said[name] for name in ("exif_orientation", "alpha", "depth")}


def _publish(made: Path, destination: Path, source: Source, report: dict[str, Any]) -> None:
    staging.check_empty(destination)
    labels = [imagenet.BACKGROUND, *(category.name for category in source.categories)]
    (made / imagenet.LABELS_FILE).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    counts.write(report, made / imagenet.REPORT_FILE)
    for split in source.splits:
        shutil.rmtree(destination / f"Split-{split}", ignore_errors=True)  # Left by one killed while it moved.
        move(made / f"Split-{split}", destination / f"Split-{split}")
    for name in (imagenet.LABELS_FILE, imagenet.REPORT_FILE):
        os.replace(made / name, destination / name)
