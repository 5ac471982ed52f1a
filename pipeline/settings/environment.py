"""The only reader and writer of the environment: Beam's workers, TensorFlow's messages, Kubeflow, notebooks."""

from __future__ import annotations

import os
import shlex
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.error import SettingsError

if TYPE_CHECKING:
    from pipeline.settings.cluster import KubeflowSettings

# Beam's local options reach the nodes through these, so that their values stay out of the cache key.
BEAM_MODE = "MOBILENET_BEAM_RUNNING_MODE"
BEAM_WORKERS = "MOBILENET_BEAM_WORKERS"
# Kubeflow. The last two are there in a cluster, by themselves, as kfp.Client knows them.
_TOKEN = "KUBEFLOW_TOKEN"
_ENDPOINT = "KF_PIPELINES_ENDPOINT"
_PODS_TOKEN = "KF_PIPELINES_SA_TOKEN_PATH"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LONGEST = 60  # Seconds for a command that prints a token.


def set_beam_workers(workers: int) -> None:
    """One worker runs in this process, which starts at once; more get a process each (20-30 s for every Beam node)."""
    if workers < 1:
        raise SettingsError(f"--beam-workers is {workers}, wanted at least 1.")
    os.environ[BEAM_MODE] = "in_memory" if workers == 1 else "multi_processing"
    os.environ[BEAM_WORKERS] = str(workers)


def kubeflow_token(settings: KubeflowSettings) -> str | None:
    """The bearer token: of the settings' command or file, else of KUBEFLOW_TOKEN, else the pod's own, else none.

    Raises:
      SettingsError: the command fails, there is no such file, or what it holds is no token.
    """
    if settings.token_command:
        return _word(_output(settings.token_command), f"token_command {shlex.join(settings.token_command)}")
    if settings.token_file:
        return _word(_content(settings.token_file, "token_file"), f"token_file {settings.token_file}")
    if token := os.environ.get(_TOKEN, "").strip():
        return _word(token, _TOKEN)
    pods = os.environ.get(_PODS_TOKEN, "").strip()
    return _word(_content(pods, _PODS_TOKEN), f"{_PODS_TOKEN} {pods}") if pods else None


def kubeflow_cookie(settings: KubeflowSettings) -> str | None:
    """The header `Cookie` of a session, such as `authservice_session=…`.

    Raises:
      SettingsError: there is no such file, or what it holds is no cookie.
    """
    if not settings.cookie_file:
        return None
    cookie = _content(settings.cookie_file, "cookie_file")
    if "=" not in cookie or not cookie.isprintable() or not cookie.isascii():
        raise SettingsError(f"cookie_file {settings.cookie_file} holds {len(cookie)} characters, wanted NAME=VALUE.")
    return cookie


def kubeflow_host(settings: KubeflowSettings) -> str:
    """The API's address: the settings', else that of KF_PIPELINES_ENDPOINT, which notebooks within a cluster have.

    Raises:
      SettingsError: neither says it.
    """
    host = settings.host or os.environ.get(_ENDPOINT, "").strip()
    if not host:
        raise SettingsError(f"host: got nothing, wanted the API's address, here or in the variable {_ENDPOINT}.")
    return host if "://" in host else f"http://{host}"


def pods_namespace() -> str | None:
    """That of the pod in which this runs; None outside of a cluster."""
    try:
        return _NAMESPACE.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _word(text: str, where: str) -> str:
    if not text or not text.isprintable() or not text.isascii() or " " in text:
        raise SettingsError(f"{where} holds {len(text)} characters that are no token, wanted one word.")
    return text


def _content(path: str, field: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{field} {path} cannot be read: {error}.") from error


def _output(command: Sequence[str]) -> str:
    """What a command prints; none of it is ever shown."""
    said = shlex.join(command)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST, check=False
        )
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"token_command {said} cannot be run: {error}.") from error
    if done.returncode:
        words = " ".join(done.stderr.split())[-300:] or "without a word"
        raise SettingsError(f"token_command {said} ended with exit code {done.returncode}: {words}")
    return done.stdout.strip()


def in_notebook() -> bool:
    """A cell's `!command`: its output looks like a terminal, but each redraw of a live display stays in the page."""
    return "JPY_PARENT_PID" in os.environ or "inline" in os.environ.get("MPLBACKEND", "")


def quiet() -> None:
    """TensorFlow's C++ messages below warnings are left out of the log. Must come before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def silent() -> None:
    """As `quiet`, where there is no log: nothing that TensorFlow and its friends say at import is for the user."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
