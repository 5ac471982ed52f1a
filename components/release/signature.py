"""A release bundle's signature: OpenSSF Model Signing's v1.0 file, made with an elliptic-curve key and no network.

`model.sig` is a Sigstore bundle: an in-toto statement with the SHA-256 of every file (the manifest too), under a DSSE
signature. The statement is of NAME@VERSION where the bundle lies as a version of a destination: nothing else in a
bundle tells its version. The package `model-signing` verifies it, and what that writes with such a key is verified
here. The package is not used itself: it brings a network client, a TUF client and 15 more packages into every node's
image, and imports pyOpenSSL without saying so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.release import bundle, gcs_path, signing_key
from components.release.bundle import SIGNATURE, BundleError
from components.release.gcs_path import Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_LARGEST = 16 << 20  # Bytes. Ours have five thousand.
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_IGNORED = [".github", ".git", ".gitignore", ".gitattributes"]  # None is in a bundle: its manifest sees to it.


def sign(folder: Place, key: Path, *, password: bytes | None = None) -> Place:
    """Writes model.sig into a whole bundle, in place of any that is there; gives its path.

    Args:
      key: a PEM file with a private key on P-256, P-384 or P-521. The same key gives the same signature.

    Raises:
      BundleError: the bundle is not whole, or cannot be written.
      KeyFileError, PasswordNeeded: no such key.
    """
    private = signing_key.read_private(key, password)
    if wrong := [fault for fault in bundle.verify(folder) if not fault.startswith(f"{SIGNATURE}:")]:
        raise BundleError(f"{folder} is not whole, so it is not signed: {'; '.join(wrong[:5])}. Build it again.")
    name = str(bundle.read_info(folder).get("name", folder.name))
    payload = _payload(f"{name}@{folder.name}" if folder.name.isdigit() else name, bundle.sums(folder))
    content = _document(payload, _signed(private, payload), signing_key.fingerprint(private.public_key()))
    try:
        gcs_path.replace(folder / SIGNATURE, content)
    except OSError as error:
        raise BundleError(f"{folder / SIGNATURE} cannot be written: {error}.") from error
    return folder / SIGNATURE


def faults(folder: Place, public_key: Path | None, *, at_least: int | None = None) -> list[str]:
    """What is wrong with a bundle's signature, one line per file; empty where this key signed these very files.

    Args:
      public_key: a PEM file. None: that the signature is of these files is checked, but not whose it is.
      at_least: the lowest version that will do.

    Raises:
      KeyFileError: the key is no public key.
    """
    public = signing_key.read_public(public_key) if public_key else None
    path = folder / SIGNATURE
    if not path.exists():
        return [f"{SIGNATURE}: missing: the bundle is not signed"]
    try:
        version, signed = _verified(_read(path), public)
    except ValueError as error:
        return [f"{SIGNATURE}: {error}"]
    found = bundle.sums(folder)
    wrong = [f"{name}: signed, but missing" for name in signed if name not in found]
    wrong += [f"{name}: not signed" for name in found if name not in signed]
    wrong += [f"{name}: not as it was signed" for name in found if signed.get(name, found[name]) != found[name]]
    return sorted([*wrong, *_version_faults(folder, version, at_least)])


def _version_faults(folder: Place, version: int | None, at_least: int | None) -> Iterator[str]:
    """A signature from before versions were signed has none."""
    lies_as = int(folder.name) if folder.name.isdigit() else None
    if version is not None and lies_as is not None and version != lies_as:
        yield f"{SIGNATURE}: signed as version {version}, and lies as {lies_as}: another release under its number"
    if at_least is not None and (version is None or version < at_least):
        signed_as = "without a version" if version is None else f"as version {version}"
        yield f"{SIGNATURE}: signed {signed_as}, wanted at least version {at_least}"


def _verified(content: bytes, public: ec.EllipticCurvePublicKey | None) -> tuple[int | None, dict[str, str]]:
    """model.sig → version, relative path → SHA-256; ValueError says what is wrong with it.

    What stands around the statement and the signature is written anew and compared: no byte of it goes unchecked. The
    statement itself is what is signed.
    """
    try:
        document = json.loads(content)
        payload = base64.b64decode(document["dsseEnvelope"]["payload"], validate=True)
        signature = base64.b64decode(document["dsseEnvelope"]["signatures"][0]["sig"], validate=True)
        hint = document["verificationMaterial"]["publicKey"]["hint"]
        statement = json.loads(payload)
        version = str(statement["subject"][0]["name"]).rpartition("@")[2]
        resources = statement["predicate"]["resources"]
        sums = {entry["name"]: entry["digest"] for entry in resources if entry["algorithm"] == "sha256"}
        again = _document(payload, signature, hint)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise ValueError(f"not a signature as model-signing v1.0 writes them ({error!r})") from error
    if len(sums) != len(resources):
        raise ValueError("not every file is there once and with a SHA-256 sum")
    if public and hint != signing_key.fingerprint(public):
        raise ValueError(
            f"signed with another key: {str(hint)[:64]!r}, the given one is {signing_key.fingerprint(public)}"
        )
    if again != content:
        raise ValueError("changed: it holds more or other bytes than model-signing v1.0 writes")
    if public:
        _check(public, signature, payload)
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else None, sums


def _payload(name: str, sums: dict[str, str]) -> bytes:
    """The in-toto statement: the files in the order of their paths' parts, and a digest over their digests."""
    ordered = sorted(sums, key=lambda path: path.split("/"))
    root = hashlib.sha256(b"".join(bytes.fromhex(sums[path]) for path in ordered)).hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "ignore_paths": _IGNORED,
                "allow_symlinks": False,
                "hash_type": "sha256",
                "method": "files",
            },
            "resources": [{"name": path, "algorithm": "sha256", "digest": sums[path]} for path in ordered],
        },
    }
    return json.dumps(statement, indent=2).encode()


def _document(payload: bytes, signature: bytes, hint: str) -> bytes:
    def text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    document: dict[str, Any] = {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": text(payload),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [{"sig": text(signature), "keyid": ""}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _authenticated(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (secure-systems-lab/dsse, protocol.md)."""
    return f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def _signed(private: ec.EllipticCurvePrivateKey, payload: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    # RFC 6979: no chance is in it, so the same bundle and key give the same file.
    return private.sign(
        _authenticated(payload), ec.ECDSA(signing_key.digest_of(private.curve.name), deterministic_signing=True)
    )


def _check(public: ec.EllipticCurvePublicKey, signature: bytes, payload: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        public.verify(signature, _authenticated(payload), ec.ECDSA(signing_key.digest_of(public.curve.name)))
    except InvalidSignature as error:
        raise ValueError("changed: the signature is not this key's over these sums") from error


def _read(path: Place) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise ValueError("not a file but a link or a device")
    return gcs_path.read(path, _LARGEST, within=path.parent)
