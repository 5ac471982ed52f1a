"""proof/audit.py on advisories made up in the database's form, and a lock of a few lines."""

from pathlib import Path

import pytest

from proof import audit

LOCK = """\
# made by hand
old-thing==1.5 ; python_full_version < '3.11' \\
    --hash=sha256:00
old-thing==3.0 ; python_full_version >= '3.11' \\
    --hash=sha256:01
Plain.Name==2.1.0
only-windows==1.0 ; sys_platform == 'win32'
"""
RANGE = """\
id: PYSEC-1
aliases: [CVE-1, GHSA-1]
affected:
- package: {ecosystem: PyPI, name: old-thing}
  ranges:
  - type: GIT
    events: [{introduced: "0"}]
  - type: ECOSYSTEM
    events: [{introduced: "2.0"}, {fixed: "2.5"}, {introduced: "0"}, {fixed: "1.6"}]
"""
LISTED = """\
id: PYSEC-2
affected:
- package: {ecosystem: PyPI, name: plain_name}
  versions: ["1.0", "2.1", "no-version"]
"""
MENDED = """\
id: PYSEC-3
affected:
- package: {ecosystem: PyPI, name: plain-name}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: "2.1.0"}]
"""
UP_TO = """\
id: PYSEC-4
affected:
- package: {ecosystem: PyPI, name: old-thing}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: "1.6"}, {last_affected: "3.0"}]
"""
WITHDRAWN = 'withdrawn: "2026-01-01T00:00:00Z"\n' + LISTED.replace("PYSEC-2", "PYSEC-5")
WINDOWS = LISTED.replace("PYSEC-2", "PYSEC-6").replace("plain_name", "only-windows")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    files = {"old-thing": [RANGE, UP_TO], "plain-name": [LISTED, MENDED, WITHDRAWN], "only-windows": [WINDOWS]}
    for package, advisories in files.items():
        folder = tmp_path / "database" / "vulns" / package
        folder.mkdir(parents=True)
        for text in advisories:
            number = text.partition("PYSEC-")[2][0]
            (folder / f"PYSEC-{number}.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "database"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "some.lock"
    file.write_text(LOCK, encoding="utf-8")
    return file


def test_a_pin_is_a_hit_by_range_or_by_list_in_its_own_half_only(
    database: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.main([str(database), "--lock", str(lock)])
    assert capsys.readouterr().out.splitlines() == [
        "Python 3.10: 2 packages, known holes: 2",
        "  old-thing 1.5  PYSEC-1  CVE-1, GHSA-1",
        "  plain-name 2.1.0  PYSEC-2  ",
        "Python 3.11 to 3.13: 2 packages, known holes: 2",
        "  old-thing 3.0  PYSEC-4  ",
        "  plain-name 2.1.0  PYSEC-2  ",
    ]


def test_every_pin_of_our_lock_is_read_for_a_half() -> None:
    pinned = {half: dict(audit.pins(audit.LOCK, pythons)) for half, pythons in audit.HALVES.items()}
    assert [str(of["tfx"]) for of in pinned.values()] == ["1.16.0", "1.21.0"]
    assert all("pywin32" not in of for of in pinned.values())
    lines = [
        line for line in audit.LOCK.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] not in " #"
    ]
    read = set().union(*(audit.pins(audit.LOCK, pythons) for pythons in audit.HALVES.values()))
    elsewhere = [line for line in lines if "win32'" in line or "'darwin'" in line or "os_name == 'nt'" in line]
    assert len(read) >= len(lines) - len(elsewhere) > 300


def test_a_folder_that_is_no_database_is_refused_with_what_to_give(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no folder vulns: give a checkout of github\.com/pypa/advisory-database"):
        audit.main([str(tmp_path), "--lock", str(lock)])


def test_a_file_without_pins_is_refused(database: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.lock"
    empty.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="has no line with NAME==VERSION"):
        audit.main([str(database), "--lock", str(empty)])
