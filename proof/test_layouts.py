"""Archives that each format's own library wrote give the shards of class folders to the byte. Writes layouts.md.

Command: .venv/bin/pytest -m proof proof/test_layouts.py
"""

from pathlib import Path

import pytest

from components.ingestion.ingest import ingest
from components.sources.detect import detect
from proof.test_clients import environment, said_by
from tests.components.sources import small_ilsvrc

REPORT = Path(__file__).with_name("layouts.md")
pytestmark = pytest.mark.proof


def shards(root: Path, out: Path) -> dict[str, bytes]:
    ingest(str(root), str(out), pictures_per_shard=10)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*-of-*"))}


def test_parquet_by_datasets_and_tars_by_webdataset_give_the_shards_of_class_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    python = environment(tmp_path / "env", "datasets", "webdataset", "pillow")
    folders = small_ilsvrc.folders(tmp_path / "folders")
    versions = said_by(python, "layouts_client.py", folders, tmp_path / "data")
    wanted = shards(folders, tmp_path / "out")
    lines = []
    for kind, library in (("parquet", "datasets"), ("webdataset", "webdataset")):
        root = tmp_path / "data" / kind
        assert detect(str(root)) == kind
        assert shards(root, tmp_path / f"out-{kind}") == wanted
        lines.append(f"| `{kind}` | {library} {versions[library]} | {len(wanted)} shards, the same to the byte |")
    REPORT.write_text(
        "# Layouts of others\n\nCommand: `.venv/bin/pytest -m proof proof/test_layouts.py`: 50 bundled pictures as "
        "class folders, and as each library writes them.\n\n| source | written by | against class folders |\n"
        "| --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )
