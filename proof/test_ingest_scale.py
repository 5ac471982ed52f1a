"""1.28 million tiny pictures through `mobilenet ingest` on 2 cores in under 2 GB. Writes ingest.md.

Command: .venv/bin/pytest -m proof proof/test_ingest_scale.py   (5 GB under the temporary folder, 15 minutes on 2 cores)
"""

import json
import os

import pytest

from proof import ingest_record, ingest_scale

pytestmark = pytest.mark.proof

MEMORY = 2e9  # Bytes.
WORKERS = 2


def test_as_many_pictures_as_imagenet_has_go_through_in_under_2_gb(tmp_path):
    ingest_scale.make_tars(tmp_path / "data", ingest_scale.PICTURES)
    size = sum(path.stat().st_size for path in (tmp_path / "data").iterdir())
    cost = ingest_scale.ingest(tmp_path / "data", tmp_path / "out", workers=WORKERS)
    report = json.loads((tmp_path / "out" / "ingestion_report.json").read_text())
    ingest_record.write(
        "As many pictures as ImageNet has",
        f"Command: `.venv/bin/pytest -m proof proof/test_ingest_scale.py`. {ingest_scale.PICTURES:,} pictures of "
        f"16 x 16 pixels to train on and {report['splits']['eval']['pictures']:,} to evaluate on, out of two tars "
        f"({size / 1e9:.1f} GB); `mobilenet ingest --beam-workers {WORKERS}` on {os.cpu_count()} cores.\n\n"
        f"{ingest_scale.told(cost)}, counted over all its processes; wanted less than {MEMORY / 1e6:,.0f} MB.",
    )
    assert report["splits"]["train"]["pictures"] == ingest_scale.PICTURES
    assert cost.memory < MEMORY
