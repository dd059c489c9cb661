"""Who comes to Asterisk without being asked: from the carrier's side, with a telephone's password, with a browser's, and at its HTTP door.

Real packets against the real configuration. Nobody reaches a customer, another's phone, or us, but on the way that is meant for them.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from secrets import token_hex
from uuid import uuid4

import pytest

from dialer_project.local import asterisk
from telephony.drivers.base import Address, AddressKind, Leg, Phone, Placed
from telephony.drivers.simulated import sip_messages as sip
from tests.drivers.exchange import Exchange

pytestmark = pytest.mark.skipif(asterisk.not_wanted(), reason="without Asterisk, as asked")
NUMBER = "+34699000001"
BESIDES = {
    "SUBSCRIBE": [("Event", "presence")],
    "PUBLISH": [("Event", "presence")],
    "REFER": [("Refer-To", f"<sip:{NUMBER}@127.0.0.1>")],
}
HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": b64encode(bytes(16)).decode()}


class Stranger:
    """Somebody with a socket, who knows how SIP is written."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line.bind(("127.0.0.1", 0))
        self.line.connect(("127.0.0.1", exchange.server.sip_port))

    def asks(self, method: str, to: str, *, by: str, password: str = "", account: str = "", about: str = "", body: bool = True, at: str = "") -> int:
        """`by` is who the From says it is, `account` whose password it is, `about` whom the To of a REGISTER names, `at` where they believe to
        be. The final reply."""
        reply = self._once(method, to, by=by, about=about, nth=1, body=body, at=at)
        if reply.status == 401 and password:
            challenge, user = reply.get("www-authenticate"), account or by
            answer = sip.authorization(challenge, method=method, uri=self._uri(to), user=user, password=password)
            reply = self._once(method, to, by=by, about=about, nth=2, body=body, at=at, call_id=reply.call_id, more=("Authorization", answer))
        return reply.status

    def _uri(self, to: str) -> str:
        host = f"127.0.0.1:{self.exchange.server.sip_port}"
        return f"sip:{to}@{host}" if to else f"sip:{host}"

    def _once(
        self, method: str, to: str, *, by: str, about: str, nth: int, body: bool, at: str, call_id: str = "", more: tuple[str, str] | None = None
    ) -> sip.Message:
        port = self.line.getsockname()[1]
        headers = [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{token_hex(8)};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{by}@127.0.0.1>;tag={token_hex(4)}"),
            ("To", f"<sip:{about}@127.0.0.1>" if about else f"<{self._uri(to)}>"),
            ("Call-ID", call_id or token_hex(10)),
            ("CSeq", f"{nth} {method}"),
            ("Contact", f"<sip:{by}@{at or f'127.0.0.1:{port}'}>"),
            ("Expires", "60"),
            *BESIDES.get(method, []),
            *([more] if more else []),
        ]
        told = sip.sdp(port) if method == "INVITE" and body else ""
        if told:
            headers.append(("Content-Type", "application/sdp"))
        self.line.send(sip.written(f"{method} {self._uri(to)} SIP/2.0", headers, told))
        until = time.monotonic() + 5
        while (left := until - time.monotonic()) > 0 and select.select([self.line], [], [], left)[0]:
            reply = sip.parse(self.line.recv(65536))
            if reply is not None and reply.status >= 200 and reply.cseq == (nth, method):
                if method == "INVITE":
                    kept = [header for header in headers if header[0] in ("Via", "Max-Forwards", "From", "Call-ID")]
                    self.line.send(sip.written(f"ACK {self._uri(to)} SIP/2.0", [*kept, ("To", reply.get("to")), ("CSeq", f"{nth} ACK")]))
                return reply
        raise AssertionError(f"{method} to {to!r} by {by!r} has no reply")


@pytest.fixture
def stranger(exchange: Exchange) -> Iterator[Stranger]:
    exchange.as_new()
    made = Stranger(exchange)
    yield made
    made.line.close()
    assert [dialog for dialog in exchange.world.calls if not dialog.incoming] == [], "somebody was called"
    assert exchange.ari.question("channels").said == []


def test_a_phone_behind_a_router_of_its_own_is_called_where_it_registered_from(exchange: Exchange, stranger: Stranger) -> None:
    assert stranger.asks("REGISTER", "", by="ana", about="ana", password=exchange.server.station_password, at="192.0.2.50:5060") == 200
    leg = Leg(call_id=uuid4(), to=Address(AddressKind.STATION, "ana"), ring_for=timedelta(seconds=5), party="agent")
    assert exchange.carrier().place(leg) == Placed()
    assert select.select([stranger.line], [], [], 5)[0], "nothing comes to where they are"
    assert stranger.line.recv(65536).startswith(b"INVITE sip:ana@")
    assert exchange.carrier().hang_up(leg.call_id)
    _until(lambda: exchange.ari.question("channels").said == [], "it is over")


def test_strangers_reach_nobody(exchange: Exchange, stranger: Stranger) -> None:
    carrier, secret = exchange.carrier(), exchange.server.station_password
    page = Phone(name="browser-7-abc", browser=True, secret="of the page alone")
    assert carrier.admit(page)
    with carrier.listen() as subscription:
        # whoever writes a name into a From: nobody's, the trunk's, that of a pattern or of a telephone
        for name in ("nobody", "trunk", "ringmaster-phone", "ringmaster-browser", "ringmaster", "ana", page.name):
            for method in ("INVITE", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER", "OPTIONS"):
                assert stranger.asks(method, NUMBER, by=name) >= 400, f"{method} by {name}"
        assert stranger.asks("INVITE", NUMBER, by="ana", password="a guess") == 401

        # an agent with the password of their own telephone dials: nothing at all is reached
        for number in (NUMBER, "112", "ben", "trunk", "own", "guarded", "heard", "s", "echo", f"{NUMBER}%40trunk", "h"):
            assert stranger.asks("INVITE", number, by="ana", password=secret) in (403, 404, 603), number
        for method in ("SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER"):
            assert stranger.asks(method, NUMBER, by="ana", password=secret) >= 400, method
        # ... and with that of a page
        for number in (NUMBER, "112", "ben", "guarded", "s"):
            assert stranger.asks("INVITE", number, by=page.name, password=page.secret, body=False) in (403, 404, 488, 603), number

        # one's own password registers nobody else
        assert stranger.asks("REGISTER", "", by="ana", about="ana", password=secret) == 200
        assert stranger.asks("REGISTER", "", by="ana", about="ben", password=secret) >= 400
        assert stranger.asks("REGISTER", "", by="ben", about="ben", account="ana", password=secret) == 401
        assert stranger.asks("REGISTER", "", by=page.name, about=page.name, account="ana", password=secret) == 401
        assert stranger.asks("REGISTER", "", by="trunk", about="trunk", account="ana", password=secret) == 401
        here = [line.split()[1] for line in exchange.server.cli("pjsip show contacts").splitlines() if f":{stranger.line.getsockname()[1]}" in line]
        assert [contact.partition("/")[0] for contact in here] == ["ana"], here

        # the carrier itself reaches our application by a number, and nothing by any other name
        for name in ("echo", "own", "guarded", "heard", "s", "ana", "ringmaster-answered", "T", "h", "%2B34%26PJSIP"):
            there = exchange.world.incoming("+49301", name)
            _until(lambda there=there: there.status >= 400, f"{name} is turned away")  # type: ignore[misc]  # mypy cannot type a lambda with a default
        called = exchange.world.incoming("+49301", "+34910000000")
        _until(lambda: called.rang, "a number rings")
        exchange.world.hangs_up(called)
        reached: list[str] = []

        def told() -> bool:
            reached.extend(event.data["to"] for event in subscription.next(0.1) if event.data.get("to"))
            return bool(reached)

        _until(told, "who was called is told")
        assert reached == ["+34910000000"], "what reached us of all this"
    assert carrier.dismiss(page.name)
    exchange.world.station_up("ana")
    _until(lambda: not exchange.ari.question("channels").said, "every call is over")


def test_without_the_password_nothing_is_told_over_http_and_no_page_but_the_telephones_door(exchange: Exchange) -> None:
    exchange.start()
    port = exchange.server.ari_port

    def status(path: str, method: str = "GET", **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse().status
        connection.close()
        return answer

    wrong = b64encode(b"ringmaster:a guess").decode()
    right = b64encode(f"ringmaster:{exchange.server.password}".encode()).decode()
    for path in ("/ari/asterisk/info", "/ari/channels", "/ari/api-docs/resources.json", "/ari/events?app=ringmaster", "/ari/recordings/stored"):
        assert status(path) == 401, path
        assert status(path, Authorization=f"Basic {wrong}") == 401, path
        assert status(path + ("&" if "?" in path else "?") + "api_key=ringmaster:guess") == 401, path
    assert status("/ari/events?app=ringmaster", **HANDSHAKE) == 401
    for path in ("/", "/httpstatus", "/static/ajamdemo.html", "/rawman", "/manager", "/mxml", "/phoneprov/x", "/metrics", "/ari/../etc/passwd"):
        assert status(path) in (401, 404), path
    assert status("/ws", **HANDSHAKE, **{"Sec-WebSocket-Protocol": "sip"}) == 101
    assert status("/ari/channels/externalMedia?app=ringmaster&external_host=192.0.2.1:9&format=ulaw", "POST", Authorization=f"Basic {right}") >= 400
    # with the password of ARI too, no program is run and no file is read
    for dangerous in ("SHELL(id)", "FILE(/etc/passwd)", "ENV(PATH)", "DB(x/y)"):
        answer = exchange.ari.question("asterisk", "variable", variable=dangerous)
        assert not answer.ok or not answer.said.get("value"), dangerous


def test_with_a_certificate_carriers_and_pages_are_spoken_to_over_tls_alone_of_today(exchange: Exchange) -> None:
    exchange.start()
    server = exchange.server
    assert server.certificates is not None
    assert re.search(rf"tls\s+tls\s.*127\.0\.0\.1:{server.sip_tls_port}", server.cli("pjsip show transports"))
    trusting = ssl.create_default_context(cafile=str(server.certificates / asterisk.CERTIFICATE))
    for port in (server.sip_tls_port, server.ari_tls_port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, trusting.wrap_socket(plain, server_hostname="localhost") as line:
            assert line.version() in ("TLSv1.2", "TLSv1.3")
            if port == server.sip_tls_port:
                via = ("Via", f"SIP/2.0/TLS 127.0.0.1:{line.getsockname()[1]};branch=z9hG4bK{token_hex(8)};rport")
                headers = [via, ("From", "<sip:x@127.0.0.1>;tag=1"), ("To", "<sip:x@127.0.0.1>"), ("Call-ID", token_hex(8)), ("CSeq", "1 OPTIONS")]
                line.sendall(sip.written(f"OPTIONS sips:x@127.0.0.1:{port} SIP/2.0", [*headers, ("Max-Forwards", "70")]))
                answer = sip.parse(line.recv(4096))
                assert answer is not None
                assert answer.status == 401
    pages = http.client.HTTPSConnection("localhost", server.ari_tls_port, timeout=5, context=trusting)
    pages.request("GET", "/ws", headers={**HANDSHAKE, "Sec-WebSocket-Protocol": "sip"})
    assert pages.getresponse().status == 101
    pages.close()


def _until(so: Callable[[], object], what: str, within: float = 5.0) -> None:
    end = time.monotonic() + within
    while not so():
        assert time.monotonic() < end, what
        time.sleep(0.01)
