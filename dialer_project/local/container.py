"""A telephony node, in a container or on a host of its own: Asterisk's configuration is written from the same templates as everywhere, then
this process becomes Asterisk. Its only needs are Python and an Asterisk 22.

python3 -m dialer_project.local.container          for a supervisor of processes to start
python3 -m dialer_project.local.container is-up    ends with 0 where ARI answers
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from dialer_project.lib import env
from dialer_project.local import asterisk, places, say
from dialer_project.local.say import CannotGoOn


def become_asterisk() -> NoReturn:
    """Trunks are the *.conf files in TRUNKS, on the trunk template (docs/trunk.md says how one is written). ANNOUNCEMENTS_DIR is the
    folder into which this node's pump copies what was uploaded. CERTIFICATES may hold cert.pem and key.pem, for SIP over TLS, https and wss."""
    try:
        server = _server()
    except env.Misconfigured as wrong:
        raise CannotGoOn(str(wrong), remedy="correct it in the environment of this container") from wrong
    server.write()
    if (announcements := env.text("ANNOUNCEMENTS_DIR", "")) and not server.announcements.is_symlink():
        server.announcements.rmdir()
        server.announcements.symlink_to(announcements)
    trunks = Path(env.text("TRUNKS", "/etc/ringmaster/trunks"))
    given = server.folder / "etc" / "pjsip.d"
    for old in given.glob("given-*.conf"):  # one that was taken out of the folder is no trunk any more
        old.unlink()
    for written in sorted(trunks.glob("*.conf")):
        places.write_secretly(given / f"given-{written.name}", written.read_text())
    command = server.command("-f")
    os.execve(command[0], command, {"PATH": os.defpath})


def _way_out() -> str:
    """This machine's own address towards the world; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
        towards.connect(("192.0.2.1", 9))
        return str(towards.getsockname()[0])


def _seen_as() -> str:
    found = env.text("SEEN_AS", "")
    if found == "0.0.0.0":  # where to listen, and no place to go to
        raise env.Misconfigured("SEEN_AS should be the address at which phones and carriers reach us, found 0.0.0.0, for example SEEN_AS=203.0.113.7")
    return found


def _local_networks() -> tuple[str, ...] | None:
    """None: not said."""
    found = env.words("LOCAL_NETWORKS", ())
    for network in found:
        try:
            ipaddress.IPv4Network(network)
        except ValueError as wrong:
            raise env.Misconfigured(
                f"LOCAL_NETWORKS should be IPv4 networks, found {network!r}, for example LOCAL_NETWORKS=172.18.0.0/16,10.1.0.0/16"
            ) from wrong
    return found or None


def _server() -> asterisk.Asterisk:
    installed = asterisk.find()
    if installed is None:
        raise CannotGoOn(
            f"there is no Asterisk {asterisk.MAJOR} here", remedy="install it, or build the image from this project's Dockerfile, target asterisk"
        )
    certificates = Path(env.text("CERTIFICATES", "/etc/ringmaster/certificates"))
    return asterisk.Asterisk(
        Path(env.text("STATE_DIR", "/var/lib/ringmaster")),
        installed,
        rtp=(env.integer("RTP_FROM", 20000, at_least=1024, at_most=65000), env.integer("RTP_TO", 20999, at_least=1025, at_most=65535)),
        max_calls=env.integer("MAX_CALLS", 400, at_least=1),
        sip_address=env.text("SIP_ADDRESS", "0.0.0.0"),
        media_address=env.text("MEDIA_ADDRESS", "") or _way_out(),
        ari_address=env.text("ARI_ADDRESS", "127.0.0.1"),
        ari_tls_address=env.text("ARI_TLS_ADDRESS", "127.0.0.1"),
        seen_as=_seen_as(),
        local_networks=_local_networks(),
        secret=env.text("ARI_PASSWORD", example="thirty random characters"),
        ari_port=env.integer("ARI_PORT", 8088, at_least=1, at_most=65535),
        sip_port=env.integer("SIP_PORT", 5060, at_least=1, at_most=65535),
        ari_tls_port=env.integer("ARI_TLS_PORT", 8089, at_least=1, at_most=65535),
        sip_tls_port=env.integer("SIP_TLS_PORT", 5061, at_least=1, at_most=65535),
        certificates=certificates if (certificates / asterisk.CERTIFICATE).exists() else None,
    )


def is_up() -> bool:
    """Whether the one in this container answers ARI."""
    return _server().is_up()


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["is-up"]:
            sys.exit(not is_up())
        become_asterisk()
    except CannotGoOn as refusal:
        say.sorry(refusal)
        sys.exit(1)
