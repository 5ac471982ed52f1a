"""`mobilenet run --sign`: a key that cannot sign is refused before the run; what is pushed bears its signature."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from components.release import signature
from pipeline.release import verify
from pipeline.run import local_run, results, signing
from pipeline.run.sections import NodeFailed
from pipeline.settings.error import SettingsError
from tests.components.release.test_pusher import make_bundle
from tests.components.release.test_signature import write_keys


def _never() -> str:
    raise AssertionError("this key has no password")


def _outcome(folder: Path | None) -> local_run.Outcome:
    unread: Any = None
    branch: Any = SimpleNamespace(variant=SimpleNamespace(name="0.25_32"))
    return local_run.Outcome(branch, {}, Path("report.txt"), unread, 1, 1, True, "it is good", folder)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[Path, Path]:
    return write_keys(tmp_path_factory.mktemp("keys"), "p256", ec.generate_private_key(ec.SECP256R1()))


def test_what_was_pushed_is_signed_as_mobilenet_sign_does_and_the_last_screen_says_so(keys, tmp_path):
    folder, other = make_bundle(tmp_path / "a" / "1"), make_bundle(tmp_path / "b" / "1")
    signed = local_run._signed(_outcome(folder), signing.signer(keys[0], _never))
    signature.sign(other, keys[0])
    assert verify.faults(folder, keys[1]) == []
    assert (folder / "model.sig").read_bytes() == (other / "model.sig").read_bytes()
    ran = local_run.Ran((signed,), tmp_path)
    assert next(results.sentences(ran)).startswith(f"Blessed and pushed: {folder} (signed)\n")


def test_what_was_not_pushed_is_not_signed(keys):
    assert not local_run._signed(_outcome(None), signing.signer(keys[0], _never)).signed


def test_a_key_that_went_away_in_the_run_is_an_error_of_that_branch(tmp_path):
    key, _ = write_keys(tmp_path, "gone", ec.generate_private_key(ec.SECP256R1()))
    signer = signing.signer(key, _never)
    key.unlink()
    folder = make_bundle(tmp_path / "1")
    with pytest.raises(NodeFailed, match=r"/1 is pushed, but signing it failed: .*gone\.pem"):
        local_run._signed(_outcome(folder), signer)
    assert not (folder / "model.sig").exists()


def test_a_password_is_asked_for_once_before_the_run_and_is_in_no_representation(tmp_path):
    key, public = write_keys(tmp_path, "locked", ec.generate_private_key(ec.SECP384R1()), password=b"sesame")
    signer = signing.signer(key, lambda: "sesame")
    folder = make_bundle(tmp_path / "1")
    signer(folder)
    assert verify.faults(folder, public) == []
    assert "sesame" not in repr(signer)
    with pytest.raises(SettingsError, match=r"--sign: .*locked\.pem is no private key in PEM that can be read"):
        signing.signer(key, lambda: "wrong")


@pytest.mark.parametrize("kind", ["missing", "public", "rsa"])
def test_what_cannot_sign_is_refused(tmp_path, keys, kind):
    rsa_key = write_keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))[0]
    given = {"missing": tmp_path / "no.pem", "public": keys[1], "rsa": rsa_key}[kind]
    wanted = {"missing": "No such file", "public": "is no private key", "rsa": "wanted a key on one of secp256r1"}
    with pytest.raises(SettingsError, match=f"--sign: .*{wanted[kind]}"):
        signing.signer(given, _never)


def test_looking_at_a_key_imports_neither_tensorflow_nor_tfx(keys):
    probe = (
        "import sys; from pathlib import Path; from pipeline.run import signing\n"
        f"signing.signer(Path({str(keys[0])!r}), input)\n"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam', 'tf_keras'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
