"""The lock against a checkout of the PyPA advisory database, where pip-audit finds no network.

    git clone https://github.com/pypa/advisory-database
    python -m proof.audit advisory-database

What it finds, and whether it touches us: docs/security.md.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

LOCK = Path(__file__).parents[1] / "requirements.lock"
# A half of the lock is what its Pythons install; on 3.11 a few pins are others than on 3.13.
HALVES: Mapping[str, Sequence[str]] = {"Python 3.10": ["3.10"], "Python 3.11 to 3.13": ["3.11", "3.12", "3.13"]}
_PIN = re.compile(r"(?m)^[A-Za-z0-9][^\s\\]*==[^\\\n]*")
_LINUX = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}


class Hole(NamedTuple):
    """An advisory in whose range a pin lies."""

    package: str
    version: Version
    id: str
    aliases: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Known holes of what the lock pins, a line each.")
    parser.add_argument("database", type=Path, help="a checkout of github.com/pypa/advisory-database")
    parser.add_argument("--lock", type=Path, default=LOCK, help="default: %(default)s")
    args = parser.parse_args(argv)
    for half, pythons in HALVES.items():
        pinned = pins(args.lock, pythons)
        found = holes(args.database, pinned)
        print(f"{half}: {len({package for package, _ in pinned})} packages, known holes: {len(found)}")
        for hole in found:
            print(f"  {hole.package} {hole.version}  {hole.id}  {', '.join(hole.aliases)}")


def pins(lock: Path, pythons: Sequence[str]) -> set[tuple[str, Version]]:
    """What the lock installs on x86-64 Linux under any of these Pythons: names as PyPI spells them, and versions."""
    lines = [Requirement(line) for line in _PIN.findall(lock.read_text(encoding="utf-8"))]
    if not lines:
        raise SystemExit(f"{lock} has no line with NAME==VERSION: give a lock of requirements.")
    environments = [{**_LINUX, "python_version": each, "python_full_version": f"{each}.0"} for each in pythons]
    return {
        (canonicalize_name(line.name), Version(next(iter(line.specifier)).version))
        for line in lines
        if line.marker is None or any(line.marker.evaluate(environment) for environment in environments)
    }


def holes(database: Path, pinned: set[tuple[str, Version]]) -> list[Hole]:
    """Sorted by package. Raises: SystemExit, where `database` is none."""
    if not (database / "vulns").is_dir():
        raise SystemExit(f"{database} has no folder vulns: give a checkout of github.com/pypa/advisory-database.")
    return [
        Hole(package, version, advisory["id"], tuple(advisory.get("aliases", ())))
        for package, version in sorted(pinned)
        for advisory in _advisories(database / "vulns" / package)
        if any(_affects(affected, package, version) for affected in advisory["affected"])
    ]


def _advisories(folder: Path) -> Iterator[dict[str, Any]]:
    """A package's, but for those that were withdrawn."""
    for file in sorted(folder.glob("*.yaml")):
        advisory = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        if not advisory.get("withdrawn"):
            yield advisory


def _affects(affected: Mapping[str, Any], package: str, version: Version) -> bool:
    """As the OSV format has it: the version is listed, or lies in a range."""
    if canonicalize_name(affected["package"]["name"]) != package:
        return False
    if version in {_version(each) for each in affected.get("versions", ())}:
        return True
    ranges = (each for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM")
    return any(_inside(each["events"], version) for each in ranges)


def _inside(events: Sequence[Mapping[str, str]], version: Version) -> bool:
    inside = False
    for kind, at in sorted(
        ((kind, _version(at)) for event in events for kind, at in event.items()), key=lambda e: e[1]
    ):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _version(text: str) -> Version:
    """What is no version by today's rules, and OSV's 0, come before all."""
    try:
        return Version(text if text != "0" else "0.dev0")
    except InvalidVersion:
        return Version("0.dev0")


if __name__ == "__main__":
    main()
