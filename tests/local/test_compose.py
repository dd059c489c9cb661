"""The containers, as far as they can be judged without an engine: the form of the file, and that it says the same as the product."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from ruamel.yaml import YAML
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dialer_project.local import asterisk, processes, product
from dialer_project.local.ending import ending
from dialer_project.local.places import PROJECT

GUIDE = PROJECT / "docs" / "deployment.md"
COMPOSE, DOCKERFILE = PROJECT / "docker-compose.yml", PROJECT / "Dockerfile"
OURS = ("web", "beat", "event-pump", *(f"worker-{queue}" for queue in product.WORKERS))
# what the images of others read, and what Asterisk's container does
UVICORN = {"FORWARDED_ALLOW_IPS"}
NOT_OURS = {"postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"}, "tls": {"HOST_NAME"}}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def read_by(path: str) -> set[str]:
    return set(re.findall(r'env\.(?:text|url|flag|integer|words|time_zone)\(\s*"(\w+)"', (PROJECT / path).read_text()))


def test_the_file_has_the_form_the_specification_asks_for() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def test_every_process_of_the_product_is_there_with_the_products_own_command(services: dict[str, Any]) -> None:
    commands = {name: services[name]["command"] for name in OURS}
    table = product.COMMANDS
    assert commands.pop("web") == table["web"].format(host="0.0.0.0", port=8000)
    assert commands.pop("beat") == table["beat"].format(state="/tmp")
    assert commands.pop("event-pump") == table["event-pump"] + " --node asterisk-1"
    assert commands == {f"worker-{queue}": table["worker"].format(queue=queue, processes=number) for queue, number in product.WORKERS.items()}
    run_here = {program.name for program in product.programs(port=8000, env={"STATE_DIR": "/s", "SIMULATED_CARRIER": "127.0.0.1:1"}, python="python")}
    assert run_here - {"simulated-carrier", "agents"} == set(OURS), "what one machine runs is what the containers run"


def test_every_queue_that_work_is_sent_to_has_a_worker() -> None:
    sent_to = set(re.findall(r'queue="(\w+)"', (PROJECT / "workers" / "tasks.py").read_text()))
    assert sent_to <= set(product.WORKERS)


def test_every_variable_that_is_set_is_read(services: dict[str, Any]) -> None:
    settings, container = UVICORN | read_by("dialer_project/settings.py"), read_by("dialer_project/local/container.py")
    for name, service in services.items():
        said = {variable.removesuffix("_FILE") for variable in service.get("environment", {})}
        known = {variable.removesuffix("_FILE") for variable in NOT_OURS.get(name, ())} or (
            container if name.startswith("asterisk") else settings | UVICORN
        )
        assert said <= known, f"{name} is told what nobody reads: {said - known}"


def test_secrets_come_as_files_and_stand_nowhere_in_the_file(compose: dict[str, Any], services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert str(value).removeprefix("/run/secrets/") in service["secrets"]
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        if service.get("read_only"):
            kinds = {kind for secret in service.get("secrets", ()) for kind in compose["secrets"][secret]}
            assert kinds <= {"file"}, f"{name}: into a container that cannot be written to, compose brings nothing but files"
    (made,) = re.findall(r"^for each in ([\w ]+); do openssl rand", GUIDE.read_text(), re.MULTILINE)
    assert set(made.split()) == set(compose["secrets"]), "the guide makes each of them, and there is no other to fall back on"


def test_what_the_guide_says_can_be_set_reaches_somebody() -> None:
    told = set(re.findall(r"`([A-Z_]+)`", "".join(line.split("|")[1] for line in GUIDE.read_text().splitlines() if line.startswith("| `"))))
    taken = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) - {"HOST_NAME}"}
    assert told == taken


def test_nothing_is_reached_from_beyond_this_machine_but_what_is_meant_to_be(compose: dict[str, Any], services: dict[str, Any]) -> None:
    published = {name: [str(port) for port in service.get("ports", ())] for name, service in services.items() if service.get("ports")}
    assert set(published) == {"web", "asterisk-1", "tls"}
    assert services["tls"]["profiles"] == ["tls"]
    assert all(port.startswith(("127.0.0.1:", "${SIP_AT:-127.0.0.1}:")) for name in ("web", "asterisk-1") for port in published[name])
    assert not any("8088" in port for ports in published.values() for port in ports), "ARI stays among the containers"
    towards_asterisk = re.findall(r"handle (\S+) \{\s+rewrite \* (\S+)\s+reverse_proxy asterisk-1", compose["configs"]["proxy"]["content"])
    assert towards_asterisk == [("/sip", "/ws")], "the proxy opens the phones' door alone"
    assert compose["networks"]["inside"]["internal"] is True
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]


def test_phones_are_told_where_the_container_is_published(services: dict[str, Any]) -> None:
    published = {port.rpartition("}")[0] + "}" for port in services["asterisk-1"]["ports"]}
    assert {services["asterisk-1"]["environment"]["SEEN_AS"]} == {f"${{SEEN_AS:-{at}}}" for at in published}


def test_who_asks_is_believed_of_the_proxy_alone(compose: dict[str, Any], services: dict[str, Any]) -> None:
    (inside,) = compose["networks"]["inside"]["ipam"]["config"]
    assert services["web"]["environment"]["FORWARDED_ALLOW_IPS"] == inside["subnet"]
    (network,) = [name for name, how in services["web"]["networks"].items() if how and "web-inside" in how["aliases"]]
    assert network == "inside"
    assert "inside" in services["tls"]["networks"]
    assert "reverse_proxy web-inside:8000" in compose["configs"]["proxy"]["content"]


def test_who_asked_is_believed_of_the_proxies_that_the_guide_names_and_of_nobody_else() -> None:
    (named,) = re.findall(r'FORWARDED_ALLOW_IPS: "([^"]+)"', GUIDE.read_text())
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["client"][0])

    for proxy in ("172.31.255.7", "172.18.0.1", "172.18.0.9"):
        said = [(b"x-forwarded-for", b"198.51.100.1, 203.0.113.9")]  # the first is what the browser itself had said
        scope: Any = {"type": "http", "client": (proxy, 40000), "headers": said}
        async_to_sync(ProxyHeadersMiddleware(app, named))(scope, cast(Any, None), cast(Any, None))
    assert asked == ["203.0.113.9", "203.0.113.9", "172.18.0.9"]


def test_what_the_pump_copies_is_what_its_asterisk_plays(services: dict[str, Any]) -> None:
    pump, node = services["event-pump"], services["asterisk-1"]
    at = pump["environment"]["ANNOUNCEMENTS_DIR"]
    assert node["environment"]["ANNOUNCEMENTS_DIR"] == at
    (volume,) = (mount for mount in pump["volumes"] if mount.endswith(f":{at}"))
    assert f"{volume}:ro" in node["volumes"]
    assert DOCKERFILE.read_text().count(at) == 2, "both images own the folder, or the volume would be root's"


def test_every_service_starts_again_has_its_limits_and_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("on-failure" if name == "set-up" else "unless-stopped")
        assert not str(service["image"]).endswith(":latest")
        assert ":" in service["image"] or service["build"]["target"] in ("app", "asterisk")
        if name != "set-up":
            assert set(service["deploy"]["resources"]["limits"]) == {"memory"}, "an engine refuses more processors than its host has"
        if "build" in service:
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
        for needed, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert "healthcheck" in services[needed] if healthy else needed == "set-up"


def test_every_process_is_asked_whether_it_works_and_has_time_to_end(services: dict[str, Any]) -> None:
    """By what the work itself says; that it stops being said is shown where processes are frozen and cut off."""
    said_by = {*OURS, "asterisk-1", "postgres", "redis"}
    assert {name for name, service in services.items() if "healthcheck" in service} == said_by
    assert {name for name, service in services.items() if "stop_grace_period" in service} == said_by
    code = "".join((PROJECT / file).read_text() for file in ("workers/celery.py", "workers/event_pump.py"))
    folder = services["web"]["environment"]["ALIVE_DIR"]
    asked = {services[name]["healthcheck"]["test"][4] for name in OURS if name != "web"}
    assert asked == {f"{folder}/{name}" for name in re.findall(r'say_so\(settings\.ALIVE_DIR, "(\w+)"\)', code)}
    for name in OURS:
        if name != "web":
            program, *arguments = services[name]["healthcheck"]["test"][1:]
            never = subprocess.run([sys.executable, *arguments[:2], "/nowhere/at-all", arguments[3]], cwd=PROJECT, capture_output=True)
            assert (program, never.returncode, never.stderr) == ("python", 1, b"")


def test_the_tables_are_made_once_before_anything_of_ours_starts(services: dict[str, Any]) -> None:
    migrating = {name for name, service in services.items() if "migrate" in str(service.get("command", ""))}
    assert migrating == {"set-up"}
    for name in OURS:
        assert services[name]["depends_on"]["set-up"] == {"condition": "service_completed_successfully"}
    assert "replicas" not in services["set-up"].get("deploy", {})


def test_the_images_are_built_from_what_is_there_and_run_as_nobody_special() -> None:
    stages = re.split(r"(?m)^FROM ", DOCKERFILE.read_text())[1:]
    names = [re.match(r"\S+ AS (\w+)", stage) for stage in stages]
    assert [match and match[1] for match in names] == ["console", "packages", "app", "asterisk"]
    let_in = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for stage in stages:
        assert ":latest" not in stage.splitlines()[0]
        for sources in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", stage):
            for source in sources.split():
                assert (PROJECT / source).exists(), source
                assert source.split("/")[0] in let_in, f"{source} never reaches the builder"
    for stage in stages[2:]:
        assert re.findall(r"(?m)^USER (\w+)", stage) == ["ringmaster"]
    assert {path.name for path in PROJECT.iterdir() if (path / "__init__.py").exists()} - {"tests", "benchmarks"} <= let_in


@pytest.mark.skipif(asterisk.not_wanted(), reason="without Asterisk, as asked")
def test_the_containers_command_writes_the_configuration_and_becomes_asterisk(tmp_path: Path) -> None:
    (tmp_path / "trunks").mkdir()
    (tmp_path / "trunks" / "carrier.conf").write_text("[carrier](trunk-template)\naors = carrier\n")
    (tmp_path / "password").write_text("a password from a file\n")
    (tmp_path / "announcements").mkdir()
    asterisk.find_or_install(tmp_path / "install.log")
    ports = {"ARI_PORT": processes.free_port(), "SIP_PORT": processes.free_port()}
    at = {"ARI_ADDRESS": "127.0.0.1", "SIP_ADDRESS": "127.0.0.1", "MEDIA_ADDRESS": "127.0.0.1", "SEEN_AS": "203.0.113.7"}
    said = {**at, **{name: str(port) for name, port in ports.items()}, "STATE_DIR": str(tmp_path / "state"), "TRUNKS": str(tmp_path / "trunks")}
    said["ANNOUNCEMENTS_DIR"] = str(tmp_path / "announcements")
    said["LOCAL_NETWORKS"] = "10.1.0.0/16"
    command = (sys.executable, "-m", "dialer_project.local.container")
    running = processes.start(command, env={"ARI_PASSWORD_FILE": str(tmp_path / "password"), **said}, log=tmp_path / "log")
    try:
        server = asterisk.Asterisk(tmp_path / "state", asterisk.find(), secret="a password from a file", ari_port=ports["ARI_PORT"])  # type: ignore[arg-type]  # found above
        ending.wait(lambda: server.is_up() or running.poll() is not None, seconds=30, every=0.05)
        assert server.is_up(), (tmp_path / "log").read_text()[-500:]
        assert "carrier" in server.cli("pjsip show endpoints")
        transport = server.cli("pjsip show transport udp")
        assert "203.0.113.7" in transport
        assert re.findall(r"local_net\s*: (.+)", transport) == ["127.0.0.1/255.255.255.255", "10.1.0.0/255.255.0.0"]
        asked = {**said, "ARI_PASSWORD_FILE": str(tmp_path / "password"), "PATH": os.environ["PATH"]}
        assert subprocess.run([*command, "is-up"], env=asked, cwd=PROJECT).returncode == 0
        for name, wrong in (("SEEN_AS", "0.0.0.0"), ("LOCAL_NETWORKS", "the office")):
            refused = subprocess.run([*command], env={**asked, name: wrong}, cwd=PROJECT, capture_output=True, text=True)
            assert refused.returncode == 1
            assert name in refused.stderr
        assert subprocess.run([*command, "is-up"], env={**asked, "ARI_PORT": str(processes.free_port())}, cwd=PROJECT).returncode == 1
        (tmp_path / "announcements" / "welcome.wav").touch()
        assert (server.announcements / "welcome.wav").exists()
    finally:
        running.kill()
        running.wait()
