"""Releases come whole, go on where they were cut off, and are held to the sum they had at first; on loopback."""

import hashlib
import random
import socket

import pytest

from tests.trainer.slim.release_server import serving
from trainer.network.variant import VariantError
from trainer.slim import download as downloading
from trainer.slim.download import DownloadError, download, file_name

NAME = "mobilenet_v1_0.5_160_quant.tgz"
CONTENT = b"\x1f\x8b" + random.Random(1).randbytes(300_000)
OTHER = b"\x1f\x8b" + random.Random(2).randbytes(300_000)


@pytest.fixture
def server():
    with serving() as server:
        server.files[NAME] = CONTENT
        yield server


@pytest.fixture
def plain_server():
    """One that knows no ranges."""
    with serving(ranges=False) as server:
        server.files[NAME] = CONTENT
        yield server


def fetch(server, folder, **arguments):
    return download("0.50_160_quant", folder, base_url=server.url, **arguments)


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("1.0_224", "mobilenet_v1_1.0_224.tgz"),
        ("0.50_160_quant", "mobilenet_v1_0.5_160_quant.tgz"),
        ("0.25_128", "mobilenet_v1_0.25_128.tgz"),
        ("0.75_192_quant", "mobilenet_v1_0.75_192_quant.tgz"),
    ],
)
def test_a_release_is_named_as_in_the_published_addresses(release, name):
    assert file_name(release) == name


@pytest.mark.parametrize("release", ["0.35_224", "1.0_96_quant"])
def test_what_was_never_published_is_refused_before_anybody_is_asked(release, tmp_path):
    with pytest.raises(VariantError, match=f"{release} was not published: wanted one of the widths 1.0, 0.75"):
        download(release, tmp_path, base_url="http://127.0.0.1:1")
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_whole_its_sum_beside_it_and_its_progress_told(server, tmp_path):
    told = []
    path = fetch(server, tmp_path / "new", follow=lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert {file.name for file in path.parent.iterdir()} == {NAME, f"{NAME}.sha256"}
    assert downloading.digest_file(path).read_text() == f"{hashlib.sha256(CONTENT).hexdigest()}  {NAME}\n"
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_what_is_there_already_is_not_fetched_again(server, tmp_path):
    fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert server.asked == [""]


def test_a_cut_connection_goes_on_where_it_stopped_in_the_same_call(server, tmp_path):
    server.cuts = [100_000, 50_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=100000-", "bytes=150000-"]


def test_the_next_call_goes_on_where_the_last_one_broke(server, tmp_path):
    server.cuts = [200_000, 0]
    with pytest.raises(DownloadError, match=r"the connection broke .*The same command goes on from what has come"):
        fetch(server, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {f"{NAME}.part", f"{NAME}.part.version"}
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=200000-", "bytes=200000-"]
    assert {file.name for file in tmp_path.iterdir()} == {NAME, f"{NAME}.sha256"}


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server, tmp_path):
    server.cuts = [200_000, 0]
    with pytest.raises(DownloadError):
        fetch(server, tmp_path)
    server.files[NAME] = OTHER
    assert fetch(server, tmp_path).read_bytes() == OTHER


def test_a_part_that_is_all_there_already_becomes_the_file(server, tmp_path):
    server.cuts = [200_000, 0]
    with pytest.raises(DownloadError):
        fetch(server, tmp_path)
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)  # Killed between the last byte and the move.
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_part_of_another_program_is_refused_and_survives(server, tmp_path):
    part = tmp_path / f"{NAME}.part"
    part.write_text("mine")
    with pytest.raises(DownloadError, match=r"_quant.tgz.part is there, and no download of ours left it: move it away"):
        fetch(server, tmp_path)
    assert (part.read_text(), server.asked) == ("mine", [])


def test_a_server_without_ranges_is_asked_for_all_of_it_again(plain_server, tmp_path):
    plain_server.cuts = [200_000, 100_000]
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch(plain_server, tmp_path)
    assert fetch(plain_server, tmp_path).read_bytes() == CONTENT
    assert plain_server.asked == ["", "", ""]


def test_a_file_that_is_not_the_one_of_the_first_download_is_refused_and_the_first_sum_kept(server, tmp_path):
    path = fetch(server, tmp_path)
    path.unlink()
    server.files[NAME] = OTHER
    with pytest.raises(DownloadError, match=r"is not the file that was downloaded first.* delete \S+_quant.tgz.sha256"):
        fetch(server, tmp_path)
    assert not path.exists()
    assert downloading.recorded_digest(path) == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_that_was_damaged_here_is_fetched_again(server, tmp_path):
    path = fetch(server, tmp_path)
    path.write_bytes(CONTENT[:-1])
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_page_instead_of_an_archive_is_refused(server, tmp_path):
    server.files[NAME] = b"<html>Sign in to the network</html>"
    with pytest.raises(DownloadError, match=r"is no .tgz, it begins with b'<html>Sign in"):
        fetch(server, tmp_path)
    assert not (tmp_path / NAME).exists()
    assert not (tmp_path / f"{NAME}.part").exists()


def test_what_the_server_does_not_have_is_an_error_with_its_answer(server, tmp_path):
    with pytest.raises(DownloadError, match=r"mobilenet_v1_1.0_224.tgz cannot be had: 404 .*--url BASE"):
        download("1.0_224", tmp_path, base_url=server.url)


def test_offline_is_an_error_that_says_what_to_do(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(DownloadError, match=r"cannot be reached, .* and a mobilenet_v1_1.0_224.tgz from elsewhere"):
            download("1.0_224", tmp_path, base_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert not (tmp_path / "mobilenet_v1_1.0_224.tgz").exists()


def test_a_record_that_is_no_sum_is_an_error(server, tmp_path):
    (tmp_path / f"{NAME}.sha256").write_text("unknown\n")
    with pytest.raises(DownloadError, match=r"begins with 'unknown.*', wanted a SHA-256. Delete it"):
        fetch(server, tmp_path)
