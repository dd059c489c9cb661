"""An Asterisk of our own: the machine's if it is new enough, else Debian's or Ubuntu's package unpacked beside us, without root and without
installing anything; and the configuration it runs on, from the templates in telephony/asterisk."""

import base64
import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from dialer_project.local import places, processes, say, virtualenv
from dialer_project.local.ending import ending
from dialer_project.local.places import PROJECT
from dialer_project.local.say import CannotGoOn
from dialer_project.local.supervisor import Program, mark

TEMPLATES = PROJECT / "telephony" / "asterisk"
WITHOUT = "WITHOUT_ASTERISK"
MAJOR = 22
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav", "asterisk-moh-opsound-wav")
APPLICATION = USER = "ringmaster"
LANGUAGE = "en_US_f_Allison"  # where Debian's package of English prompts puts them
# Asterisk complains at every start where these are missing; it needs nothing in them.
EMPTY = ("acl", "ccss", "cel", "cli", "features", "geolocation", "manager", "res_parking", "udptl", "pjproject", "websocket_client")
CERTIFICATE, KEY = "cert.pem", "key.pem"  # in PEM; with the certificate whatever leads from it to an authority
WITH_CERTIFICATE = ("http_tls.conf", "pjsip_tls.conf")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # whom Debian and Ubuntu trust
# What a package brings for its installation and a running Asterisk never opens.
NOT_UNPACKED = re.compile(
    r"(adduser|passwd|debconf|dpkg|tar|perl|perl-base|perl-modules.*|libperl.*|gnupg.*|gpg.*|dirmngr|pinentry.*|login.*|libpam.*|debianutils|bash|"
    r"coreutils|base-.*|init-.*|sysv.*|systemd.*|mawk|sed|grep|util-linux|mount|findutils|gzip|diffutils|hostname|bsdutils|libc-bin|ncurses-.*)_"
)
NOT_NEEDED = ("doc", "man", "locale", "lintian", "icons", "zoneinfo")


@dataclass(frozen=True)
class Distribution:
    """Where Asterisk 22 is had from: `suite` is the newest one, since older ones have an older Asterisk or none."""

    suite: str
    components: str
    keyring: Path


DISTRIBUTIONS = {
    "debian": Distribution("sid", "main", Path("/usr/share/keyrings/debian-archive-keyring.gpg")),
    "ubuntu": Distribution("devel", "main universe", Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")),
}


@dataclass(frozen=True)
class Installed:
    """An Asterisk that runs on this machine."""

    command: tuple[str, ...]
    root: Path

    @property
    def modules(self) -> Path:
        return next(self.root.glob("usr/lib/*/asterisk/modules"), self.root / "usr/lib/asterisk/modules")

    @property
    def data(self) -> Path:
        return self.root / "usr/share/asterisk"


def not_wanted() -> bool:
    """WITHOUT_ASTERISK=1: the tests go without it, and say so."""
    return os.environ.get(WITHOUT, "").strip() not in ("", "0")


def find_or_install(log: Path) -> Installed:
    found = find()
    if found is None:
        _unpack(_cached(), log)
        found = find()
    if found is None:
        raise _cannot("the unpacked Asterisk does not start", details=log)
    return found


def find() -> Installed | None:
    """The one that is named, the machine's, or the one unpacked before."""
    named = os.environ.get("ASTERISK_ROOT", "").strip()
    if named:
        installed = _works(_unpacked(Path(named))) or _works(Installed((str(Path(named) / "usr/sbin/asterisk"),), Path(named)))
        if installed is None:
            raise CannotGoOn(f"ASTERISK_ROOT={named} holds no Asterisk {MAJOR} that starts", remedy="correct ASTERISK_ROOT, or unset it")
        return installed
    own = shutil.which("asterisk")
    return (_works(Installed((own,), Path("/"))) if own else None) or _works(_unpacked(_cached()))


def _cached() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(base).expanduser() / "ringmaster" / f"asterisk-{MAJOR}"


def _unpacked(root: Path) -> Installed:
    """Started by its own loader with its own libraries: it may need newer ones than the machine has."""
    loader = next((path for path in (root / "usr/lib64/ld-linux-x86-64.so.2", *root.glob("usr/lib/ld-linux-*.so.*")) if path.exists()), root / "none")
    libraries = ":".join(str(path) for path in sorted(root.glob("usr/lib/*-linux-gnu")))
    return Installed((str(loader), "--library-path", libraries, str(root / "usr/sbin/asterisk")), root)


def _works(installed: Installed) -> Installed | None:
    with contextlib.suppress(OSError):
        told = subprocess.run([*installed.command, "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        if re.match(rf"Asterisk {MAJOR}\.", told):
            return installed
    return None


def _cannot(why: str, *, details: Path | None = None) -> CannotGoOn:
    more = f" (details in {details})" if details else ""
    return CannotGoOn(
        f"there is no Asterisk {MAJOR} for the tests on a real carrier: {why}",
        remedy=f"install Asterisk {MAJOR}, or name the folder it lies in with ASTERISK_ROOT, or go without those tests with {WITHOUT}=1{more}",
    )


# --- getting it ----------------------------------------------------------------------------------------------------------------------


def _unpack(to: Path, log: Path) -> None:
    """apt chooses, checks the signatures and downloads, for an imagined empty machine, so that every library comes along; we only unpack."""
    distribution = _distribution()
    mirror = _mirror()
    if not all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb", "tar")):
        raise _cannot("it is fetched with apt-get, dpkg-deb and tar, and this machine lacks them")
    if not distribution.keyring.exists():
        raise _cannot(f"the keys to check it with are missing, {distribution.keyring}")
    say.progress(f"fetching Asterisk {MAJOR} (once, about 180 MB)")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asterisk-", dir=to.parent) as folder:
        work = Path(folder)
        options = _apt(work, f"deb [signed-by={distribution.keyring}] {mirror} {distribution.suite} {distribution.components}\n")
        for command in (["update"], ["install", "--download-only", *PACKAGES]):
            code, said = virtualenv.run_logged(["apt-get", "-y", "-q", *options, *command], log=log)
            if code:
                last = next((row for row in reversed(said.splitlines()) if row.startswith("E:")), f"apt-get ended with code {code}")
                raise _cannot(f"it could not be fetched: {last.removeprefix('E: ')}", details=log)
        fresh = work / "root"
        fresh.mkdir()
        for package in sorted((work / "cache" / "archives").glob("*.deb")):
            if not NOT_UNPACKED.match(package.name):
                _unpack_package(package, fresh)
        shutil.rmtree(to, ignore_errors=True)
        fresh.rename(to)


def _apt(work: Path, source: str) -> list[str]:
    """A private apt: its own lists, cache and imagined machine; of this machine only how it reaches the network."""
    for name in ("lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "etc/sources.list.d"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "etc/sources.list").write_text(source)
    for own in Path("/etc/apt/apt.conf.d").glob("*"):
        with contextlib.suppress(OSError):
            shutil.copy(own, work / "etc/apt.conf.d")
    settings = {
        "Dir::Etc": work / "etc",
        "Dir::Etc::sourcelist": work / "etc/sources.list",
        "Dir::Etc::sourceparts": work / "etc/sources.list.d",
        "Dir::Etc::preferencesparts": work / "etc/preferences.d",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        # a mirror may lag behind; what it has is signed all the same
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Check-Date": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "APT::Update::Post-Invoke": "",
        "DPkg::Post-Invoke": "",
        "Debug::NoLocking": "1",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _unpack_package(package: Path, to: Path) -> None:
    left_out = [f"--exclude=./usr/share/{name}/*" for name in NOT_NEEDED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reading:
        tar = subprocess.run(
            ["tar", "-x", "-C", str(to), "--no-same-owner", "--keep-directory-symlink", *left_out],
            stdin=reading.stdout,
            capture_output=True,
            text=True,
        )
    if tar.returncode or reading.returncode:
        raise _cannot(f"{package.name} could not be unpacked: {tar.stderr.strip()}")


def _distribution() -> Distribution:
    with contextlib.suppress(OSError):
        told = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        names = [told.get("ID", ""), *told.get("ID_LIKE", "").split()]
        for name in names:
            if (found := DISTRIBUTIONS.get(name.strip('"'))) is not None:
                return found
    raise _cannot("it is fetched on Debian and Ubuntu only")


def _mirror() -> str:
    """The one this machine uses, whichever way it is written down."""
    for file in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
        if found := re.search(r"^URIs:\s*(\S+)", file.read_text(), re.MULTILINE):
            return found[1]
    for file in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt").glob("sources.list.d/*.list"))):
        if file.exists() and (found := re.search(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)", file.read_text(), re.MULTILINE)):
            return found[1]
    raise _cannot("this machine names no package mirror under /etc/apt")


# --- running it ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Asterisk:
    """One server in a folder of its own, on the loopback; `stations` register with their name and `station_password`.

    sip_address, media_address, ari_address: elsewhere than on the loopback, where it runs in a container; seen_as: the address at which
    carriers and phones reach it there, which all are told but those in local_networks (None: the networks this machine is in). secret: ARI's password, where it is not one of its own. trunks: name -> host:port of the carrier; an
    empty one gives a trunk nobody is at.
    """

    folder: Path
    installed: Installed
    trunks: Mapping[str, str] = field(default_factory=dict)
    stations: tuple[str, ...] = ()
    station_silent_for: int = 5  # seconds without sound after which a station's leg is hung up
    rtp: tuple[int, int] = (20000, 23999)
    max_calls: int = 2000
    sip_address: str = "127.0.0.1"
    media_address: str = "127.0.0.1"
    ari_address: str = "127.0.0.1"
    seen_as: str = ""
    local_networks: Sequence[str] | None = None
    secret: str = ""
    certificates: Path | None = None  # a folder with CERTIFICATE and KEY: SIP over TLS, https and wss as well
    ari_tls_address: str = "127.0.0.1"
    pages_on_loopback: bool = False  # a page's sound stays on the loopback, which only a browser started for that accepts
    ari_port: int = field(default_factory=processes.free_port)
    sip_port: int = field(default_factory=processes.free_port)
    ari_tls_port: int = field(default_factory=processes.free_port)
    sip_tls_port: int = field(default_factory=processes.free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ari_port}"

    @property
    def password(self) -> str:
        return self.secret or places.kept_secret(self.folder / "ari.password")

    @property
    def station_password(self) -> str:
        return places.kept_secret(self.folder / "stations.password")

    @property
    def announcements(self) -> Path:
        return self.folder / "data" / "sounds" / "ringmaster"

    @property
    def recordings(self) -> Path:
        return self.folder / "state" / "spool" / "recording"

    def write(self) -> None:
        etc, state, data = self.folder / "etc", self.folder / "state", self.folder / "data"
        etc.parent.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for folder in ("lib/keys", "run", "log", "cache", "spool/recording", "spool/monitor", "spool/tmp"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (etc / "pjsip.d").mkdir(parents=True, exist_ok=True)
        self._lay_out(data)
        values = {
            "ETC": etc,
            "STATE": state,
            "DATA": data,
            "MODULES": self.installed.modules,
            "PROGRAMS": self.installed.root / "usr/sbin",
            "LANGUAGE": LANGUAGE if (self.installed.data / "sounds" / LANGUAGE).exists() else "en",
            "HOLD_MUSIC": data / "moh",
            "MAX_CALLS": self.max_calls,
            "ARI_PORT": self.ari_port,
            "ARI_PASSWORD": self.password,
            "ARI_ADDRESS": self.ari_address,
            "SIP_ADDRESS": self.sip_address,
            "SIP_PORT": self.sip_port,
            "MEDIA_ADDRESS": self.media_address,
            "BEHIND_NAT": self._behind_nat() if self.seen_as else "",
            "RTP_FROM": self.rtp[0],
            "RTP_TO": self.rtp[1],
            "STATION_SILENT_FOR": self.station_silent_for,
            "PAGES_BOUND": "yes" if self.pages_on_loopback else "no",
            "ICE_HOSTS": self._told_to_pages(),
            "ARI_TLS_ADDRESS": self.ari_tls_address,
            "ARI_TLS_PORT": self.ari_tls_port,
            "SIP_TLS_PORT": self.sip_tls_port,
            "CERTIFICATE": self.certificates / CERTIFICATE if self.certificates else "",
            "CERTIFICATE_KEY": self.certificates / KEY if self.certificates else "",
            "CA_LIST": f"ca_list_file = {AUTHORITIES}" if AUTHORITIES.exists() else "",
        }
        for template in TEMPLATES.glob("*.conf"):
            if template.name in WITH_CERTIFICATE and self.certificates is None:
                (etc / template.name).unlink(missing_ok=True)
                continue
            # the dialplan is full of ${...} of its own, and needs nothing filled in
            text = template.read_text()
            places.write_secretly(etc / template.name, text if template.name == "extensions.conf" else Template(text).substitute(values))
        for name in EMPTY:
            (etc / f"{name}.conf").touch()
        places.write_secretly(etc / "pjsip.d" / "trunks.conf", "".join(_trunk(name, at) for name, at in self.trunks.items()))
        places.write_secretly(etc / "pjsip.d" / "stations.conf", "".join(_station(name, self.station_password) for name in self.stations))

    def _behind_nat(self) -> str:
        """The phones of an office have private addresses too, and cannot reach a container's: only who is next to it is told that.
        Our own address for sound is always among the local ones: Asterisk puts the outer address in the place of a local one alone."""
        local = [f"{self.media_address}/32", *(processes.networks() if self.local_networks is None else self.local_networks)]
        outside = [f"external_signaling_address = {self.seen_as}", f"external_media_address = {self.seen_as}"]
        return "\n".join(outside + [f"local_net = {network}" for network in local])

    def _told_to_pages(self) -> str:
        """Which address a page is told for each of this machine's own, one a line."""
        seen_as = "127.0.0.1" if self.pages_on_loopback else f"{self.seen_as},include_local_address" if self.seen_as else ""
        return "\n".join(f"{own} => {seen_as}" for own in processes.addresses()) if seen_as else ""

    def _lay_out(self, data: Path) -> None:
        """Asterisk's own data, which it refuses to start without, with a place for our announcements among its sounds."""
        (data / "sounds").mkdir(parents=True, exist_ok=True)
        for source in (*self.installed.data.iterdir(), *(self.installed.data / "sounds").iterdir()):
            link = data / source.relative_to(self.installed.data)
            if source.name != "sounds" and source.exists() and not link.is_symlink():
                link.symlink_to(source)
        self.announcements.mkdir(exist_ok=True)

    def command(self, *more: str) -> tuple[str, ...]:
        return (*self.installed.command, *more, "-C", str(self.folder / "etc" / "asterisk.conf"))

    def program(self, *, wave: int, state: Path) -> Program:
        return Program(
            name="asterisk",
            argv=self.command("-f"),
            wave=wave,
            env={"PATH": "/usr/bin:/bin", **dict([mark(state).split("=", 1)])},
            ready=lambda child: self.is_up(),
            stop_with=signal.SIGTERM,
            before=self.write,
        )

    def is_up(self) -> bool:
        """Whether ARI answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.ari_port, timeout=2)
            secret = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
            connection.request("GET", "/ari/asterisk/ping", headers={"Authorization": f"Basic {secret}"})
            return connection.getresponse().status == 200
        return False

    def cli(self, command: str) -> str:
        """What Asterisk's own console answers."""
        return subprocess.run(self.command("-rx", command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15).stdout


def _trunk(name: str, at: str) -> str:
    contact = f"contact=sip:{at}\n[{name}]\ntype=identify\nendpoint={name}\nmatch={at}\n" if at else ""
    return f"[{name}](trunk-template)\naors={name}\n[{name}]\ntype=aor\n{contact}\n"


def _station(name: str, password: str) -> str:
    return (
        f"[{name}](station-template)\naors={name}\nauth={name}\n"
        f"[{name}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
        f"[{name}]\ntype=auth\nauth_type=userpass\nusername={name}\npassword={password}\n\n"
    )


def start(server: Asterisk, *, log: Path, within: float = 30) -> "subprocess.Popen[bytes]":
    """For tests: outside a supervisor, ended by the kernel when we die."""
    server.write()
    running = processes.start(server.command("-f"), env={"PATH": "/usr/bin:/bin"}, log=log)
    ending.wait(lambda: server.is_up() or running.poll() is not None, seconds=within, every=0.05)
    if not server.is_up():
        running.kill()
        raise _cannot(f"it does not come up: {log.read_text()[-600:]}", details=server.folder / "state" / "log" / "messages.log")
    return running
