"""A call centre to be measured: the product's own processes and a carrier, agents at their desks, and a list by the hundred thousand."""

import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.measure import Stage
from dialer_project.local import processes
from dialer_project.local.supervisor import Program


def programs(stage: Stage, *, carrier: str, app: str = "workers", tick: bool = False) -> list[Program]:
    """Pump, hot workers and the simulated carrier as `make run` starts them; with `tick`, beat and its worker as well."""
    port = int(stage.env["SIMULATED_CARRIER"].rsplit(":", 1)[1])

    def program(name: str, args: str, wave: int, *, said: str = "", listens: int | None = None) -> Program:
        return Program(
            name,
            (sys.executable, *args.split()),
            wave,
            stage.env,
            ready=(lambda child: processes.is_listening(listens)) if listens else (lambda child: child.said(said)) if said else None,
        )

    def worker(queue: str, number: int) -> Program:
        args = f"-m celery -A {app} worker -P prefork --without-gossip --without-mingle -l WARNING -n {queue}@%h -Q {queue} -c {number}"
        return program(f"worker-{queue}", args, 2)

    found = [
        program("simulated-carrier", f"manage.py simulate_carrier {carrier}", 1, listens=port),
        worker("hot", 2),
        program("event-pump", "manage.py pump_call_events", 3, said="listening to"),
    ]
    if tick:
        schedule = f"{stage.env['STATE_DIR']}/celerybeat-schedule"
        found += [worker("tick", 1), program("beat", f"-m celery -A {app} beat -l WARNING --pidfile= -s {schedule}", 2)]
    return found


def telephone_system(stage: Stage) -> None:
    """A node at the carrier's address, a trunk without a limit one could meet, and what every campaign needs."""
    from agents.models import NotReadyReason
    from campaigns.models import CallableHours, Disposition
    from campaigns.rules.outcomes import DispositionClass
    from telephony.models import Announcement, CallerId, Node, Trunk

    Node.objects.create(name="local", driver="simulated", url=stage.env["SIMULATED_CARRIER"], max_calls=100_000)
    trunk = Trunk.objects.create(name="trunk", endpoint="trunk", max_calls=100_000, calls_per_second=100_000)
    CallerId.objects.create(e164="+34910000000", verified=True, trunk=trunk)
    Announcement.objects.create(name="abandoned", media="sound:abandoned")
    CallableHours.objects.create(name="always", week={day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    for code, system in (("login", True), ("no_answer", True), ("connection_lost", True), ("wrap_up_expired", True), ("lunch", False)):
        NotReadyReason.objects.get_or_create(code=code, defaults={"label": code.capitalize(), "system": system})
    Disposition.objects.create(code="sale", label="Sale", kind=DispositionClass.SUCCESS)


def campaign(name: str, agents: Sequence[int], *, start: bool = True) -> int:
    """A progressive campaign with these agents."""
    from django.utils import timezone

    from campaigns.flow import control
    from campaigns.models import CallableHours, CallingList, Campaign, Participation
    from telephony.models import Announcement, CallerId, Trunk

    made = Campaign.objects.create(
        name=name,
        mode_key="progressive",
        call_application="any",
        trunk=Trunk.objects.get(),
        caller_id=CallerId.objects.get(),
        message=Announcement.objects.get(),
        hours=CallableHours.objects.get(),
        wrap_up_for=3600,
        wrap_up_policy="stay",
        require_approval=False,
    )
    CallingList.objects.create(campaign=made, name="list")
    Participation.objects.bulk_create([Participation(campaign=made, agent_id=agent) for agent in agents])
    now = timezone.now()
    control.edited(made, by=None, now=now)
    control.assignments_changed(now=now)
    if start:
        started = control.start(made, by=None, now=now)
        if not isinstance(started, control.Moved):
            raise RuntimeError(str(started))
    return int(made.pk)


def agents(number: int) -> list[int]:
    """Agents with a nailed-up phone each."""
    from agents.models import Agent, Station, User

    users = User.objects.bulk_create([User(username=f"agent{i}", first_name=f"Agent {i}") for i in range(number)])
    Station.objects.bulk_create([Station(name=f"phone{i}", endpoint=f"phone{i}", leg_mode=Station.LegMode.NAILED_UP) for i in range(number)])
    return [agent.pk for agent in Agent.objects.bulk_create([Agent(user=user) for user in users])]


def sit_down(agent_ids: Sequence[int]) -> None:
    """Each at a phone, connected for the shift, Not Ready yet."""
    from django.utils import timezone

    from agents.desk import Done
    from agents.models import Session, Station
    from campaigns.flow import phone

    taken = Session.objects.exclude(station=None).values("station")
    for agent, station in zip(agent_ids, Station.objects.exclude(pk__in=taken).order_by("pk"), strict=False):
        phone.console_opened(agent, now=timezone.now())
        answer = phone.sign_in(agent, station.pk, now=timezone.now())
        if not isinstance(answer, Done):
            raise RuntimeError(str(answer))
    until(lambda: Session.objects.filter(leg_state="up", agent__in=agent_ids).count() == len(agent_ids), at_most=60)


def bare_campaign(name: str) -> int:
    """One that runs, without agents or a telephone system."""
    from campaigns.models import CallingList, Campaign
    from campaigns.rules.lifecycle import CampaignState

    made = Campaign.objects.create(name=name, state=CampaignState.RUNNING)
    CallingList.objects.create(campaign=made, name="list")
    return int(made.pk)


def people(number: int) -> None:
    """With one number each, by the hundred thousand; as many as there are not yet."""
    from django.conf import settings

    from campaigns.models import PhoneNumber
    from campaigns.rules.number_keys import number_key
    from dialer_project.lib import sql

    there = sql.rows("SELECT count(*) AS number FROM campaigns_contact")[0].number
    range_ = {"first": there + 1, "last": number}
    # no foreign key is looked up: what is written here is right by making
    sql.changed("SET session_replication_role = replica")
    sql.changed(
        """
        INSERT INTO campaigns_contact (id, source, external_id, title, first_name, last_name, company, email, address, city, region, postal_code,
            country, time_zone, fields, match_key, created_at)
        SELECT i, '', '', '', 'Person ' || i, 'López', '', '', '', '', '', '', '', '', '{}', '', now() FROM generate_series(%(first)s::int, %(last)s::int) AS i
        """,
        range_,
    )
    sql.changed(
        """
        INSERT INTO campaigns_phonenumber (contact_id, e164, number_key, kind, position, zones, active)
        SELECT i, '+346' || lpad(i::text, 9, '0'), md5(i::text), 'mobile', 0, '{Europe/Madrid}', true FROM generate_series(%(first)s::int, %(last)s::int) AS i
        """,
        range_,
    )
    sql.changed("RESET session_replication_role")
    sql.changed("SELECT setval('campaigns_contact_id_seq', %s)", [max(there, number)])
    newest = PhoneNumber.objects.latest("pk")  # a pump that starts looks whether numbers are kept under our key
    PhoneNumber.objects.filter(pk=newest.pk).update(number_key=number_key(newest.e164, settings.NUMBER_KEY))


def leads(campaign_id: int, number: int, *, groups: int = 1, due: str = "now() - interval '1 hour'") -> None:
    """The first so many people, in so many zone groups by turns; `due`: SQL over i, a lead's place in the list from 1."""
    from campaigns.models import CallingList, ZoneGroup
    from dialer_project.lib import sql

    people(number)
    zones = [f"Etc/GMT{offset:+d}" for offset in range(-14, 13)] + ["Europe/Madrid", "Europe/London", "America/New_York", "Asia/Tokyo"]
    wanted = [zones[i : i + 1] if i < len(zones) else sorted({zones[i % len(zones)], zones[(i + 7) % len(zones)]}) for i in range(groups)]
    sql.changed("SET session_replication_role = replica")
    sql.changed(
        f"""
        INSERT INTO campaigns_lead (campaign_id, calling_list_id, contact_id, zone_group_id, state, reason, boost, next_call_at, attempts_made,
            tries, misses, last_outcome)
        SELECT %(campaign)s, %(list)s, i, (%(groups)s::bigint[])[1 + mod(i, %(many)s::int)], 'waiting', 'new', 2, {due}, 0, '{{}}', 0, ''
        FROM generate_series(1, %(number)s::int) AS i
        """,
        {
            "campaign": campaign_id,
            "list": CallingList.objects.get(campaign_id=campaign_id).pk,
            "groups": [ZoneGroup.objects.get_or_create(zones=each)[0].pk for each in wanted],
            "many": groups,
            "number": number,
        },
    )
    sql.changed("RESET session_replication_role")
    sql.changed("ANALYZE campaigns_contact, campaigns_phonenumber, campaigns_lead")


def until(so: Callable[[], bool], *, at_most: float) -> None:
    if not comes_so(so, at_most=at_most):
        raise RuntimeError(f"it did not come so within {at_most} s")


def comes_so(so: Callable[[], bool], *, at_most: float) -> bool:
    deadline = time.monotonic() + at_most
    while not so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # between two looks, which cost the machine that is measured
    return True
