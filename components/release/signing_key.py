"""Keys on elliptic curves, as PEM files: what a release bundle is signed with and checked with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import outside_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_LARGEST = 1 << 20  # Bytes.
_CURVES = ("secp256r1", "secp384r1", "secp521r1")  # What Sigstore's format knows.
_MAKE = "Make one: openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem"
_PUBLIC = "Make it of the private one: openssl ec -in KEY.pem -pubout -out PUBLIC.pem"


class KeyFileError(ValueError):
    """A file that is not the key that was wanted."""


class PasswordNeeded(KeyFileError):
    """An encrypted private key, and no password; or a password for a key that has none."""


def read_private(path: Path, password: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """Raises KeyFileError: not a private key on one of the curves; PasswordNeeded: it is encrypted."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, password)
    except TypeError as error:  # "Password was not given", or given for a key that has none.
        raise PasswordNeeded(f"{path}: {error}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path} is no private key in PEM that can be read ({str(error).splitlines()[0][:120]}). {_MAKE}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        raise KeyFileError(f"{path} holds {_kind(key)}, wanted a key on one of {', '.join(_CURVES)}. {_MAKE}")
    return key


def read_public(path: Path) -> ec.EllipticCurvePublicKey:
    """Raises KeyFileError: not a public key on one of the curves."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    content = _read(path)
    if b"PRIVATE KEY" in content:
        raise KeyFileError(f"{path} is a private key: verify with the public one. {_PUBLIC}")
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is no public key in PEM. {_PUBLIC}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise KeyFileError(f"{path} holds {_kind(key)}, wanted a key on one of {', '.join(_CURVES)}. {_MAKE}")
    return key


def fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the key in PEM, hexadecimal."""
    from cryptography.hazmat.primitives import serialization

    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def digest_of(curve: str) -> HashAlgorithm:
    """What is signed with a key on that curve."""
    from cryptography.hazmat.primitives import hashes

    return {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}[curve]


def _kind(key: Any) -> str:
    curve = getattr(key, "curve", None)
    return f"one on {curve.name}" if curve is not None else f"a {type(key).__name__}"


def _read(path: Path) -> bytes:
    try:
        return outside_file.read(path, most=_LARGEST)
    except outside_file.OutsideFileError as error:
        raise KeyFileError(f"{error} That is no key.") from error
