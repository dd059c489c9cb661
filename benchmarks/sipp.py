"""People and phones for measuring, by SIPp: whoever is called answers at once, says nothing, and puts the phone down after a while."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialer_project.local import processes

NEEDED = "This benchmark calls people made by SIPp. Install it, on Debian and Ubuntu with: apt install sip-tester"
_REPLY = """  <send{retrans}><![CDATA[
      SIP/2.0 {status}
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]W[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:world@[local_ip]:[local_port]>
      {body}
  ]]></send>
"""
_SOUND = """Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=world 1 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000
"""
_SILENT = """Content-Length: 0

"""
SCENARIO = (
    """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="world">
  <recv request="INVITE" rrs="true">
    <action>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="called"/>
      <ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="contact"/>
    </action>
  </recv>
"""
    + _REPLY.format(retrans="", status="180 Ringing", body=_SILENT)
    + _REPLY.format(retrans=' retrans="500"', status="200 OK", body=_SOUND)
    + """  <recv request="ACK"/>
  <recv request="BYE" timeout="{talks}" ontimeout="leave"/>
"""
    + _REPLY.format(retrans="", status="200 OK", body=_SILENT).replace(";tag=[pid]W[call_number]", "")
    + """  <nop next="over"/>
  <label id="leave"/>
  <send retrans="500"><![CDATA[
      BYE [$contact] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From:[$called];tag=[pid]W[call_number]
      To:[$caller]
      Call-ID: [call_id]
      CSeq: 1 BYE
      Max-Forwards: 70
      Content-Length: 0

  ]]></send>
  <recv response="200"/>
  <label id="over"/>
</scenario>
"""
)


def needed() -> None:
    if shutil.which("sipp") is None:
        sys.exit(NEEDED)


@contextmanager
def world(folder: Path, port: int, *, talks_for: float) -> Iterator["subprocess.Popen[bytes]"]:
    """Whoever is called on this port answers and hangs up after so many seconds, unless the other side does before."""
    scenario = folder / f"world-{port}.xml"
    scenario.write_text(SCENARIO.replace("{talks}", str(int(talks_for * 1000))))
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-nostdin", "-l", "3000"]
    started = processes.start([*command, "-cp", str(processes.free_port())], log=folder / f"world-{port}.log", cwd=folder)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
