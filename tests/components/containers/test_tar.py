"""Members are found where they lie, as tarfile and GNU tar wrote them; tars made to do harm are refused by name."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.containers import tar as tar_index
from components.data_error import DataError
from tests.components.sources.tars import BLOCK, END, header, member, pack, pax

FILES = [
    ("n01440764/a.JPEG", b"one"),
    ("n01440764/b.JPEG", b""),
    ("n01443537/ünï.JPEG", b"x" * 1025),
    ("n01443537/" + "long_" * 40 + ".JPEG", b"y" * 512),
    ("z/" * 60 + "deep.JPEG", b"z"),
]


def index(path: Path) -> list[tar_index.Member]:
    with tar_index.opened(str(path)) as archive:
        return list(tar_index.members(archive))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "pictures.tar"
    path.write_bytes(data)
    return path


def read(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    return {each.name: data[each.offset : each.offset + each.size] for each in index(path) if not each.is_folder}


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_file_that_pythons_tarfile_writes_is_found_where_it_lies(tmp_path, format):
    files = FILES[:3] if format == tarfile.USTAR_FORMAT else FILES
    assert read(written(tmp_path, pack(files, format=format))) == dict(files)


@pytest.mark.parametrize("format", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_every_file_that_gnu_tar_writes_is_found_where_it_lies(tmp_path, format):
    root = tmp_path / "pictures"
    for name, data in FILES[: 2 if format == "v7" else 4]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    if format == "ustar":
        files.pop(FILES[3][0])
        (root / FILES[3][0]).unlink()  # Its name fits into no ustar header.
    path = tmp_path / "pictures.tar"
    subprocess.run(["tar", f"--format={format}", "-cf", path, "-C", root, "."], check=True)
    assert read(path) == files
    folders = {each.name for each in index(path) if each.is_folder}
    assert folders == {"n01440764"} | ({"n01443537"} if format != "v7" else set())


def test_a_prefix_of_ustar_is_part_of_the_name(tmp_path):
    name = "a" * 90 + "/" + "b" * 90
    assert read(written(tmp_path, pack([(name, b"1")], format=tarfile.USTAR_FORMAT))) == {name: b"1"}


def test_an_archive_in_an_archive_is_read_in_its_place(tmp_path):
    inner = pack([("a.JPEG", b"one"), ("b.JPEG", b"two")])
    path = written(tmp_path, pack([("first", b"x" * 700), ("n01440764.tar", inner), ("last", b"")]))
    data = path.read_bytes()
    with tar_index.opened(str(path)) as archive:
        tar = list(tar_index.members(archive))[1]
        found = list(tar_index.members(archive.inner(tar)))
    assert {each.name: data[each.offset : each.offset + each.size] for each in found} == {
        "a.JPEG": b"one", "b.JPEG": b"two",
    }  # fmt: skip


def test_sizes_of_8_gigabytes_and_more_are_read_as_gnu_and_pax_write_them(tmp_path):
    large = (8 << 30) + 5
    for name, text in (("gnu", header("large", 0, size_field=b"\x80" + large.to_bytes(11, "big"))),
                       ("pax", pax(size=str(large)) + header("large", 0))):  # fmt: skip
        path = tmp_path / f"{name}.tar"
        with path.open("wb") as file:  # A hole of 8 GB, which takes no room.
            file.write(text)
            file.truncate(len(text) + large + -large % BLOCK)
            file.seek(0, os.SEEK_END)
            file.write(END)
        assert index(path) == [tar_index.Member("large", len(text), large, False)]


MALICIOUS = {
    "absolute": (member("/etc/cron.d/x"), r"'/etc/cron.d/x' is absolute"),
    "upwards": (member("train/../../x.jpg"), r"'train/../../x.jpg' leads out of its folder"),
    "symbolic link": (header("a.jpg", kind=b"2", link=b"/etc/passwd"), r"'a.jpg' is a symbolic link. Wanted files and"),
    "hard link": (header("a.jpg", kind=b"1", link=b"b.jpg"), r"'a.jpg' is a hard link"),
    "device": (header("a.jpg", kind=b"3"), r"'a.jpg' is a character device"),
    "block device": (header("a.jpg", kind=b"4"), r"'a.jpg' is a block device"),
    "fifo": (header("a.jpg", kind=b"6"), r"'a.jpg' is a FIFO"),
    "twice": (member("a/b.jpg") + member("./a//b.jpg"), r"'a/b.jpg' is in it twice"),
    "old sparse": (member("a.jpg", kind=b"S"), r"'a.jpg' is a sparse file"),
    "pax sparse": (pax(GNU__sparse__realsize="9" * 18) + member("a.jpg"), r"a sparse file \(GNU.sparse.realsize\)"),
    "larger than the archive": (header("a.jpg", 10**9), r"'a.jpg' should have 1,000,000,000 bytes, but .* after 1,024"),
    "terabytes": (header("a.jpg", size_field=b"\x80" + b"\xff" * 11), r"should have 309,485,.* cut off or forged"),
    "size below zero": (header("a.jpg", size_field=b"\xff" * 12), r"size of a member is b'\\xff.* no number"),
    "size in pax": (pax(size="-5") + member("a.jpg"), r"gives the size b'-5', which is no number"),
    "not UTF-8": (member(b"caf\xe9.jpg"), r"the name 'caf\\xe9.jpg' is not UTF-8"),
    "not UTF-8 in pax": (
        pax(path="x").replace(b"path=x", b"path=\xe9") + member("a.jpg"),
        r"is not UTF-8",
    ),
    "upwards in pax": (pax(path="../x.jpg") + member("a.jpg"), r"'../x.jpg' leads out"),
    "absolute long name": (member("@", b"/x.jpg\0", kind=b"L") + member("a.jpg"), r"'/x.jpg' is absolute"),
    "endless name": (
        member("@", b"x" * 70_000, kind=b"L") + member("a.jpg"),
        r"a name of 70,000 bytes; wanted",
    ),
    "pax without end": (member("pax", b"99 path=x\n", kind=b"x") + member("a"), r"pax header is damaged: b'99 path=x"),
    "path for all": (member("pax", b"10 path=x\n", kind=b"g") + member("a"), r"one path or size for all members"),
    "unknown kind": (member("a.jpg", kind=b"Z"), r"'a.jpg' is of the unknown kind b'Z'"),
    "folder with data": (member("a/", b"x" * 600, kind=b"5"), r"folder 'a/' has 600 bytes of data"),
    "no name": (member(""), r"a file at byte 0 has no name"),
    "a name with NUL": (pax(path="a\0.jpg") + member("a"), r"'a\\x00.jpg' holds a NUL"),
    "hidden behind the end": (member("a.jpg") + END + member("b.jpg"), r"more follows after its end at byte 1,024"),
    "wrong checksum": (member("a.jpg").replace(b"a.jpg", b"b.jpg"), r"byte 0: no tar header \(its checksum is wrong\)"),
}


@pytest.mark.parametrize(("content", "message"), MALICIOUS.values(), ids=MALICIOUS)
def test_a_tar_made_to_do_harm_is_refused_by_name_and_nothing_is_written(tmp_path, content, message):
    path = written(tmp_path, content + END)
    with pytest.raises(DataError, match=message) as refused:
        index(path)
    assert str(path) in str(refused.value)
    assert list(tmp_path.iterdir()) == [path]


LOSSES = {
    "the second of a name hides the first": member("a.jpg") + member("a.jpg", b"other") + END,
    "cut off behind a member": member("a.jpg"),
    "a second tar behind the first": member("a.jpg") + END + member("b.jpg") + END,
}


@pytest.mark.parametrize("content", LOSSES.values(), ids=LOSSES)
def test_what_pythons_tarfile_passes_over_and_loses_is_refused(tmp_path, content):
    path = written(tmp_path, content)
    with tarfile.open(path) as tar:
        assert set(tar.getnames()) == {"a.jpg"}
    with pytest.raises(DataError, match=r"in it twice|cut off|more follows after its end"):
        index(path)


@pytest.mark.parametrize("cut", [BLOCK - 1, BLOCK, BLOCK + 700, -1024, -1200])
def test_a_tar_that_is_cut_off_is_refused_wherever_it_was_cut(tmp_path, cut):
    whole = member("a.jpg", b"x" * 700) + member("b.jpg", b"y" * 512) + END
    with pytest.raises(DataError, match=r"cut off.*Copy or download it again"):
        index(written(tmp_path, whole[:cut]))


@pytest.mark.parametrize(
    ("compress", "kind"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")]
)
def test_a_compressed_tar_is_refused_with_what_to_do(tmp_path, compress, kind):
    with pytest.raises(DataError, match=rf"is compressed \({kind}\).*decompress it first, to a file"):
        index(written(tmp_path, compress(pack(FILES))))


def test_what_is_no_tar_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is empty. Wanted an uncompressed tar"):
        index(written(tmp_path, b""))
    with pytest.raises(DataError, match="no tar header"):
        index(written(tmp_path, os.urandom(2048)))
    with pytest.raises(DataError, match="is not a file"):
        index(tmp_path)
    os.mkfifo(tmp_path / "pipe.tar")
    with pytest.raises(DataError, match="is not a file"):
        index(tmp_path / "pipe.tar")
    with pytest.raises(DataError, match=r"gone.tar cannot be read: No such file"):
        index(tmp_path / "gone.tar")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3 * BLOCK - 1), st.binary(min_size=1, max_size=40))
def test_whatever_bytes_are_changed_it_is_read_or_refused(at, noise):
    whole = bytearray(pax(path="a.jpg") + member("x") + member("b.jpg"))
    whole[at : at + len(noise)] = noise
    data = bytes(whole) + END
    try:
        found = list(tar_index.members(tar_index.Archive(io.BytesIO(data), "noise.tar", 0, len(data))))
    except DataError as refused:
        assert "noise.tar" in str(refused)
    else:
        assert all(each.offset + each.size <= len(data) and ".." not in each.name.split("/") for each in found)


def test_indexing_takes_under_300_bytes_of_memory_a_member(tmp_path):
    path = written(tmp_path, b"".join(member(f"n{n:08d}.JPEG", b"") for n in range(20_000)) + END)
    tracemalloc.start()
    with tar_index.opened(str(path)) as archive:
        count = sum(1 for _ in tar_index.members(archive))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak / count < 300
