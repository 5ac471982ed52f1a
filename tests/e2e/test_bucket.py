"""A run that pushes to `gs://…`: the rest comes from the cache; bundle, signature and zoo are in the bucket."""

import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from components.release import gcs_path
from pipeline import lineage
from pipeline.release import verify
from tests import storage_server
from tests.components.release.test_signature import write_keys
from tests.e2e.conftest import WholeRun, arguments, mobilenet

pytestmark = pytest.mark.e2e


def test_a_run_pushes_signs_and_reports_in_a_bucket(whole_run: WholeRun, tmp_path, monkeypatch):
    workdir = tmp_path / "runs"
    workdir.mkdir()
    shutil.copyfile(whole_run.workdir / "metadata.sqlite", workdir / "metadata.sqlite")
    key, public = write_keys(tmp_path, "key", ec.generate_private_key(ec.SECP256R1()))
    place = ("--push-destination", "gs://models/out", "--sign", key)
    with storage_server.serving(monkeypatch) as storage:
        done = mobilenet(*arguments(whole_run.data, workdir), *place)
        assert done.returncode == 0, f"{done.stdout}\n{(workdir / 'log.txt').read_text()[-4000:]}"
        assert "Blessed and pushed: gs://models/out/0.25_32/1 (signed)" in done.stdout
        assert verify.faults(gcs_path.place("gs://models/out/0.25_32/1"), public) == []
    local = whole_run.workdir / "models"
    files = {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}
    assert {f"out/{name}" for name in files} | {"out/0.25_32/1/model.sig"} == set(storage.objects)
    assert storage.objects["out/zoo/zoo.json"] == (local / "zoo" / "zoo.json").read_bytes()
    assert not (workdir / "models").exists()
    ran = {name for name, node in lineage.last_run(workdir / "metadata.sqlite").items() if node.state == "done"}
    assert ran == {"AccuracyGate-w025-r32", "ReportBuilder-w025-r32", "Pusher-w025-r32", "ZooReport"}
