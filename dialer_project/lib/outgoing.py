"""Asking servers of others over HTTP: a client that trusts neither the address it was given nor the answer it gets.

https only, public addresses only, no redirects, no proxies of the environment, one limit for the whole exchange and one for its size. A name
is resolved once: every address it has must be public, and the connection goes to one of those, so that a second answer of the name server
cannot lead elsewhere. Origins named in OUTGOING_TRUSTED, such as http://10.0.0.5:8080, may be private and may speak plain http.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

AT_MOST = 1024 * 1024  # bytes of an answer
_PORTS = {"https": 443, "http": 80}
_USUAL_PORTS = (443, 8443)
# what Python takes for public and is not: clouds' own services, and addresses that carry another address inside
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "168.63.129.16/32", "100.64.0.0/10", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"),
    )
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Whatever the status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing that can be read came back; `why` is a part of a sentence: it timed out."""

    why: str


class _MayNotBeAsked(Exception):
    """A name leads to an address that is not public."""


def may_be_asked(url: str) -> str:
    """Why an address cannot be asked, a sentence; empty where nothing speaks against it. Where its name leads is seen when it is asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no address that can be read."
    if parts.scheme not in _PORTS or not parts.hostname:
        return "An address begins with https:// and names a server."
    if not parts.hostname.isascii() or not url.isascii() or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        return "An address is written in ASCII letters, without blanks; a name in other letters in its xn-- form."
    if parts.username is not None or parts.password is not None:
        return "A name and password do not belong in the address: give them as a header."
    if _trusted(url):
        return ""
    if parts.scheme != "https":
        return "Only https:// is asked. An http:// origin can be allowed in OUTGOING_TRUSTED."
    if (port or 443) not in _USUAL_PORTS:
        return "Only the ports 443 and 8443 are asked. Another origin can be allowed in OUTGOING_TRUSTED."
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return ""
    return "" if is_public(address) else "This address is private. A private origin can be allowed in OUTGOING_TRUSTED."


def post(url: str, body: bytes, *, headers: Mapping[str, str], within: float, at_most: int = AT_MOST) -> Reply | Failed:
    """One question; `within` seconds for all of it (but a name server's own patience)."""
    if why := may_be_asked(url):
        return Failed(f"its address may not be asked: {why}")
    parts = urlsplit(url)
    host, scheme = str(parts.hostname), parts.scheme
    port = parts.port or _PORTS[scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    network = _Guarded(ends=time.monotonic() + within, trusted=_trusted(url))
    named = f"[{host}]" if ":" in host else host
    sent = {
        "Host": named if port == _PORTS[scheme] else f"{named}:{port}",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        **headers,
    }
    try:
        with (
            httpcore.ConnectionPool(network_backend=network, max_connections=1, http2=False, retries=0) as pool,
            pool.stream(
                "POST",
                httpcore.URL(scheme=scheme, host=host, port=port, target=target),
                headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
                content=body,
            ) as response,
        ):
            return _read(response, at_most)
    except _MayNotBeAsked as refused:
        return Failed(str(refused))
    except httpcore.TimeoutException:
        return Failed(f"it did not answer within {within:g} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, UnicodeError) as error:
        return Failed(f"it could not be reached ({type(error).__name__}: {str(error)[:120]})")


def _read(response: httpcore.Response, at_most: int) -> Reply | Failed:
    if any(name.lower() == b"content-encoding" and value.lower() != b"identity" for name, value in response.headers):
        return Failed("its answer is compressed, which was not asked for")
    found = bytearray()
    for chunk in response.iter_stream():
        found += chunk
        if len(found) > at_most:
            return Failed(f"its answer is longer than {at_most} bytes")
    return Reply(response.status, bytes(found))


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is somewhere in the open network: not this machine, not this house, not a cloud's own services, and no other address in
    disguise."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if any(address.version == network.version and address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _trusted(url: str) -> bool:
    return _origin(url) in {_origin(trusted) for trusted in settings.OUTGOING_TRUSTED}


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


class _Guarded(httpcore.NetworkBackend):
    """Connects to public addresses only, and to none after its time is over."""

    def __init__(self, *, ends: float, trusted: bool) -> None:
        self._ends = ends
        self._trusted = trusted
        self._network = httpcore.SyncBackend()

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("its time is over")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        problem: Exception = httpcore.ConnectError("its name has no address")
        for address in self._addresses(host, port):
            try:
                stream = self._network.connect_tcp(address, port, timeout=self._left(), local_address=local_address, socket_options=socket_options)
            except httpcore.ConnectError as error:
                problem = error
            else:
                return _Timed(stream, self._left)
        raise problem

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            raise httpcore.ConnectError(f"its name cannot be resolved: {error}") from error
        if not self._trusted and not all(is_public(ipaddress.ip_address(address)) for address in found):
            raise _MayNotBeAsked("its name leads to an address that is not public")
        return found


class _Timed(httpcore.NetworkStream):
    """A connection that waits for nothing longer than what is left of the whole."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._left())

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname=server_hostname, timeout=self._left()), self._left)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
