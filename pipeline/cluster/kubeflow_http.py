"""Asks Kubeflow's REST API (v2beta1), and says in one sentence what went wrong.

By hand and not through kfp.Client, which has no timeouts, prints, reads the environment and a file in the home
directory, and meets a refused health check with five attempts and tracebacks.
tests/pipeline/cluster/test_kubeflow_api.py holds that a run is asked for in the words that kfp.Client would use.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.cluster.runs import ClusterError, Gone, Unreachable
from pipeline.settings.error import SettingsError

TIMEOUT = 60  # Seconds without a byte.
LARGEST = 64 << 20  # Bytes of an answer. A run's details have some 100,000.
_TOKEN = "a bearer token: name its file in token_file, or put it into KUBEFLOW_TOKEN"
_LOGINS = (301, 302, 303, 307, 308, 401)  # Answers to a login that is missing or has run out.


class _NotLoggedIn(ClusterError):
    """Another token or cookie may help."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a login page, where a token must not go."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Login(NamedTuple):
    """Who asks; either, both or none."""

    token: str | None = None
    cookie: str | None = None


@dataclass
class Api:
    """Kubeflow's API under an address."""

    host: str  # As a browser opens it, such as https://kubeflow.example.com/pipeline.
    token: str | None = None
    cookie: str | None = None
    ca_file: str | None = None  # Beside the system's authorities.
    login: Callable[[], Login] | None = None  # Asked again when the token has run out: a run takes longer than one.

    @property
    def warning(self) -> str | None:
        """What is wrong with the address, if anything."""
        url = urllib.parse.urlsplit(self.host)
        if (self.token or self.cookie) and url.scheme == "http" and not is_loopback(url.hostname or ""):
            return f"{self.host} is plain http: everybody on the way can read the token. Use https, or a port-forward."
        return None

    def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """The answer to GET; parameters that are None are left out.

        Raises:
          Unreachable: nobody answered, or only that the server is busy.
          ClusterError: any other refusal.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urllib.parse.urlencode(given)}" if given else path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As `get`."""
        return self._ask("POST", path, json.dumps(body).encode())

    def url(self, path: str) -> str:
        """Of a call."""
        return f"{self.host.rstrip('/')}/apis/v2beta1/{path}"

    def page(self, kind: str, identity: str) -> str:
        """Of the web interface: kind is runs, recurringrun or experiments."""
        return f"{self.host.rstrip('/')}/#/{kind}/details/{identity}"

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        try:
            return self._ask_once(method, path, body)
        except _NotLoggedIn:
            if not self._renew():
                raise
            return self._ask_once(method, path, body)

    def _renew(self) -> bool:
        """Whether there is another login now than the one that was refused."""
        before = Login(self.token, self.cookie)
        try:
            self.token, self.cookie = self.login() if self.login else before
        except SettingsError as error:  # Its command or file may be back in a moment, as a server may.
            raise Unreachable(str(error)) from error
        return before != (self.token, self.cookie)

    def _ask_once(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        request = urllib.request.Request(self.url(path), data=body, headers=headers, method=method)
        try:
            with self._opener().open(request, timeout=TIMEOUT) as answer:
                return self._read(answer.read(LARGEST + 1))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.read(LARGEST), error.headers.get("Location")) from None
        except urllib.error.URLError as error:
            raise self._silence(error.reason) from error
        except (OSError, http.client.HTTPException) as error:  # Within the answer.
            raise self._silence(error) from error

    def _opener(self) -> urllib.request.OpenerDirector:
        """A port-forward is no business of a proxy."""
        here = is_loopback(urllib.parse.urlsplit(self.host).hostname or "")
        handlers: list[Any] = [_NoRedirect, *([urllib.request.ProxyHandler({})] if here else [])]
        if self.ca_file:
            handlers.append(urllib.request.HTTPSHandler(context=self._trusting()))
        return urllib.request.build_opener(*handlers)

    def _trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(cafile=self.ca_file)
        except OSError as error:
            raise ClusterError(f"ca_file {self.ca_file} holds no certificates that can be read: {error}.") from error
        return context

    def _read(self, text: bytes) -> dict[str, Any]:
        if len(text) > LARGEST:
            raise ClusterError(
                f"{self.host} answers with more than {LARGEST:,} bytes: ask for less, such as --limit 5."
            )
        try:
            answer = json.loads(text or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ClusterError(
                f"{self.host} answers with a page and not as Kubeflow's API: give the API's own address, which on a "
                f"whole Kubeflow ends in /pipeline, and {_TOKEN}."
            )
        return answer

    def _refusal(self, code: int, text: bytes, location: str | None) -> ClusterError:
        said = _message(text)
        if code in _LOGINS:
            return _NotLoggedIn(self._login_fault(code, said, location))
        if code == 403:
            return ClusterError(
                f"{self.host} does not allow this (403: {said}). Ask for the role kubeflow-edit in the namespace, and "
                "look whether `namespace` is yours."
            )
        if code == 404:
            return Gone(
                f"{self.host} knows nothing there (404: {said}). On a whole Kubeflow the address ends in /pipeline; "
                "else look at the id."
            )
        if code in (429, 502, 503, 504):
            return Unreachable(f"{self.host} is busy or starting ({code}: {said}). Try again in a minute.")
        return ClusterError(f"{self.host} refuses the request ({code}): {said}")

    def _login_fault(self, code: int, said: str, location: str | None) -> str:
        if code != 401:
            expired = " The cookie of cookie_file may have expired." if self.cookie else ""
            return f"{self.host} sends us on to {location}. Is that a login, it wants {_TOKEN}.{expired}"
        if self.token:
            return (
                f"{self.host} does not take the token (401: {said}): it may have expired, or be for another audience. "
                "Put a new one where it came from: token_file, token_command or KUBEFLOW_TOKEN."
            )
        return f"{self.host} does not know who asks (401: {said}). It wants {_TOKEN}."

    def _silence(self, reason: object) -> ClusterError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ClusterError(
                f"{self.host} shows a certificate that this machine does not trust ({reason.verify_message}): name its "
                "authority in ca_file."
            )
        if isinstance(reason, socket.gaierror):
            return Unreachable(
                f"There is no {self.host} ({reason.strerror}): look at `host`, and whether you need a VPN."
            )
        if isinstance(reason, ConnectionRefusedError):
            return Unreachable(f"{self.host} refuses connections: is the port-forward running, and the port right?")
        return Unreachable(f"{self.host} does not answer ({reason}). Look at `host` and at the network.")


def is_loopback(host: str) -> bool:
    """This machine, by name or number."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _message(text: bytes) -> str:
    """The server's own words: those of its JSON without the stack behind its first line, or the page's beginning."""
    try:
        answer = json.loads(text)
        said = str(answer.get("message") or answer.get("error") or "").strip().split("\n", 1)[0]
    except (ValueError, AttributeError):
        said = None
    words = " ".join(str(said or text.decode(errors="replace")).split())
    return words[:500] or "without a word"
