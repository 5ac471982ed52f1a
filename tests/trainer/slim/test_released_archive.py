"""A release's .tgz gives its checkpoint; an archive that no release is, is refused by the name of what is in it."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from trainer.slim import checkpoint, released_archive
from trainer.slim.released_archive import ArchiveError, checkpoint_in

NAME = "mobilenet_v1_0.25_128"
CONTENT = {f"./{NAME}.ckpt.index": b"index", f"./{NAME}.ckpt.data-00000-of-00001": b"data"}


def plain(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b""


def archive(folder: Path, *members: tuple[tarfile.TarInfo, bytes], name: str = "release.tgz") -> Path:
    with tarfile.open(folder / name, "w:gz") as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return folder / name


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary folders go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def refuse(path: Path, scratch: Path, message: str) -> None:
    before = sorted(scratch.parent.rglob("*"))
    with pytest.raises(ArchiveError, match=message), checkpoint_in(path):
        pass
    assert sorted(scratch.parent.rglob("*")) == before


def test_only_the_checkpoint_of_a_release_is_taken_out_and_goes_with_the_context(tmp_path, scratch, oracle_checkpoint):
    files = {f"./{file.name}": file.read_bytes() for file in oracle_checkpoint.parent.glob(f"{NAME}.ckpt.*")}
    others = {
        f"./{NAME}{end}": b"x" * 1000 for end in (".ckpt.meta", "_eval.pbtxt", "_frozen.pb", "_info.txt", ".tflite")
    }
    path = archive(tmp_path, special("./", tarfile.DIRTYPE), *(plain(*item) for item in (files | others).items()))
    with checkpoint_in(path) as prefix:
        assert {file.name: file.read_bytes() for file in prefix.parent.iterdir()} == {
            name.removeprefix("./"): content for name, content in files.items()
        }
        assert checkpoint.read_width(prefix) == 0.25
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", f"../{NAME}.ckpt.index"])
def test_a_path_that_leads_elsewhere_is_refused_by_name(tmp_path, scratch, name):
    path = archive(tmp_path, *(plain(*item) for item in CONTENT.items()), plain(name, b"evil"))
    refuse(path, scratch, rf"release.tgz: '{name}' is refused, its path (leads out of the archive|is absolute)")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(tarfile.SYMTYPE, id="symbolic link"),
        pytest.param(tarfile.LNKTYPE, id="hard link"),
        pytest.param(tarfile.CHRTYPE, id="character device"),
        pytest.param(tarfile.BLKTYPE, id="block device"),
        pytest.param(tarfile.FIFOTYPE, id="pipe"),
        pytest.param(tarfile.GNUTYPE_SPARSE, id="sparse file"),
    ],
)
def test_what_is_no_plain_file_is_refused_by_name(tmp_path, scratch, kind):
    member = special(f"{NAME}.ckpt.index", kind, "/etc/passwd")
    refuse(archive(tmp_path, member), scratch, f"'{NAME}.ckpt.index' is refused, it is no plain file and no folder")


def test_a_link_among_what_is_not_wanted_is_refused_all_the_same(tmp_path, scratch):
    link = special("readme", tarfile.SYMTYPE, "/etc/passwd")
    refuse(archive(tmp_path, *(plain(*item) for item in CONTENT.items()), link), scratch, "'readme' is refused")


def test_two_members_of_one_name_are_refused(tmp_path, scratch):
    index = plain(f"{NAME}.ckpt.index")
    refuse(archive(tmp_path, index, index), scratch, "is refused, there are two of that name")


def test_files_that_would_fall_on_one_another_are_refused(tmp_path, scratch):
    members = [plain(f"{folder}/{NAME}.ckpt.index") for folder in "ab"]
    refuse(archive(tmp_path, *members), scratch, f"'b/{NAME}.ckpt.index' is refused, a file of that name is there")


def test_more_members_than_a_release_has_are_refused(tmp_path, scratch):
    members = [plain(f"file-{number}") for number in range(released_archive.MEMBERS + 1)]
    refuse(archive(tmp_path, *members), scratch, "'file-100' is refused, it is member 101, wanted at most 100")


def test_a_member_that_claims_more_than_any_release_is_refused_before_it_is_read(tmp_path, scratch):
    member = tarfile.TarInfo(f"{NAME}.ckpt.index")
    member.size = 1 << 40
    path = tmp_path / "release.tgz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)))
    refuse(path, scratch, "claims 1099511627776 bytes, wanted at most 2147483648")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME], ids=["pax", "GNU"])
def test_a_huge_header_is_refused_before_it_is_read(tmp_path, scratch, kind):
    member = tarfile.TarInfo("header")
    member.type, member.size = kind, 1 << 30
    path = tmp_path / "release.tgz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)))
    refuse(path, scratch, "has a header of 1073741824 bytes, wanted at most 1048576")


def test_headers_without_end_are_refused(tmp_path, scratch):
    member = tarfile.TarInfo("header")
    member.type = tarfile.XHDTYPE
    path = tmp_path / "release.tgz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) * 5000))
    refuse(path, scratch, "is damaged, or no .tar.gz")


def test_what_unpacks_to_more_than_any_release_is_refused(tmp_path, scratch, monkeypatch):
    monkeypatch.setattr(released_archive, "UNPACKED", 1 << 20)
    bomb = [plain(f"zeros-{number}", bytes(1 << 19)) for number in range(4)]
    path = archive(tmp_path, *bomb)
    assert path.stat().st_size < 10_000
    refuse(path, scratch, r"unpacks to 1\d{6} bytes or more, wanted at most 1048576")


def test_an_archive_that_was_cut_off_is_damaged(tmp_path, scratch):
    noise = os.urandom(50_000)
    path = archive(tmp_path, plain(f"{NAME}.ckpt.data-00000-of-00001", noise))
    path.write_bytes(path.read_bytes()[:20_000])
    refuse(path, scratch, "release.tgz is damaged, or no .tar.gz .*: fetch it again")


def test_what_is_no_archive_is_refused(tmp_path, scratch):
    path = tmp_path / "page.tgz"
    path.write_text("<html>Sign in to the network</html>")
    refuse(path, scratch, "page.tgz is damaged, or no .tar.gz")


@pytest.mark.parametrize(
    ("names", "count"), [(["saved_model/variables/variables.index"], 0), (["a.ckpt.index", "b.ckpt-12.index"], 2)]
)
def test_no_checkpoint_or_several_are_refused_with_what_is_there(tmp_path, scratch, names, count):
    path = archive(tmp_path, *(plain(name) for name in names))
    refuse(path, scratch, rf"holds {count} checkpoints.*wanted one, as NAME.ckpt.index.*members: {names[0]}")
