"""An ingestion that 0.1.0 wrote is a source, training data and evaluation data today."""

import shutil

import numpy as np

from components.evaluation import shard_reader
from components.ingestion import report as ingestion_report
from components.ingestion import summary
from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from components.sources.detect import Wanted, scan
from pipeline.evaluate import data
from tests.compat.recorded import DATA
from trainer import imagenet, input_pipeline


def shards(files, split: str) -> list[str]:
    return [str(files / "examples" / f"Split-{split}" / "*")]


def test_source_slim_reads_it_and_writes_the_same_shards(files, tmp_path):
    source = scan(str(files / "examples"), Wanted(source="slim"))
    assert {split: len(entries) for split, entries in source.splits.items()} == {"train": 30, "eval": 20}
    report = ingest(str(files / "examples"), str(tmp_path), wanted=Wanted(source="slim"))
    assert report["digest"] == summary.read(str(files / "examples"))["digest"]
    for before in sorted((files / "examples").glob("Split-*/*")):
        after = tmp_path / before.parent.name / before.name
        assert after.read_bytes() == before.read_bytes()


def test_the_same_pictures_are_ingested_to_the_same_shards(files, tmp_path):
    """So a cache or a digest of 0.1.0's data still names today's."""
    pictures = tmp_path / "pictures"
    for split in ("train", "eval"):
        shutil.copytree(DATA / "pictures", pictures / split)
    ingest(str(pictures), str(tmp_path / "out"), rules=Rules(max_leaked=1.0))
    for before in sorted((files / "examples" / "Split-eval").iterdir()):
        assert (tmp_path / "out" / "Split-eval" / before.name).read_bytes() == before.read_bytes()


def test_the_trainers_reader_gives_its_pictures_and_labels(files):
    dataset = input_pipeline.eval_dataset(shards(files, "train"), resolution=32, central_fraction=1.0, batch_size=30)
    [(images, labels)] = list(dataset.as_numpy_iterator())
    assert images.shape == (30, 32, 32, 3) and -1 <= images.min() < images.max() <= 1
    assert np.bincount(labels).tolist() == [0] + [3] * 10


def test_evaluate_finds_its_shards_and_labels(files):
    found = data.find(files / "examples")
    assert found is not None and len(found.labels) == 11 and found.labels[:2] == ("background", "ankle_boot")
    batches = [
        columns
        for shard in found.files
        for _, columns in shard_reader.read(shard, [], features=["image/filename"], batch=8)
    ]
    assert sum(batch.num_rows for batch in batches) == 20


def test_its_report_is_read_and_worded(files):
    report = imagenet.REPORT_FORMAT.read(files / "examples" / imagenet.REPORT_FILE)
    assert report["splits"]["train"]["pictures"] == 30
    assert "train: 30 pictures (30 as they were, 0 converted)" in ingestion_report.as_text(report)
