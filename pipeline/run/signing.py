"""`mobilenet run --sign`: the key is looked at before anything runs, and signs each bundle once it is pushed.

It is no setting and no node's property: ML Metadata and the cache never hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.release import signature, signing_key
from pipeline.settings.error import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.release.gcs_path import Place


@dataclass(frozen=True)
class Signer:
    """A key that can be read, and its password where it has one."""

    key: Path
    password: bytes | None = field(default=None, repr=False)

    def __call__(self, folder: Place) -> None:
        """As `mobilenet sign` does: model.sig into the bundle, in place of any that is there.

        Raises:
          BundleError, KeyFileError, OSError: the bundle is damaged, cannot be written, or the key is gone.
        """
        signature.sign(folder, self.key, password=self.password)


def signer(key: Path, ask: Callable[[], str]) -> Signer:
    """Checks the key now: nothing is trained for a signature that cannot be made.

    Args:
      ask: gives the key's password; called where it has one.

    Raises:
      SettingsError: it is no private key on one of the curves, or the password is wrong.
    """
    key = key.absolute()  # Whatever folder a node leaves the process in.
    try:
        try:
            made = Signer(key)
            signing_key.read_private(made.key)
        except signing_key.PasswordNeeded:
            made = Signer(key, ask().encode())
            signing_key.read_private(made.key, made.password)
    except (ValueError, OSError) as error:
        raise SettingsError(f"--sign: {error}") from error
    return made
