"""A product of a few small processes under the real supervisor, run as a process of its own: python -m tests.local.little_product KIND

It takes STATE_DIR and PORT from the environment, as the real one does.
"""

import os
import sys
from pathlib import Path

from dialer_project.local import places, product, say, servers, supervisor
from dialer_project.local.ending import Ended, ending
from dialer_project.local.say import CannotGoOn
from dialer_project.local.supervisor import Program, Supervisor

SLEEPS = "import time; time.sleep(600)"
HAS_A_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]); print('up', flush=True); {SLEEPS}"
IS_DEAF = f"import signal; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT)]; print('up', flush=True); {SLEEPS}"
DIES = "import sys; print('no bread today'); sys.exit(3)"
DIES_ONCE = f"import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.exists() or (p.touch(), sys.exit(3)); {SLEEPS}"

supervisor.FIRST_PAUSE = 0.05


def come_up(started: Supervisor, port: int) -> None:
    env = {**os.environ, "STATE_DIR": str(started.state)}

    def program(name: str, code: str, *, wave: int = 1, ready: str = "", grace: float = 5) -> Program:
        up = (lambda child: child.said(ready)) if ready else None
        return Program(name, (sys.executable, "-c", code, str(started.state / "once")), wave, env, ready=up, grace=grace)

    kinds = {
        "parents": [program("parent", HAS_A_CHILD, ready="up"), program("web", f"print('up', flush=True); {SLEEPS}", wave=2, ready="up")],
        "deaf": [program("deaf", IS_DEAF, ready="up", grace=0.5)],
        "dies": [program("good", SLEEPS), program("hungry", DIES)],
        "dies-once": [program("hungry", DIES_ONCE)],
        "servers": [],
    }
    if sys.argv[1] == "servers":
        say.line(servers.bring_up(started, given={})["DATABASE_URL"])
    started.start(*kinds[sys.argv[1]])
    say.line("ready")


def main() -> int:
    ending.listen()
    try:
        port = product.wanted_port()
        return product.keep_running(places.make_writable(Path(os.environ["STATE_DIR"])), port, come_up=come_up)
    except CannotGoOn as refusal:
        say.sorry(refusal)
        return 1
    except Ended:
        return 130


if __name__ == "__main__":
    sys.exit(main())
