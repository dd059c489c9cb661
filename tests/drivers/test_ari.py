"""What the driver makes of an Asterisk that answers, but not as it should: nothing is concluded from that."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from telephony.drivers.asterisk.ari import Ari
from telephony.drivers.asterisk.driver import Asterisk
from telephony.drivers.base import Address, AddressKind, CarrierTimeout, CarrierUnreachable, Leg, Placed, Placing, Refused, Unclear
from telephony.rules.hangup_causes import Cause

GOOD: dict[str, tuple[int, Any]] = {
    "asterisk/info": (200, {"status": {"startup_time": "2026-11-21T12:00:00.000+0000"}}),
    "asterisk/ping": (200, {"timestamp": "2026-11-21T12:00:00.000+0000"}),
    "channels": (200, []),
    "bridges": (200, []),
    "endpoints/PJSIP": (404, {"message": "No Endpoints found"}),
    "asterisk/variable": (404, {"message": "Variable not found"}),
}


class Server:
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers = dict(GOOD)
        self.asked: list[tuple[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.removeprefix("/ari/").partition("?")[0]
                server.asked.append((self.command, path))
                status, said = server.answers.get(path, (404, {}))
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def carrier(server: Server) -> Asterisk:
    return Asterisk(server.url, password="secret")


def leg(to: Address) -> Leg:
    return Leg(call_id=uuid4(), to=to, message="sound:sorry")


NUMBER = Address(AddressKind.NUMBER, "+4930", "trunk")


def test_an_empty_listing_is_believed_only_where_everything_was_answered(server: Server, carrier: Asterisk) -> None:
    assert carrier.list().calls == []
    for path in ("channels", "bridges", "asterisk/ping", "asterisk/info"):
        server.answers = {**GOOD, path: (503, {"message": "not yet"})}
        with pytest.raises(CarrierTimeout):
            carrier.list()


def test_an_asterisk_that_refuses_our_password_cannot_be_asked(server: Server, carrier: Asterisk) -> None:
    server.answers["asterisk/info"] = (401, {})
    with pytest.raises(CarrierUnreachable, match="refuses our user or password"):
        carrier.boot()


@pytest.mark.parametrize(
    ("status", "to", "expected"),
    [
        (200, NUMBER, Placed()),
        (409, NUMBER, Refused(Cause.FAILED, "There is a call of this id.", already_there=True)),
        (500, NUMBER, Refused(Cause.CONGESTION, "Allocation failed")),
        (500, Address(AddressKind.STATION, "ana"), Refused(Cause.UNAVAILABLE, "Allocation failed")),
        (400, NUMBER, Refused(Cause.FAILED, "Allocation failed")),
    ],
)
def test_what_a_status_means_for_a_call(server: Server, carrier: Asterisk, status: int, to: Address, expected: Placing) -> None:
    server.answers["channels"] = (status, {"error": "Allocation failed"})
    assert carrier.place(leg(to)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (503, Refused(Cause.CONGESTION, "503")),  # an Asterisk that is stopping
        (502, Unclear("A proxy answers 502.")),
        (504, Unclear("A proxy answers 504.")),
        (200, Unclear("No reply in time.")),
    ],
)
def test_a_page_in_place_of_a_reply_is_not_believed(server: Server, carrier: Asterisk, status: int, expected: Placing) -> None:
    server.answers["channels"] = (status, b"<!DOCTYPE HTML><title>Shutdown in progress</title>")
    assert carrier.place(leg(NUMBER)) == expected


@pytest.mark.parametrize(
    "to",
    [
        Address(AddressKind.NUMBER, "+49&PJSIP/other", "trunk"),
        Address(AddressKind.NUMBER, "+4930", "trunk/sip:elsewhere"),
        Address(AddressKind.STATION, "ana@trunk"),
        Address(AddressKind.STATION, ""),
    ],
)
def test_nothing_that_could_dial_something_else_gets_into_a_dial_string(server: Server, carrier: Asterisk, to: Address) -> None:
    refused = carrier.place(leg(to))
    assert isinstance(refused, Refused)
    assert refused.cause is Cause.INVALID_NUMBER
    assert server.asked == []


def test_an_announcement_is_a_name_and_no_path(server: Server, carrier: Asterisk) -> None:
    assert not carrier.play(uuid4(), "../../etc/passwd")
    assert isinstance(carrier.place(Leg(call_id=uuid4(), to=NUMBER, message="a,b")), Refused)
    assert server.asked == []


def test_what_follows_a_call_without_reply_is_not_sent(server: Server, carrier: Asterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[Placing] = [Placed(), Unclear("No reply in time.")]
    monkeypatch.setattr(carrier, "place", lambda leg: placed.pop(0))

    results = carrier.place_many([leg(NUMBER) for _ in range(4)])

    assert results[:2] == [Placed(), Unclear("No reply in time.")]
    assert [type(each) for each in results[2:]] == [Refused, Refused]
    assert {each.cause for each in results if isinstance(each, Refused)} == {Cause.CANCELLED}


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 101 Switching Protocols\r\n", b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"])
def test_an_asterisk_that_goes_away_while_we_begin_to_listen_is_not_there(says: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def goes_away() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(says)
            connection.close()

        Thread(target=goes_away, daemon=True).start()
        with pytest.raises((CarrierUnreachable, CarrierTimeout)):
            Asterisk(f"http://127.0.0.1:{listener.getsockname()[1]}", password="secret").listen()


CALL = uuid4()
ENTERED = {
    "type": "ChannelEnteredBridge",
    "timestamp": "2026-11-21T12:00:01.000+0000",
    "channel": {"id": str(CALL), "state": "Up"},
    "bridge": {"id": str(uuid4()), "channels": [str(CALL)]},
}
Answering = Callable[[dict[str, Any]], list[dict[str, Any]]]


def done(asked: dict[str, Any], status: int = 204) -> dict[str, Any]:
    return {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status}


class Socket:
    """The websocket of a server that says, to each request over it, what `answering` gives."""

    def __init__(self, answering: Answering) -> None:
        self.asked: list[str] = []

        def handle(connection: ServerConnection) -> None:
            try:
                for raw in connection:
                    asked = json.loads(raw)
                    self.asked.append(f"{asked['method']} {asked['uri'].partition('?')[0]}")
                    for told in answering(asked):
                        connection.send(json.dumps(told))
            except ConnectionClosed:
                pass

        self._server = serve(handle, "127.0.0.1", 0, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture
def speaks(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answering], Socket]]:
    server.answers |= {path: (200, {}) for path in ("applications/ringmaster/subscription", "applications/ringmaster/eventFilter")}
    made: list[Socket] = []

    def speaks(answering: Answering) -> Socket:
        made.append(Socket(answering))
        monkeypatch.setattr(Ari, "websocket", lambda self: made[-1].url)
        return made[-1]

    yield speaks
    for each in made:
        each.close()


def test_whoever_listens_asks_over_the_websocket_and_loses_nothing_that_is_told_meanwhile(
    server: Server, carrier: Asterisk, speaks: Callable[[Answering], Socket]
) -> None:
    spoken = speaks(lambda asked: [done(asked)] if "ping" in asked["uri"] else [ENTERED, done(asked)])
    bridge, called = uuid4(), []

    with carrier.listen() as listening:
        before = len(server.asked)
        assert carrier.connect(bridge, CALL)
        by_another = Thread(target=lambda: called.append(carrier.hang_up(CALL)))
        by_another.start()
        by_another.join()

        assert spoken.asked[-2:] == [f"POST bridges/{bridge}", f"POST bridges/{bridge}/addChannel"]
        assert server.asked[before:] == [("DELETE", f"channels/{CALL}")], "another thread has its own connection"
        assert [event.call_id for event in listening.next(1.0)] == [CALL]
    assert called == [False]


def test_an_asterisk_that_takes_no_requests_over_its_websocket_is_asked_by_http(
    server: Server, carrier: Asterisk, speaks: Callable[[Answering], Socket]
) -> None:
    spoken = speaks(lambda asked: [])
    carrier._ari.reply_within = 0.2

    with carrier.listen():
        assert not carrier.hang_up(CALL)

    assert spoken.asked == ["GET asterisk/ping"]
    assert server.asked[-1] == ("DELETE", f"channels/{CALL}")


def test_a_reply_that_comes_too_late_is_taken_for_no_other(server: Server, carrier: Asterisk, speaks: Callable[[Answering], Socket]) -> None:
    late: list[dict[str, Any]] = []

    def answering(asked: dict[str, Any]) -> list[dict[str, Any]]:
        if "hold" in asked["uri"]:
            late.append(done(asked))
            return []
        return [*late, done(asked, 200 if "ping" in asked["uri"] else 404)]

    speaks(answering)
    carrier._ari.reply_within = 0.2
    with carrier.listen() as listening:
        with pytest.raises(CarrierTimeout, match="no reply to POST channels"):
            carrier._tell(CALL, "hold")
        assert not carrier.hang_up(CALL)
        assert listening.next(0.05) == []


def test_a_connection_that_asterisk_has_closed_is_made_again(server: Server, carrier: Asterisk) -> None:
    before = carrier.boot()
    carrier._ari._mine.conversation._connection.sock.shutdown(2)
    assert carrier.boot() == before
