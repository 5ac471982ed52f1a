"""The image without a daemon or a registry: what proof/test_image.py builds it with."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

BASE = "localhost/debian"


class Buildah:
    """Debian's buildah with a store of its own under `folder`; it works in a container too."""

    def __init__(self, folder: Path) -> None:
        # No driver: it takes overlay, and where that cannot be mounted, vfs, which copies the image at every step.
        settings = {"graphroot": str(folder / "graph"), "runroot": str(folder / "run")}
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (folder / "storage.conf").write_text("\n".join(["[storage]", *lines, ""]))
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self.folder = folder
        self.trust = ("--signature-policy", str(folder / "policy.json"))
        self.environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def __call__(self, *arguments: str) -> str:
        return run("buildah", *arguments, env=self.environment)

    def make_image(self, checkout: Path, *, target: str, image: str) -> None:
        """`make image`, with no other engine on its path, on BASE and from this machine's package indexes."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        for tool in ("make", "sh", "git", "buildah"):
            (programs / tool).unlink(missing_ok=True)
            (programs / tool).symlink_to(str(shutil.which(tool)))
        arguments = [f"TARGET={target}", f"IMAGE={image}", f"BASE_IMAGE={BASE}", f"ARGS={' '.join(self._flags())}"]
        run("make", "image", *arguments, cwd=checkout, env={**self.environment, "PATH": str(programs)})

    def build(self, checkout: Path, dockerfile: str, *, target: str, image: str) -> None:
        """From the text of a Dockerfile."""
        file = self.folder / "Dockerfile"
        file.write_text(dockerfile)
        self("build", *self._flags(), "--file", str(file), "--target", target, "--tag", image, str(checkout))

    def delete(self) -> None:
        """Containers, images and the folder. What is mounted goes first: nobody wants to delete through a mount."""
        self("rm", "--all")
        points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for point in reversed([point for point in points if Path(point).is_relative_to(self.folder)]):
            run("umount", point)
        shutil.rmtree(self.folder)

    def _flags(self) -> list[str]:
        return ["--network=host", *self.trust, *_indexes(self.folder / "pip.conf")]


def make_base(buildah: Buildah) -> None:
    """Stands for debian:trixie-slim."""
    root, context = buildah.folder / "root", buildah.folder / "context"
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(root))
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    context.mkdir()
    with tarfile.open(context / "root.tar", "w") as archive:
        archive.add(root, arcname=".")
    (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
    buildah("build", *buildah.trust, "--tag", BASE, str(context))
    shutil.rmtree(root)
    shutil.rmtree(context)


def run(*command: str, **options: Any) -> str:
    """What it printed.

    Raises:
      RuntimeError: it failed; with the end of what it printed.
    """
    done = subprocess.run(command, text=True, capture_output=True, **options)
    if done.returncode:
        said = f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        raise RuntimeError(f"{' '.join(command)[:300]} ended with {done.returncode}:\n{said}")
    return done.stdout


def _indexes(file: Path) -> list[str]:
    """Pip's settings, written into `file`, and the certificates and folders that they name, as mounts of the build."""
    python = f"{sys.base_prefix}/bin/python3"
    listed = [line.partition("=") for line in run(python, "-m", "pip", "config", "list").splitlines()]
    settings = {name.rpartition(".")[2]: value.strip("'").replace("\\n", " ") for name, _, value in listed}
    settings.pop("constraint", None)  # The lock says more.
    file.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""]))
    words = [word for value in settings.values() for word in value.split()]
    # The pages of an index on the disk link to files beside them.
    places = {str(Path(word.removeprefix("file://")).parent) for word in words if word.startswith("file://")}
    places |= {word for word in words if word.startswith("/") and Path(word).exists()}
    return [f"--volume={file}:/etc/pip.conf:ro", *(f"--volume={place}:{place}:ro" for place in sorted(places))]
