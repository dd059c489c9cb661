"""Real threads on real connections: what locks and indexes must settle, whoever comes first."""

import random
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from agents import desk
from agents.desk import Change, NewWork
from agents.models import Interaction
from agents.rules.lifecycle import Phase
from campaigns import facts
from campaigns.flow import control, dispatch, do_not_call, permit, place
from campaigns.models import Attempt, Callback, Campaign, Contact, DoNotCall, Lead, PhoneNumber
from campaigns.rules.lifecycle import AttemptState, CampaignState, LeadState
from dialer_project.lib import sql
from telephony.drivers.simulated.script import NoAnswer, RefusedAtOnce
from telephony.models import Trunk
from telephony.rules.hangup_causes import Cause
from tests.database.racing import at_once, dial, promise
from tests.floor import Floor, Person

BUSY_AT_ONCE = RefusedAtOnce(cause=Cause.BUSY)


@pytest.fixture(autouse=True)
def _room(floor: Floor) -> None:
    Trunk.objects.update(calls_per_second=100_000, max_calls=100_000)
    floor.sweeps = False


def dialed(leads: list[Lead]) -> Counter[int]:
    """Lead -> how often it was really dialed."""
    return Counter(Attempt.objects.filter(lead__in=leads, dialed_at__isnull=False).values_list("lead_id", flat=True))


def test_eight_dispatchers_over_the_same_persons_and_numbers_never_deadlock(floor: Floor) -> None:
    shared = [floor.new_number() for _ in range(6)]
    contacts: list[Contact] = []
    campaigns = []
    for number in range(8):
        campaign = floor.campaign(agents=[floor.agent(f"Agent{number}")], max_attempts=1000)
        floor.rule(campaign, "busy", attempts=1000, minutes=0)
        for i in range(24):
            if number:
                floor.person(campaign, contact=contacts[i], numbers=[])
            else:  # each with a number of their own, and one in three at a switchboard
                own = floor.new_number()
                numbers = [shared[i % 6], own] if i % 3 == 0 else [own]
                person = floor.person(campaign, f"Person {i}", BUSY_AT_ONCE, numbers=numbers)
                floor.script.say(own, BUSY_AT_ONCE)
                contacts.append(person.contact)
        campaigns.append(campaign.pk)

    def dispatcher(campaign: int) -> int:
        made = 0
        for _ in range(15):
            made += len(dial(campaign, node_id=floor.node.pk, at_most=12, now=floor.now))
            sql.changed(
                "UPDATE campaigns_lead SET next_call_at = %s - random() * interval '1 hour' WHERE campaign_id = %s AND state = 'waiting'",
                [floor.now, campaign],
            )
        return made

    made = at_once([partial(dispatcher, campaign) for campaign in campaigns])
    assert sum(made) > 100, f"they got in each other's way: {made}"
    assert not Attempt.objects.filter(state=AttemptState.OPEN).exists()


def test_a_cap_of_one_is_kept_by_a_hundred_threads_whose_calls_fail_at_once(floor: Floor) -> None:
    campaign = floor.campaign(agents=[floor.agent("Ana")], max_attempts=1)
    leads = [floor.person(campaign, f"Person {i}", BUSY_AT_ONCE).lead for i in range(12)]

    def caller() -> None:
        for _ in range(3):
            dial(campaign.pk, node_id=floor.node.pk, at_most=4, now=floor.now)

    at_once([caller] * 100)
    assert dialed(leads) == Counter({lead.pk: 1 for lead in leads})
    assert set(Lead.objects.values_list("reason", flat=True)) == {"no_more_attempts"}


def test_a_switchboards_five_hundred_leads_make_way_for_who_stands_behind_them(floor: Floor) -> None:
    campaign = floor.campaign(agents=[floor.agent("Ana")])
    switchboard = floor.new_number()
    floor.script.say(switchboard, NoAnswer())
    maria = floor.person(campaign, "Maria", NoAnswer())
    colleagues = Contact.objects.bulk_create([Contact(first_name=f"Colleague {i}") for i in range(500)])
    PhoneNumber.objects.bulk_create([PhoneNumber(contact=each, e164=switchboard, number_key="k") for each in colleagues])
    longer = {"calling_list": maria.lead.calling_list, "zone_group": maria.lead.zone_group, "next_call_at": floor.now - timedelta(hours=1)}
    Lead.objects.bulk_create([Lead(campaign=campaign, contact=each, **longer) for each in colleagues])
    batches = 0
    while not dialed([maria.lead]):
        batches += 1
        assert batches <= 11, "the head of the queue blocks"
        dial(campaign.pk, node_id=floor.node.pk, at_most=50, now=floor.now)
    assert Attempt.objects.filter(e164=switchboard).count() == 1
    waiting = Lead.objects.filter(state=LeadState.WAITING).values_list("next_call_at", flat=True)
    assert len(waiting) == 499
    assert min(waiting) >= floor.now + timedelta(seconds=30)
    assert len(set(waiting)) > 400, "they would all come back in the same second"


def test_a_number_listed_after_the_promise_is_seen_by_the_last_look(floor: Floor) -> None:
    campaign = floor.campaign(agents=[floor.agent("Ana")])
    maria = floor.person(campaign, "Maria", NoAnswer())
    promised = promise(campaign.pk, node_id=floor.node.pk, at_most=1, now=floor.now)
    at_once([partial(do_not_call.list_numbers, [maria.number], source="agent", now=floor.now)])
    place.dial_planned(facts.settings_of([campaign.pk])[campaign.pk], promised, now=floor.now)
    attempt = Attempt.objects.get(lead=maria.lead)
    assert (attempt.outcome, attempt.dialed_at) == ("cancelled", None)
    assert floor.placed(maria.number) == 0


def test_dispatchers_at_once_on_one_pool_give_each_agent_one_record_and_each_record_one_agent(floor: Floor) -> None:
    for number in range(6):
        staff = [floor.agent(f"Agent{number}x{i}") for i in range(5)]
        campaign = floor.campaign(agents=staff)
        leads = [floor.person(campaign, f"Person {number} {i}", NoAnswer()).lead for i in range(8)]
        for someone in staff:
            someone.opens_console()
            someone.signs_in()
        floor.run(until=lambda staff=staff: all(one.session.leg_state == "up" for one in staff), at_most=5)  # type: ignore[misc]  # mypy cannot type a lambda with a default
        for someone in staff:
            someone.goes_ready()
        floor.messages.clear()
        campaign.refresh_from_db()
        at_once([partial(dispatch.dispatch, campaign.pool, now=floor.now)] * 4)
        held = [one.work for one in staff]
        assert all(work is not None and work.phase == "dialing" for work in held)
        assert len({work.lead_id for work in held if work}) == 5
        assert sum(dialed(leads).values()) == 5


def test_batches_over_the_same_desks_in_any_order_never_deadlock(floor: Floor) -> None:
    team = [floor.agent(f"Agent{i}") for i in range(12)]
    floor.campaign("progressive", agents=team, wrap_up_for=300)
    for someone in team:
        someone.sits_down()
    works = [
        NewWork(agent_id=someone.id, phase=Phase.DIALING, deadline=floor.now + timedelta(hours=1), campaign_id=Campaign.objects.get().pk)
        for someone in team
    ]
    opened = [m.work.id for m in desk.open(works, needs="voice", now=floor.now) if m.work]
    assert len(opened) == len(team)

    def says(order: random.Random) -> int:
        moved = 0
        for _ in range(60):
            order.shuffle(mixed := list(opened))
            with transaction.atomic():
                moved += len(desk.amend([Change(id=work, progress=order.choice(["dialing", "ringing"])) for work in mixed], now=floor.now))
        return moved

    def stands_up(order: random.Random) -> int:
        moved = 0
        for _ in range(60):
            order.shuffle(mixed := [someone.id for someone in team])
            with transaction.atomic():
                moved += len(desk.fell_silent(mixed, now=floor.now))
                moved += sum(1 for agent in sorted(mixed) if desk.console_opened(agent, now=floor.now))
        return moved

    at_once([partial(says, random.Random(1)), partial(says, random.Random(2)), partial(stands_up, random.Random(3))])


def test_indexes_hold_where_nobody_takes_a_lock(floor: Floor) -> None:
    ana = floor.agent("Ana")
    campaign = floor.campaign(agents=[ana])
    elsewhere = floor.campaign(agents=[ana])
    maria = floor.person(campaign, "Maria")
    here = floor.person(elsewhere, contact=maria.contact, numbers=[])
    omar = floor.person(campaign, "Omar", numbers=[maria.number])
    phone = PhoneNumber.objects.get(contact=maria.contact)

    def attempt(lead: Lead, e164: str) -> UUID:
        made = Attempt.objects.create(
            lead=lead, campaign_id=lead.campaign_id, contact_id=lead.contact_id, phone=phone, e164=e164, epoch=0, planned_at=floor.now
        )
        return made.pk

    def open_work(lead: Lead | None) -> UUID:
        return Interaction.objects.create(
            agent=ana.agent, phase="preview", phase_since=floor.now, opened_at=floor.now, lead_id=lead.pk if lead else None
        ).pk

    def callback() -> int:
        return Callback.objects.create(lead=maria.lead, due_at=floor.now).pk

    def listed() -> int:
        return DoNotCall.objects.create(number_key="k", source="agent", created_at=floor.now).pk

    one_person = [partial(attempt, lead, floor.new_number()) for lead in (maria.lead, here.lead) * 6]
    one_number = [partial(attempt, omar.lead, maria.number)] * 6 + [partial(attempt, maria.lead, maria.number)] * 6
    for racers in (one_person, one_number, [partial(open_work, None)] * 12, [callback] * 12, [listed] * 12):
        winners: list[Any] = at_once(list(racers), refused=IntegrityError)
        assert len(winners) == 1
        Attempt.objects.all().delete()
        Interaction.objects.all().delete()
        Callback.objects.all().delete()


def test_a_campaign_does_not_complete_around_a_lead_that_comes_to_life(floor: Floor) -> None:
    """Whoever revives a lead shares the campaign's lock and looks at its state under it."""
    completed = revived = 0
    for number in range(40):
        campaign = floor.campaign(agents=[floor.agent(f"Agent{number}")])
        maria = floor.person(campaign, "Maria")
        Lead.objects.filter(pk=maria.lead.pk).update(state=LeadState.FINAL, reason="done")

        def completer(campaign: Campaign = campaign) -> bool:
            return control.complete(campaign, now=floor.now) is not None

        def reviver(campaign: Campaign = campaign, maria: Person = maria) -> bool:
            with transaction.atomic():
                standing = permit.take_campaign(campaign.pk, now=floor.now)
                if standing is None or standing.state is not CampaignState.RUNNING:
                    return False
                return Lead.objects.filter(pk=maria.lead.pk).update(state=LeadState.WAITING, reason="retry") == 1

        over, alive = at_once([completer, reviver])
        assert over is not alive
        assert Campaign.objects.get(pk=campaign.pk).state == (CampaignState.COMPLETED if over else CampaignState.RUNNING)
        completed, revived = completed + bool(over), revived + bool(alive)
    assert completed + revived == 40
