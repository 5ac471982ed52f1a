"""Beam's other runners are options of the same command; a job server is spoken to as Flink's and Spark's are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.runners.portability import local_job_service

from components.ingestion.ingest import ingest
from pipeline.ingest.request import Request
from pipeline.ingest.request import ingest as ingest_whole
from tests.components.ingestion.test_staging import Silent
from tests.components.sources import small_ilsvrc

pytestmark = pytest.mark.slow


@pytest.fixture
def job_server(tmp_path) -> Iterator[str]:
    """Beam's own job server in Python; as with Flink's, the pipeline goes to it as a portable one."""
    service = local_job_service.LocalJobServicer(str(tmp_path / "jobs"))
    yield f"localhost:{service.start_grpc_server(0)}"
    service.stop()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_job_server_s_workers_write_the_same_bytes(job_server, tmp_path):
    folders = small_ilsvrc.folders(tmp_path / "pictures")
    options = ("--runner=PortableRunner", f"--job_endpoint={job_server}", "--environment_type=LOOPBACK")
    ingest_whole(Request(data=folders, output=tmp_path / "out", beam_options=options), follower=Silent())
    ingest(str(folders), str(tmp_path / "expected"))
    assert files(tmp_path / "out") == files(tmp_path / "expected")
    assert len(files(tmp_path / "out")) == 4
