"""`mobilenet tensorboard`: TensorBoard on a work directory's training logs, under names that say what they are.

It gets a folder of links, `<node>/<execution>`: its fast loader and its slow one both follow them, while --logdir_spec
would switch the fast one off and cannot name a path with a comma or a colon in it.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import re
import signal
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import lineage
from trainer.training.curves import EVENT_FILES

_FIND_SECONDS = 5.0  # Between two looks, as TensorBoard's own reloads: a node that begins to train shows up.
_IN_ALL = {"artifacts", "model_run"}  # And so in no name.


class TensorBoardError(RuntimeError):
    """No logs, or no server."""


def logs(workdir: Path) -> dict[str, Path]:
    """`FloatTrainer-w025-r64/7` → the folder of its event files, of local and of compiled runs; the oldest first.

    Raises:
      TensorBoardError: nothing has trained in this work directory.
    """
    folders = sorted({file.parent for file in (workdir / "artifacts").rglob(EVENT_FILES)}, key=_written)
    if not folders:
        raise TensorBoardError(
            f"no training logs in {workdir}: wanted event files under artifacts/. Give the work directory of a run "
            "that has begun to train."
        )
    return {_name(folder.relative_to(workdir)): folder for folder in folders}


def _name(place: Path) -> str:
    return "/".join(part for part in place.parts if part not in _IN_ALL)


def of_last_run(workdir: Path) -> dict[str, Path]:
    """Those of the logs that the newest run wrote, is writing or took from cache.

    Raises:
      TensorBoardError: there are none, or the work directory is not a local run's.
    """
    database = workdir / "metadata.sqlite"
    if not database.is_file():
        raise TensorBoardError(f"{workdir} has no metadata.sqlite, which tells the last run: leave --latest out.")
    run = lineage.last_run(database)
    found = {name: folder for name, folder in logs(workdir).items() if _is_of(name, folder, run)}
    if not found:
        raise TensorBoardError(f"the last run in {workdir} has not trained yet: leave --latest out for those before.")
    return found


def serve(find: Callable[[], Mapping[str, Path]], *, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serves what `find` finds, now and later, until KeyboardInterrupt, which SIGTERM raises too.

    Args:
      port: 0 takes a free one.
      started: gets the page's address.

    Raises:
      TensorBoardError: nothing was found, or the address cannot be had.
    """
    found = find()
    with _terminable(), tempfile.TemporaryDirectory(prefix="mobilenet-tensorboard-") as folder:
        _link(found, Path(folder))
        started(_launch(folder, host, port))
        while True:
            time.sleep(_FIND_SECONDS)
            with contextlib.suppress(OSError, TensorBoardError):  # A run may sweep or write at this very moment.
                _link(find(), Path(folder))


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Within: SIGTERM raises KeyboardInterrupt, so that the folder of links is removed."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _is_of(name: str, folder: Path, run: Mapping[str, lineage.NodeRun]) -> bool:
    node = run.get(name.split("/")[0])
    if node is None:
        return False
    if "model_run" in node.outputs:
        return name == f"{node.node}/{node.outputs['model_run'].uri.name}"
    return _written(folder) >= node.began  # It is training, or was killed: nothing is recorded yet.


def _written(folder: Path) -> float:
    return max(file.stat().st_mtime for file in folder.glob(EVENT_FILES))


def _link(found: Mapping[str, Path], folder: Path) -> None:
    for name, target in found.items():
        link = folder / name
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target.absolute())


def asked_of_us(header: str, host: str) -> bool:
    """Whether a request's Host is an address or a name of this machine.

    Any other name is one that somebody else made point here (DNS rebinding): the browser then shows our page to theirs.
    """
    name = header.rpartition(":")[0] if re.fullmatch(r".*[^:]:\d+|\[.*\]:\d+", header) else header
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name.strip("[]"))
        return True
    return name.lower().rstrip(".") in {
        host.lower(),
        "localhost",
        socket.gethostname().lower(),
        socket.getfqdn().lower(),
    }


def _server(host: str) -> Callable[..., Any]:
    """TensorBoard's own web server, in front of an application that answers no other Host."""
    from tensorboard import program

    def made(application: Any, flags: Any) -> Any:
        def checked(environ: Any, start: Any) -> Any:
            if asked_of_us(environ.get("HTTP_HOST", ""), host):
                return application(environ, start)
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Ask by this machine's address, its name, or localhost.\n"]

        return program.WerkzeugServer(checked, flags)

    return made


def _launch(folder: str, host: str, port: int) -> str:
    """→ the address. What TensorBoard and its imports say of themselves is left out."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()) as said:
        warnings.simplefilter("ignore")
        from tensorboard import default, program

        server = program.TensorBoard(default.get_plugins(), server_class=_server(host))
        server.configure(argv=["tensorboard", f"--logdir={folder}", f"--host={host}", f"--port={port}"])
        try:
            return server.launch()
        except program.TensorBoardServerException as error:
            raise TensorBoardError(f"{error.msg}: give another --port, or --port 0 for a free one.") from error
        except (OSError, SystemExit) as error:  # Its web server prints and exits.
            reason = said.getvalue().strip().splitlines()[-1:] or [str(error)]
            raise TensorBoardError(f"{host}:{port} cannot be had: {reason[0]}. Give another --host.") from error
