"""A signature in OpenSSF Model Signing's format: any change to a signed bundle, and any other key, is refused."""

import base64
import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from components.release import bundle, signature
from components.release.bundle import BundleError
from components.release.signing_key import KeyFileError, PasswordNeeded
from pipeline.release import verify

CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}


def write_keys(folder: Path, name: str, key, *, password: bytes | None = None) -> tuple[Path, Path]:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path]:
    return write_keys(tmp_path_factory.mktemp("keys"), "p256", ec.generate_private_key(CURVES["p256"]))


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "labels.txt").write_text("background\ncat\n")
    (folder / "saved_model.txt").write_text("sorted otherwise by its text than by its path's parts\n")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(bytes(range(256)))
    bundle.write_json(folder / "info.json", {"variant": "0.25_32", "name": "mobilenet_v1_0.25_32"})
    bundle.write_manifest(folder)
    return folder


@pytest.fixture
def signed(folder, keys) -> Path:
    signature.sign(folder, keys[0])
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_signed_bundle_is_whole_and_its_keys(signed, keys):
    assert verify.faults(signed, keys[1]) == []
    assert verify.faults(signed, None) == []
    assert bundle.SIGNATURE not in bundle.read_manifest(signed)


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_every_curve_of_the_format_signs(folder, tmp_path, curve):
    private, public = write_keys(tmp_path, curve, ec.generate_private_key(CURVES[curve]))
    signature.sign(folder, private)
    assert signature.faults(folder, public) == []


def test_one_flipped_bit_anywhere_is_refused_with_the_files_name(signed, keys):
    chance = random.Random(7)
    for name in names(signed):
        path = signed / name
        whole = path.read_bytes()
        places = {0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(40))}
        for place in places:
            spoiled = bytearray(whole)
            spoiled[place] ^= 1 << chance.randrange(8)
            path.write_bytes(spoiled)
            faults = verify.faults(signed, keys[1])
            assert any(fault.startswith(f"{name}:") or str(path) in fault for fault in faults), (name, place, faults)
            with pytest.raises(BundleError, match="is not what was released"):
                verify.check(signed, keys[1])
        path.write_bytes(whole)
    assert verify.faults(signed, keys[1]) == []


def test_every_single_byte_of_the_signatures_file_counts(signed, keys):
    path = signed / bundle.SIGNATURE
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert signature.faults(signed, keys[1]), f"byte {place}"
    path.write_bytes(whole + b"\n")
    assert signature.faults(signed, keys[1]) == [
        "model.sig: changed: it holds more or other bytes than model-signing v1.0 writes"
    ]


def test_a_missing_file_an_added_one_and_a_link_are_named(signed, keys):
    (signed / "labels.txt").unlink()
    (signed / "extra").write_text("")
    (signed / "link").symlink_to(signed)
    assert [fault.split(":")[0] for fault in verify.faults(signed, keys[1])] == ["extra", "labels.txt", "link"]


def test_a_file_swapped_with_its_manifest_entry_is_found_by_the_signature_alone(signed, keys):
    (signed / "labels.txt").write_text("background\ndog\n")
    bundle.write_manifest(signed)
    assert bundle.verify(signed) == []
    assert verify.faults(signed, keys[1]) == ["labels.txt: not as it was signed", "manifest.json: not as it was signed"]
    assert verify.faults(signed, None) == verify.faults(signed, keys[1])


def test_another_key_is_refused(signed, tmp_path):
    _, other = write_keys(tmp_path, "other", ec.generate_private_key(CURVES["p256"]))
    (fault,) = verify.faults(signed, other)
    assert fault.startswith("model.sig: signed with another key: ")


def test_a_forged_hint_does_not_help_another_key(signed, keys, tmp_path):
    _, other = write_keys(tmp_path, "other", ec.generate_private_key(CURVES["p256"]))
    path = signed / bundle.SIGNATURE
    document = json.loads(path.read_text())
    document["verificationMaterial"]["publicKey"]["hint"] = hashlib.sha256(other.read_bytes()).hexdigest()
    path.write_text(json.dumps(document, separators=(",", ":")))
    assert verify.faults(signed, other) == ["model.sig: changed: the signature is not this key's over these sums"]


def test_an_unsigned_bundle_is_whole_but_refused_where_a_key_is_asked_for(folder, keys):
    assert verify.faults(folder, None) == []
    assert verify.faults(folder, keys[1]) == ["model.sig: missing: the bundle is not signed"]
    assert "It is not signed" in verify.praise(folder, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"dsseEnvelope": 5}'])
def test_what_is_no_signature_is_one_clear_fault(signed, keys, content):
    (signed / bundle.SIGNATURE).write_bytes(content)
    (fault,) = verify.faults(signed, keys[1])
    assert fault.startswith("model.sig: not a signature as model-signing v1.0 writes them")


def test_the_same_key_and_bundle_give_the_same_bytes_and_signing_again_replaces(signed, keys, tmp_path):
    before = (signed / bundle.SIGNATURE).read_bytes()
    signature.sign(signed, keys[0])
    assert (signed / bundle.SIGNATURE).read_bytes() == before
    private, public = write_keys(tmp_path, "other", ec.generate_private_key(CURVES["p256"]))
    signature.sign(signed, private)
    assert verify.faults(signed, public) == []
    assert ".model.sig.writing" not in names(signed)


def test_a_damaged_bundle_is_not_signed(folder, keys):
    (folder / "labels.txt").write_text("changed")
    with pytest.raises(BundleError, match=r"is not whole, so it is not signed: labels\.txt: changed"):
        signature.sign(folder, keys[0])
    assert not (folder / bundle.SIGNATURE).exists()


def test_openssl_finds_the_signature_right(signed, keys, tmp_path):
    """By hand, as DSSE lays down: an implementation that shares nothing with ours."""
    envelope = json.loads((signed / bundle.SIGNATURE).read_text())["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    (tmp_path / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "dgst", "-sha256", "-verify", keys[1], "-signature", tmp_path / "sig", tmp_path / "pae"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "Verified OK\n", done.stderr
    listed = json.loads(payload)["predicate"]["resources"]
    assert {each["name"]: each["digest"] for each in listed} == {
        name: hashlib.sha256((signed / name).read_bytes()).hexdigest() for name in names(signed) if name != "model.sig"
    }


def test_keys_that_cannot_serve_are_refused_with_what_to_do(signed, keys, tmp_path):
    rsa_key, rsa_public = write_keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
    odd, _ = write_keys(tmp_path, "odd", ec.generate_private_key(ec.SECP256K1()))
    (tmp_path / "text").write_text("hello")
    for key, message in (
        (rsa_key, "a RSAPrivateKey|a _RSAPrivateKey"),
        (odd, "secp256k1"),
        (tmp_path / "text", "openssl ecparam"),
    ):
        with pytest.raises(KeyFileError, match=message):
            signature.sign(signed, key)
    with pytest.raises(KeyFileError, match=r"is a private key: verify with the public one\..*openssl ec"):
        signature.faults(signed, keys[0])
    with pytest.raises(KeyFileError, match="wanted a key on one of secp256r1"):
        signature.faults(signed, rsa_public)


def test_an_encrypted_key_wants_its_password(folder, tmp_path):
    private, public = write_keys(tmp_path, "locked", ec.generate_private_key(CURVES["p256"]), password=b"sesame")
    with pytest.raises(PasswordNeeded, match="Password was not given"):
        signature.sign(folder, private)
    with pytest.raises(KeyFileError):
        signature.sign(folder, private, password=b"other")
    signature.sign(folder, private, password=b"sesame")
    assert verify.faults(folder, public) == []


def test_a_version_is_signed_and_verifies_under_its_own_number_and_variant_alone(folder, keys, tmp_path):
    """As an attacker would serve an older release with a known fault."""
    pushed = tmp_path / "models" / "0.25_32" / "2"
    shutil.copytree(folder, pushed)
    signature.sign(pushed, keys[0])
    assert verify.faults(pushed, keys[1]) == []
    assert verify.faults(pushed, keys[1], at_least=2) == []
    assert verify.faults(pushed, keys[1], at_least=3) == ["model.sig: signed as version 2, wanted at least version 3"]
    newer = shutil.copytree(pushed, pushed.with_name("7"))
    assert verify.faults(newer, keys[1]) == [
        "model.sig: signed as version 2, and lies as 7: another release under its number"
    ]
    other = shutil.copytree(pushed, tmp_path / "models" / "1.00_224" / "2")
    assert verify.faults(other, keys[1]) == [
        "info.json: is of variant '0.25_32', and lies among the versions of 1.0_224"
    ]
    elsewhere = shutil.copytree(pushed, tmp_path / "model")  # A release may be copied to where it serves.
    assert verify.faults(elsewhere, keys[1], at_least=2) == []


def test_a_signature_of_no_version_is_refused_where_one_is_asked_for(signed, keys):
    assert verify.faults(signed, keys[1]) == []
    assert verify.faults(signed, keys[1], at_least=1) == [
        "model.sig: signed without a version, wanted at least version 1"
    ]


def test_the_manifest_and_the_sums_do_not_depend_on_the_version(folder, keys, tmp_path):
    first, second = (shutil.copytree(folder, tmp_path / "0.25_32" / version) for version in ("1", "2"))
    signatures = [signature.sign(each, keys[0]).read_bytes() for each in (first, second)]
    assert bundle.sums(first) == bundle.sums(second)
    assert signatures[0] != signatures[1]
