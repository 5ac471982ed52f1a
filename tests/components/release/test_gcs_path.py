"""`gs://…` as push destination: the same promises as a folder, kept without renaming. The service is a stand-in."""

import concurrent.futures
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tfx import types
from tfx.types import standard_artifacts
from typer.testing import CliRunner

from components.gate import last_release
from components.release import bundle, gcs_path, pusher, signature, versions
from components.release.gcs_path import BucketPath
from components.release.versions import PushError
from components.zoo import bundles, zoo_report
from components.zoo import files as zoo_files
from components.zoo.models import ZooError
from pipeline.release import verify
from pipeline.release.commands import app
from tests import storage_server
from tests.components.release.test_pusher import VARIANT, Run, artifact, make_bundle
from tests.components.release.test_signature import write_keys
from tests.components.zoo import zoo_folder

BASE = "gs://models/zoo/out"
FOLDER = f"zoo/out/{VARIANT}"


@pytest.fixture
def storage(monkeypatch):
    with storage_server.serving(monkeypatch) as serving:
        yield serving


@pytest.fixture
def source(tmp_path):
    return make_bundle(tmp_path / "bundle")


def test_what_arrives_is_the_bundle_with_the_manifest_last_and_latest_after_it(storage, source):
    pushed = pusher.deliver(source, BASE)
    assert str(pushed) == f"{BASE}/{VARIANT}/1"
    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
    wanted = {f"{FOLDER}/1/{name}": path.read_bytes() for name, path in files.items()}
    assert storage.objects == wanted | {f"{FOLDER}/latest": b"1\n"}
    assert storage.written[-2:] == [f"{FOLDER}/1/manifest.json", f"{FOLDER}/latest"]
    assert bundle.verify(pushed) == []
    assert versions.resolve(gcs_path.place(f"{BASE}/{VARIANT}/latest")) == pushed


def test_the_same_bundle_is_not_sent_again_and_another_gets_the_next_number(storage, source, tmp_path):
    pusher.deliver(source, BASE)
    sent = len(storage.written)
    assert pusher.deliver(source, BASE).name == "1"
    assert len(storage.written) == sent
    assert pusher.deliver(make_bundle(tmp_path / "other", "second"), BASE).name == "2"
    assert storage.objects[f"{FOLDER}/1/saved_model/saved_model.pb"] == b"first"
    assert storage.objects[f"{FOLDER}/latest"] == b"2\n"


def test_versions_are_numbers_over_several_pages_of_a_listing(storage):
    for name in (*"123456789", "10", "011", "older"):
        storage.objects[f"{FOLDER}/{name}/info.json"] = b"{}"
    storage.objects[f"{FOLDER}/latest"] = b"9\n"
    assert versions.versions(versions.folder_of(BASE, VARIANT)) == list(range(1, 11))


@pytest.mark.parametrize("damage", ["lost", "changed", "added"])
def test_a_damaged_version_is_named_stays_and_the_bundle_comes_beside_it(storage, source, damage):
    first = pusher.deliver(source, BASE)
    name = f"{FOLDER}/1/saved_model/saved_model.pb"
    if damage == "lost":
        del storage.objects[name]
    else:
        storage.objects[name if damage == "changed" else f"{FOLDER}/1/more"] = b"other"
    assert [fault.split(":")[0] for fault in bundle.verify(first)] == [
        "more" if damage == "added" else "saved_model/saved_model.pb"
    ]
    assert pusher.deliver(source, BASE).name == "2"


def test_a_killed_push_has_no_manifest_so_it_counts_for_nobody_and_its_number_is_not_used_again(storage, source):
    storage.objects[f"{FOLDER}/1/info.json"] = (source / "info.json").read_bytes()
    assert not pusher.is_pushed({"pushed": 1, "pushed_destination": f"{BASE}/{VARIANT}/1"})
    assert pusher.deliver(source, BASE).name == "2"
    assert storage.objects[f"{FOLDER}/latest"] == b"2\n"


def test_eight_pushers_at_once_get_eight_numbers_and_whole_bundles(storage, tmp_path, monkeypatch):
    sources = [make_bundle(tmp_path / str(i), f"bundle {i}") for i in range(8)]
    together = threading.Barrier(8)
    number = versions.next_version

    def same_number(folder):
        found = number(folder)
        together.wait()
        return found

    monkeypatch.setattr(versions, "next_version", same_number)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pushed = list(pool.map(lambda each: pusher.deliver(each, BASE), sources))
    assert sorted(int(each.name) for each in pushed) == list(range(1, 9))
    for i, each in enumerate(pushed):
        assert bundle.verify(each) == []
        assert (each / "saved_model" / "saved_model.pb").read_bytes() == f"bundle {i}".encode()
    assert storage.objects[f"{FOLDER}/latest"] == b"8\n"


def test_a_file_that_is_garbled_on_the_way_is_refused_and_nothing_of_the_version_stays(storage, source):
    storage.garbled = {f"{FOLDER}/1/saved_model/saved_model.pb"}
    with pytest.raises(PushError, match=r"cannot be written: .*saved_model\.pb.*run again"):
        pusher.deliver(source, BASE)
    assert storage.objects == {}
    storage.garbled = set()
    assert pusher.deliver(source, BASE).name == "1"


def test_a_file_of_more_than_eight_megabytes_arrives_in_the_clients_other_way(storage, tmp_path):
    source = make_bundle(tmp_path / "bundle", "\r\n" + 9_000_000 * "x")
    assert bundle.verify(pusher.deliver(source, BASE)) == []


@pytest.mark.parametrize(("status", "said"), [(403, "so it is"), (404, "so it is"), (401, "gcloud auth")])
def test_a_refusal_is_one_error_with_the_place_and_the_services_words(storage, source, status, said):
    storage.refuse = lambda method, name: status if method == "PUT" else 0
    with pytest.raises(PushError, match=rf"gs://models/zoo/out/0\.25_32 cannot be written: .*{said}"):
        pusher.deliver(source, BASE)


def test_a_bucket_that_is_not_there_is_never_made(storage, source):
    with pytest.raises(PushError, match=r"gs://nobodys/out/0\.25_32 cannot be read: .*so it is"):
        pusher.deliver(source, "gs://nobodys/out")
    assert storage.written == []


@pytest.mark.parametrize("base", ["s3://models/out", "gs://", "gs:///out", "gs://models/../other"])
def test_what_is_no_place_in_cloud_storage_is_refused_by_name(source, base):
    with pytest.raises(
        PushError, match=f"{base} is neither a folder nor a place in Cloud Storage, wanted such as gs://"
    ):
        pusher.deliver(source, base)
    with pytest.raises(ZooError, match=f"{base} is neither"):
        zoo_report._base(base)


def test_the_executor_says_where_in_the_artifact(storage, source):
    model = artifact(standard_artifacts.Model, source.parent)
    source.rename(source.parent / "Format-Serving")
    blessing = artifact(standard_artifacts.ModelBlessing, source.parent / "blessing", blessed=1)
    pushed: types.Artifact = artifact(standard_artifacts.PushedModel, source.parent / "pushed_model")
    inputs = {"model": [model], "model_blessing": [blessing]}
    pusher.Executor().Do(inputs, {"pushed_model": [pushed]}, {"push_destination": BASE})
    there = pushed.get_string_custom_property("pushed_destination")
    assert there == f"{BASE}/{VARIANT}/1"
    properties = {"pushed": 1, "pushed_destination": there}
    assert pusher.is_pushed(properties)
    storage.objects[f"{FOLDER}/1/info.json"] = b"{}"
    assert not pusher.is_pushed(properties)


def test_a_run_is_served_from_cache_once_it_has_found_its_bundle_and_until_that_is_lost(storage, tmp_path):
    source = make_bundle(tmp_path / "bundle" / "Format-Serving")
    run = Run(source, BASE, tmp_path / "work")
    first = f"{BASE}/{VARIANT}/1"
    assert run() == ("COMPLETE", first)
    sent = len(storage.written)
    assert [run(), run()] == [("COMPLETE", first), ("CACHED", first)]
    assert len(storage.written) == sent
    storage.objects.clear()
    assert run() == ("COMPLETE", first)
    assert bundle.verify(gcs_path.place(first)) == []
    storage.objects[f"{FOLDER}/1/info.json"] = b"{}"
    assert run() == ("COMPLETE", f"{BASE}/{VARIANT}/2")


def test_a_signature_goes_into_the_bucket_is_verified_there_and_every_change_is_seen(storage, source, tmp_path):
    private, public = write_keys(tmp_path, "key", ec.generate_private_key(ec.SECP256R1()))
    pushed = pusher.deliver(source, BASE)
    assert str(signature.sign(pushed, private)) == f"{BASE}/{VARIANT}/1/model.sig"
    assert verify.faults(pushed, public) == []
    assert verify.praise(pushed, public).startswith(f"{BASE}/{VARIANT}/1 is whole: 2 files, ")
    assert pusher.deliver(source, BASE) == pushed  # Signed, it is the same release.
    storage.objects[f"{FOLDER}/1/saved_model/saved_model.pb"] = b"forged"
    assert [fault.split(":")[0] for fault in verify.faults(pushed, public)] == ["saved_model/saved_model.pb"]


def test_the_commands_sign_and_verify_what_latest_names_in_a_bucket(storage, source, tmp_path):
    private, public = write_keys(tmp_path, "key", ec.generate_private_key(ec.SECP256R1()))
    pusher.deliver(source, BASE)
    latest = f"{BASE}/{VARIANT}/latest"
    for arguments, said in (
        (["sign", latest, "--key", str(private)], f"Signed: {BASE}/{VARIANT}/1/model.sig"),
        (["verify", latest, "--key", str(public)], f"{BASE}/{VARIANT}/1 is whole: 2 files"),
    ):
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
        assert (done.exit_code, said in done.output.replace("\n", "")) == (0, True), done.output
    storage.objects[f"{FOLDER}/1/info.json"] = b"{}"
    done = CliRunner().invoke(app, ["verify", latest], env={"COLUMNS": "200"})
    assert done.exit_code == 1 and "info.json: changed" in done.output


def test_the_zoo_and_the_last_release_are_read_off_a_bucket_as_off_a_folder(storage, tmp_path):
    folder = tmp_path / "models"
    zoo_folder.push(folder, "0.25_32", 1, top1=(300, 300))
    zoo_folder.push(folder, "0.25_32", 2, top1=(400, 390), latency=(0.2, 0.1))
    zoo_folder.push(folder, "0.50_32", 1, top1=(420, 410))
    for path in folder.rglob("*"):
        if path.is_file():
            storage.objects[f"zoo/out/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    base = gcs_path.place(BASE)
    zoo = bundles.read(base)
    assert zoo == bundles.read(folder)
    assert bundles.fingerprint(base) == bundles.fingerprint(folder)
    made = zoo_files.write(zoo, tmp_path / "zoo")
    assert str(zoo_files.deliver(made, base)) == f"{BASE}/zoo"
    assert {name: storage.objects[f"zoo/out/zoo/{name}"] for name in zoo_files.FILES} == {
        name: (made / name).read_bytes() for name in zoo_files.FILES
    }
    release = last_release.search(BASE, "0.25_32", sha256="mine").release
    there = last_release.search(str(folder), "0.25_32", sha256="mine").release
    assert release and there
    assert (release.version, release.fingerprint, release.info) == (there.version, there.fingerprint, there.info)


def test_an_object_larger_than_any_of_ours_is_not_read(storage, monkeypatch):
    storage.objects["large"] = b"12345"
    monkeypatch.setattr(gcs_path, "_LARGEST", 4)
    with pytest.raises(OSError, match=r"5 bytes, wanted at most 4.*gs://models/large"):
        BucketPath("models", "large").read_bytes()


def test_a_small_file_is_replaced_whole_in_a_folder_and_in_a_bucket(storage, tmp_path):
    (tmp_path / "latest").write_text("1\n")
    for target in (tmp_path / "latest", gcs_path.place("gs://models/latest")):
        gcs_path.replace(target, b"2\n")
        assert target.read_bytes() == b"2\n"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["latest"]
