"""SIP as far as a simulated telephone needs it: messages read and written, the SDP of one voice stream, digest authentication."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from secrets import token_hex
from urllib.parse import unquote

Headers = list[tuple[str, str]]
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type"}
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    404: "Not Found",
    480: "Temporarily Unavailable",
    481: "Call Does Not Exist",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}
VOICE, EVENTS = 0, 101  # RTP payload types: PCMU, and keys pressed


@dataclass(slots=True)
class Message:
    """A request (method, uri) or a response (status). Header names are lower case."""

    method: str = ""
    uri: str = ""
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: str = ""

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def user(self) -> str:
        """Whom a request is for."""
        return user_of(self.uri)

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()


def parse(datagram: bytes) -> Message | None:
    """None where it is no SIP: a keep-alive, noise."""
    head, _, body = datagram.decode(errors="replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 3 or "SIP/2.0" not in (words[0], words[2]):
        return None
    headers: Headers = []
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.append((COMPACT.get(name, name), value.strip()))
    if words[0] == "SIP/2.0":
        return Message(status=int(words[1]), headers=headers, body=body)
    return Message(method=words[0], uri=words[1], headers=headers, body=body)


def written(first: str, headers: Iterable[tuple[str, str]], body: str = "") -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def response(to: Message, status: int, *, tag: str, contact: str, body: str = "") -> bytes:
    """`tag` is ours in the dialog, which a 100 does not open."""
    told = to.get("to") if status == 100 or ";tag=" in to.get("to") else f"{to.get('to')};tag={tag}"
    headers: Headers = [("Via", via) for via in to.all("via")]
    headers += [("From", to.get("from")), ("To", told), ("Call-ID", to.call_id), ("CSeq", to.get("cseq"))]
    headers += [("Contact", f"<{contact}>"), ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS")]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    return written(f"SIP/2.0 {status} {REASONS.get(status, 'Unknown')}", headers, body)


def user_of(address: str) -> str:
    found = re.search(r"sips?:([^@;>]+)@", address)
    return unquote(found[1]) if found else ""


def uri_of(header: str) -> str:
    """The address inside a Contact, To or From."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.partition(";")[0].strip()


def sdp(port: int, direction: str = "sendrecv") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {VOICE} {EVENTS}\r\na=rtpmap:{VOICE} PCMU/8000\r\n"
        f"a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\na=ptime:20\r\na={direction}\r\n"
    )


def media_of(body: str) -> tuple[str, int] | None:
    """Where the other side wants to hear us."""
    port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    return (host[1], int(port[1])) if port and host and port[1] != "0" else None


def authorization(challenge: str, *, method: str, uri: str, user: str, password: str) -> str:
    """The answer to a digest challenge."""
    asked: Mapping[str, str] = {name: value for name, value in re.findall(r'(\w+)="?([^",]*)"?', challenge)}
    realm, nonce, fresh = asked.get("realm", ""), asked.get("nonce", ""), token_hex(8)

    def digest(text: str) -> str:
        return md5(text.encode(), usedforsecurity=False).hexdigest()

    first, second = digest(f"{user}:{realm}:{password}"), digest(f"{method}:{uri}")
    answer = digest(f"{first}:{nonce}:00000001:{fresh}:auth:{second}")
    opaque = f', opaque="{asked["opaque"]}"' if asked.get("opaque") else ""
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{answer}", algorithm=MD5, '
        f'qop=auth, nc=00000001, cnonce="{fresh}"{opaque}'
    )
