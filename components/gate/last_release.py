"""The last release at the push destination: what the gate compares a new file with, beside its float model.

Only info.json is known of it, so the comparison is one of counts (components/evaluation/unpaired_statistics.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from components.evaluation import unpaired_statistics
from components.evaluation.paired_statistics import INSUFFICIENT
from components.release import bundle, versions
from components.release.gcs_path import Place

_MOST_PICTURES = 2**53  # The last number that is exact as a float, which the interval reckons with.
NOT_THERE: Mapping[str, Any] = {"not_compared": "there is no other release to compare with"}


@dataclass(frozen=True)
class Release:
    """A whole bundle at the destination, and what its info.json says."""

    folder: Place
    info: Mapping[str, Any]

    @property
    def version(self) -> str:
        return self.folder.name

    @property
    def int8_sha256(self) -> str | None:
        """Of the file whose top-1 it records; None where it does not say."""
        name = self._said("results", "int8", "measured_on")
        return self._said("files", name, "sha256") if isinstance(name, str) else None

    @property
    def data(self) -> str | None:
        """Digest of the pictures that it was trained on and measured on; a float model may have been imported."""
        return self._said("digests", "quantized", "data")

    @property
    def counts(self) -> tuple[int, int] | None:
        """(pictures that its int8 file got right, pictures); None where it does not say, or what cannot be."""
        right, pictures = self._said("results", "int8", "top1_count"), self._said("results", "pictures")
        fits = (
            type(right) is int and type(pictures) is int and 0 <= right <= pictures and 0 < pictures <= _MOST_PICTURES
        )
        return (right, pictures) if fits else None

    @property
    def fingerprint(self) -> str:
        """For the cache: another one, or another content, is another string."""
        return f"{self.version}:{bundle.read_manifest(self.folder)[bundle.INFO]}"

    def _said(self, *path: str) -> Any:
        value: Any = self.info
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


class Found(NamedTuple):
    """The release to compare with, if there is one, and why newer ones were passed over."""

    release: Release | None
    passed_over: tuple[str, ...] = ()


def search(base: str, variant: str, *, sha256: str, accept_small: bool = False) -> Found:
    """The newest whole release of the variant with another int8 file.

    The same file as a release is no news, so a run that is repeated after its own push finds what the first one found.

    Args:
      base: the push destination; empty for none.
      sha256: of the int8 file that is judged.
      accept_small: take one that was measured on too few pictures, too.

    Raises:
      PushError: the base is neither a folder nor in Cloud Storage.
      OSError: the base cannot be listed.
    """
    if not base:
        return Found(None)
    folder, passed_over = versions.folder_of(base, variant), []
    for version in reversed(versions.versions(folder)):
        try:
            release = Release(folder / str(version), bundle.read_info(folder / str(version)))
        except bundle.BundleError as error:
            passed_over.append(f"Release {version} was passed over: {error}")
            continue
        if release.int8_sha256 == sha256:
            continue
        if not accept_small and release.info.get("evidence") == INSUFFICIENT:
            passed_over.append(f"Release {version} was passed over: its pictures were too few to show anything.")
            continue
        if faults := bundle.verify(release.folder):
            passed_over.append(f"Release {version} was passed over, it is not whole: {'; '.join(faults[:3])}.")
            continue
        return Found(release, tuple(passed_over))
    return Found(None, tuple(passed_over))


def compare(release: Release | None, *, data: str | None, now: tuple[int, int], alpha: float) -> dict[str, Any]:
    """What the rule must know of it: `version`, its top-1, the lower bound of the drop since; or why `not_compared`.

    Args:
      data: digest of the pictures that were evaluated.
      now: (pictures that the new int8 file got right, pictures).
    """
    if release is None:
        return dict(NOT_THERE)
    version = {"version": release.version}
    if release.counts is None or release.data is None:
        return {**version, "not_compared": f"release {release.version} does not record its top-1 and its data"}
    if release.data != data:
        return {**version, "not_compared": f"release {release.version} was measured on other data"}
    right, pictures = release.counts
    bound = unpaired_statistics.drop_lower_bound(before=release.counts, now=now, alpha=alpha)
    return {**version, "pictures": pictures, "top1": right / pictures, "drop_lower_bound": bound}
