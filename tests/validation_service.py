"""A small validation service to test against and to copy from: the protocol of docs/validation.md, with ways to fail.

    python -m tests.validation_service --port 8191 --listed +12125550123 --fault slow

and OUTGOING_TRUSTED=http://127.0.0.1:8191 for the product that is to ask it.
"""

import argparse
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class Fault(StrEnum):
    NONE = "none"
    SLOW = "slow"  # answers, but later than anybody waits
    DRIPS = "drips"  # a byte now and then, without end
    ERROR = "error"  # 500
    GARBAGE = "garbage"  # no JSON
    HALF = "half"  # JSON, and a number is missing
    HUGE = "huge"  # more than anybody reads
    ELSEWHERE = "elsewhere"  # redirects
    HANGS_UP = "hangs_up"


@dataclass
class Register:
    """What the service knows. Every number it does not know otherwise is clear."""

    listed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    secret: str = ""
    fault: Fault = Fault.NONE
    stumbles: set[str] = field(default_factory=set)  # a question with one of these fails whole
    asked: list[list[str]] = field(default_factory=list)

    def answer(self, body: bytes, *, secret: str = "") -> tuple[int, bytes]:
        """A status and what is said; the faults of a connection are the server's."""
        if secret != self.secret:
            return 401, b""
        try:
            numbers = list(map(str, json.loads(body)["numbers"]))
        except (ValueError, KeyError, TypeError):
            return 400, b""
        self.asked.append(numbers)
        match self.fault:
            case _ if self.stumbles.intersection(numbers):
                return 400, b"no such number"
            case Fault.ERROR:
                return 500, b"out of order"
            case Fault.GARBAGE:
                return 200, b"<html>welcome</html>"
            case Fault.HALF:
                return 200, self._said(numbers[1:])
            case Fault.HUGE:
                return 200, b" " * (2 * 1024 * 1024) + self._said(numbers)
        return 200, self._said(numbers)

    def _said(self, numbers: Iterable[str]) -> bytes:
        words = {number: "listed" if number in self.listed else "unknown" if number in self.unknown else "clear" for number in numbers}
        return json.dumps({"numbers": words}).encode()


class Server:
    """The register over HTTP, for as long as the block lasts. `stops` and `starts` make it go down and come back at the same address."""

    def __init__(self, register: Register, *, port: int = 0) -> None:
        self.register = register
        self._port = port
        self._over = threading.Event()
        self.starts()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/validate"

    def starts(self) -> None:
        register, over = self.register, self._over

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, said = register.answer(body, secret=self.headers.get("Authorization", ""))
                match register.fault:
                    case Fault.SLOW:
                        over.wait(30)
                    case Fault.HANGS_UP:
                        self.close_connection = True
                        return
                    case Fault.ELSEWHERE:
                        self.send_response(302)
                        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
                        self.end_headers()
                        return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if register.fault is Fault.DRIPS:
                    for byte in said:
                        self.wfile.write(bytes([byte]))
                        if over.wait(0.2):
                            return
                else:
                    self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: what was asked is in the register."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # who asked has gone: that is the test
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stops(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self.stops()


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--port", type=int, default=8191)
    given.add_argument("--listed", nargs="*", default=[], help="numbers in E.164")
    given.add_argument("--unknown", nargs="*", default=[], help="numbers it cannot speak about")
    given.add_argument("--secret", default="", help="what the Authorization header must say")
    given.add_argument("--fault", type=Fault, default=Fault.NONE, choices=list(Fault))
    asked = given.parse_args()
    with Server(Register(set(asked.listed), set(asked.unknown), asked.secret, asked.fault), port=asked.port) as server:
        print(f"answers at {server.url}")
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
