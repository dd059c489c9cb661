"""Asterisk in a container: its configuration is written from the same templates as everywhere, then this process becomes it.

python3 -m dialer_project.local.container
"""

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import NoReturn

from dialer_project.lib import env
from dialer_project.local import asterisk, say
from dialer_project.local.say import CannotGoOn


def become_asterisk() -> NoReturn:
    """Trunks are the *.conf files in TRUNKS, on the trunk template (docs/telephony.md says how one is written). ANNOUNCEMENTS_DIR is the
    folder into which this node's pump copies what was uploaded."""
    try:
        server = _server()
    except env.Misconfigured as wrong:
        raise CannotGoOn(str(wrong), remedy="correct it in the environment of this container") from wrong
    server.write()
    if (announcements := env.text("ANNOUNCEMENTS_DIR", "")) and not server.announcements.is_symlink():
        server.announcements.rmdir()
        server.announcements.symlink_to(announcements)
    trunks = Path(env.text("TRUNKS", "/etc/ringmaster/trunks"))
    for written in sorted(trunks.glob("*.conf")):
        shutil.copyfile(written, server.folder / "etc" / "pjsip.d" / written.name)
    command = server.command("-f")
    os.execve(command[0], command, {"PATH": os.defpath})


def _way_out() -> str:
    """This machine's own address towards the world; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
        towards.connect(("192.0.2.1", 9))
        return str(towards.getsockname()[0])


def _server() -> asterisk.Asterisk:
    installed = asterisk.find()
    if installed is None:
        raise CannotGoOn(f"there is no Asterisk {asterisk.MAJOR} here", remedy="build the image from this project's Dockerfile, target asterisk")
    return asterisk.Asterisk(
        Path(env.text("STATE_DIR", "/var/lib/ringmaster")),
        installed,
        rtp=(env.integer("RTP_FROM", 20000, at_least=1024, at_most=65000), env.integer("RTP_TO", 20999, at_least=1025, at_most=65535)),
        max_calls=env.integer("MAX_CALLS", 400, at_least=1),
        sip_address=env.text("SIP_ADDRESS", "0.0.0.0"),
        media_address=env.text("MEDIA_ADDRESS", "") or _way_out(),
        ari_address=env.text("ARI_ADDRESS", "0.0.0.0"),
        seen_as=env.text("SEEN_AS", ""),
        secret=env.text("ARI_PASSWORD", example="thirty random characters"),
        ari_port=env.integer("ARI_PORT", 8088, at_least=1, at_most=65535),
        sip_port=env.integer("SIP_PORT", 5060, at_least=1, at_most=65535),
    )


if __name__ == "__main__":
    try:
        become_asterisk()
    except CannotGoOn as refusal:
        say.sorry(refusal)
        sys.exit(1)
