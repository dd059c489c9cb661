"""Asking servers of others: where it may lead, and what an answer may be."""

import ipaddress
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns.rules.number_checks import question
from dialer_project.lib import outgoing
from dialer_project.lib.outgoing import Failed, Reply
from tests.validation_service import Fault, Register, Server

MARIA = "+34600000001"


@pytest.fixture
def served(settings: Any) -> Iterator[Server]:
    with Server(Register(listed={MARIA})) as server:
        settings.OUTGOING_TRUSTED = (server.url,)
        yield server


def asked(server: Server, *, within: float = 5.0, at_most: int = 100_000) -> Reply | Failed:
    return outgoing.post(server.url, question([MARIA]), headers={"Content-Type": "application/json"}, within=within, at_most=at_most)


def test_an_origin_that_is_trusted_is_asked_and_answers(served: Server) -> None:
    assert asked(served) == Reply(200, b'{"numbers": {"+34600000001": "listed"}}')


def test_without_trust_a_private_plain_origin_is_not_asked(served: Server, settings: Any) -> None:
    settings.OUTGOING_TRUSTED = ("http://127.0.0.1:1",)
    assert isinstance(asked(served), Failed)
    assert not served.register.asked


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.DRIPS])
def test_the_time_is_for_the_whole_exchange(served: Server, fault: Fault) -> None:
    served.register.fault = fault
    began = time.monotonic()
    assert asked(served, within=0.5) == Failed("it did not answer within 0.5 seconds")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("fault", "why"), [(Fault.HUGE, "longer than 100000 bytes"), (Fault.HANGS_UP, "could not be reached")])
def test_an_answer_without_end_or_without_beginning_is_none(served: Server, fault: Fault, why: str) -> None:
    served.register.fault = fault
    failed = asked(served)
    assert isinstance(failed, Failed)
    assert why in failed.why


def test_a_redirect_is_not_followed(served: Server) -> None:
    served.register.fault = Fault.ELSEWHERE
    assert asked(served) == Reply(302, b"")


def test_a_server_that_is_down_could_not_be_reached_and_is_asked_again_when_it_is_back(served: Server) -> None:
    served.stops()
    failed = asked(served)
    assert isinstance(failed, Failed)
    assert "could not be reached" in failed.why
    served.starts()
    assert isinstance(asked(served), Reply)


@pytest.mark.parametrize(
    "url",
    [
        "http://checker.example/",
        "ftp://checker.example/",
        "file:///etc/passwd",
        "checker.example",
        "//checker.example/",
        "https://",
        "https:///path",
        "https://name:password@checker.example/",
        "https://checker.example@127.0.0.1/",
        "https://checker.example:22/",
        "https://checker.example:99999/",
        "https://checker.example/\r\nHost: other",
        "https://chécker.example/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://240.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
    ],
)
def test_an_address_that_may_not_be_asked_says_why(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("it was looked up"))
    assert outgoing.may_be_asked(url).endswith((".", "OUTGOING_TRUSTED."))
    assert isinstance(outgoing.post(url, b"", headers={}, within=1), Failed)


@pytest.mark.parametrize(
    ("host", "leads_to"),
    [
        ("rebinds.example", ["127.0.0.1"]),
        ("one-of-two.example", ["93.184.216.34", "10.0.0.1"]),
        ("six.example", ["::1"]),
        ("2130706433", ["127.0.0.1"]),  # numbers that the resolver reads as an address
        ("0x7f.1", ["127.0.0.1"]),
        ("017700000001", ["127.0.0.1"]),
        ("127.1", ["127.0.0.1"]),
        ("metadata.internal", ["169.254.169.254"]),
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(host: str, leads_to: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in leads_to]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it was connected to"))
    assert outgoing.post(f"https://{host}/", b"", headers={}, within=1) == Failed("its name leads to an address that is not public")


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up, connected = [], []

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert isinstance(outgoing.post("https://checker.example/", b"", headers={}, within=1), Failed)
    assert (looked_up, connected) == (["checker.example"], [("93.184.216.34", 443)])


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::", "2a00:1450:4003::5"])
def test_the_open_network_may_be_asked(address: str) -> None:
    assert outgoing.is_public(ipaddress.ip_address(address))
