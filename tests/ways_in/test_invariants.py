"""Every safety promise finds who breaks it, and says nothing of a healthy house."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from uuid_utils.compat import uuid7

from agents.models import Agent, Interaction, Session, User
from agents.rules.lifecycle import Phase
from campaigns import invariants
from campaigns.models import (
    Attempt,
    Callback,
    CallingList,
    Campaign,
    CampaignChange,
    CampaignVersion,
    Contact,
    DoNotCall,
    Holiday,
    HolidayCalendar,
    Lead,
    ListImport,
    Permit,
    PhoneNumber,
    RulePack,
    ZoneGroup,
)
from campaigns.rules.lifecycle import AttemptState, CallbackState, CampaignState, LeadState
from campaigns.rules.outcomes import Outcome
from telephony.models import Call, CallerId, Node
from telephony.rules.lifecycle import CallState

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)  # a Tuesday
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

PEOPLE = {"Maria": LeadState.BUSY, "Omar": LeadState.WAITING, "Lena": LeadState.WAITING, "Paul": LeadState.FINAL}


@dataclass
class House:
    """A campaign on a Tuesday morning: Ana talks to Maria, Ben promised Lena a call, Omar did not answer, Paul was abandoned."""

    campaign: Campaign
    node: Node
    ana: Agent
    ben: Agent
    maria: Lead
    omar: Lead
    lena: Lead
    paul: Lead
    talk: Interaction
    callback: Callback

    def number(self, lead: Lead) -> PhoneNumber:
        return lead.contact.phones.get()

    def live(self) -> Attempt:
        return Attempt.objects.get(lead=self.maria)

    def attempt(self, lead: Lead, *, at: datetime, outcome: Outcome | None = None, agent: Agent | None = None, **more: Any) -> Attempt:
        """A dialed attempt with its permit and its call; with an outcome it is over after half a minute."""
        phone = self.number(lead)
        ended = at + 30 * SECOND if outcome else None
        answered = at + 5 * SECOND if outcome in (None, Outcome.CONNECTED, Outcome.ABANDONED, Outcome.MACHINE) else None
        connected = at + 6 * SECOND if outcome in (None, Outcome.CONNECTED) else None
        attempt = Attempt.objects.create(
            **{
                "lead": lead,
                "campaign": self.campaign,
                "contact": lead.contact,
                "phone": phone,
                "e164": phone.e164,
                "agent": agent,
                "epoch": self.campaign.epoch,
                "state": AttemptState.CONCLUDED if outcome else AttemptState.OPEN,
                "outcome": outcome,
                "planned_at": at,
                "dialed_at": at,
                "answered_at": answered,
                "connected_at": connected,
                "concluded_at": ended,
            }
            | more
        )
        Permit.objects.create(attempt=attempt, decided_at=at, valid_until=at + 5 * SECOND)
        Call.objects.create(
            id=attempt.pk,
            party="customer",
            node=self.node,
            address=phone.e164,
            caller_id="+441632960000",
            state=CallState.ENDED if outcome else CallState.CONNECTED,
            planned_at=at,
            deadline=at + MINUTE,
            dialing_at=at,
            answered_at=answered,
            connected_at=connected,
            announcing_at=at + 7 * SECOND if outcome is Outcome.ABANDONED else None,
            ended_at=ended,
            cause="normal" if outcome else "",
        )
        Lead.objects.filter(pk=lead.pk).update(attempts_made=Attempt.objects.filter(lead=lead, dialed_at__isnull=False).count())
        return attempt

    def interaction(self, agent: Agent, **more: Any) -> Interaction:
        since = NOW - MINUTE
        return Interaction.objects.create(
            **{
                "agent": agent,
                "phase": Phase.PREVIEW,
                "phase_since": since,
                "opened_at": since,
                "campaign_id": self.campaign.pk,
                "deadline": NOW + MINUTE,
            }
            | more
        )

    def stopped(self, *, at: datetime) -> None:
        Campaign.objects.filter(pk=self.campaign.pk).update(state=CampaignState.STOPPED, epoch=self.campaign.epoch + 1)
        CampaignChange.objects.create(campaign=self.campaign, at=at, move="stop", state=CampaignState.STOPPED)
        Callback.objects.filter(state=CallbackState.OPEN).update(state=CallbackState.CANCELLED, closed_at=at)
        Lead.objects.filter(reserved_for__isnull=False).update(reserved_for=None)


@pytest.fixture
def house() -> House:
    campaign = Campaign.objects.create(name="Spring renewal", mode_key="progressive", state=CampaignState.RUNNING, epoch=1)
    CampaignVersion.objects.create(
        campaign=campaign, number=1, created_at=NOW - 2 * HOUR, settings={"week": {"tue": [["08:00", "20:00"]]}, "max_attempts": 3}
    )
    for move, state, ago in (("approve", CampaignState.APPROVED, 3 * HOUR), ("start", CampaignState.RUNNING, 2 * HOUR)):
        CampaignChange.objects.create(campaign=campaign, at=NOW - ago, move=move, state=state)
    CallerId.objects.create(e164="+441632960000", verified=True)
    agents = {}
    for name in ("ana", "ben"):
        agents[name] = Agent.objects.create(user=User.objects.create(username=name))
        Session.objects.create(agent=agents[name])
    calling_list = CallingList.objects.create(campaign=campaign, name="March")
    zones = ZoneGroup.objects.create(zones=["Europe/London"])
    leads = {}
    for place, (name, lead_state) in enumerate(PEOPLE.items(), start=1):
        contact = Contact.objects.create(first_name=name)
        PhoneNumber.objects.create(contact=contact, e164=f"+44770090000{place}", number_key=f"key of {name}", zones=["Europe/London", "Europe/Paris"])
        leads[name.lower()] = Lead.objects.create(
            campaign=campaign, calling_list=calling_list, contact=contact, zone_group=zones, state=lead_state, next_call_at=NOW
        )
    callback = Callback.objects.create(lead=leads["lena"], kind="personal", agent=agents["ben"], due_at=NOW + HOUR)
    Callback.objects.update(created_at=NOW - 40 * MINUTE)
    Lead.objects.filter(pk=leads["lena"].pk).update(reserved_for=agents["ben"], reason="callback")
    talk = Interaction(agent=agents["ana"])
    ana, ben = agents["ana"], agents["ben"]
    maria, omar, lena, paul = (leads[name.lower()] for name in PEOPLE)
    house = House(campaign, Node.objects.create(name="local"), ana, ben, maria, omar, lena, paul, talk, callback)
    live = house.attempt(house.maria, at=NOW - 30 * SECOND, agent=house.ana)
    house.talk = house.interaction(
        house.ana, phase=Phase.CONNECTED, lead_id=house.maria.pk, call_id=live.pk, phone_id=live.phone_id, deadline=NOW + HOUR
    )
    house.attempt(house.omar, at=NOW - 50 * MINUTE, outcome=Outcome.NO_ANSWER)
    house.attempt(house.lena, at=NOW - 50 * MINUTE, outcome=Outcome.CONNECTED, agent=house.ben)
    house.attempt(house.paul, at=NOW - 50 * MINUTE, outcome=Outcome.ABANDONED)
    house.interaction(house.ben, phase=Phase.CLOSED, opened_at=NOW - 50 * MINUTE, closed_at=NOW - 40 * MINUTE, lead_id=house.lena.pk)
    ListImport.objects.create(campaign=campaign, file_name="march.csv", state="done", rows=10, accepted=7, duplicates=2, rejected=1)
    return house


@pytest.fixture
def unguarded(house: House) -> Callable[..., None]:
    """Takes the database's own guards away for this test: only then can the rows be made that the queries are there to find."""

    def drop(*guards: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for guard in guards:
                table = next(model._meta.db_table for model in (Attempt, Interaction) if guard in {c.name for c in model._meta.constraints})
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {guard}")
                cursor.execute(f"DROP INDEX IF EXISTS {guard}")

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in (Attempt, Call, Campaign, Interaction):
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
    return drop


def rows(*found: Any) -> set[str]:
    return {str(row.pk) for row in found}


PLANTED: dict[str, Callable[[House, Callable[..., None]], set[str]]] = {}


def plants(*promises: str) -> Callable[[Callable[[House, Callable[..., None]], set[str]]], None]:
    """This makes rows that break `promises` and returns the ids that break the first of them."""

    def remember(plant: Callable[[House, Callable[..., None]], set[str]]) -> None:
        for promise in promises:
            PLANTED[promise] = plant

    return remember


@plants("S1.lead", "S1.contact", "S1.number")
def _maria_is_dialed_twice(house: House, drop: Callable[..., None]) -> set[str]:
    drop("one_open_attempt_per_contact", "one_open_attempt_per_number")
    return rows(house.live(), house.attempt(house.maria, at=NOW - 20 * SECOND))


@plants("S1.number-past", "S1.contact-past")
def _omar_was_dialed_while_his_phone_rang(house: House, drop: Callable[..., None]) -> set[str]:
    return rows(house.attempt(house.omar, at=NOW - 50 * MINUTE + 10 * SECOND, outcome=Outcome.NO_ANSWER))


@plants("S2.agent")
def _ana_has_two_records(house: House, drop: Callable[..., None]) -> set[str]:
    drop("one_open_interaction_per_agent")
    return rows(house.talk, house.interaction(house.ana))


@plants("S2.agent-past")
def _ben_had_two_records(house: House, drop: Callable[..., None]) -> set[str]:
    return rows(house.interaction(house.ben, phase=Phase.CLOSED, opened_at=NOW - 45 * MINUTE, closed_at=NOW - 30 * MINUTE))


@plants("S2.lead", "S2.call")
def _maria_is_in_two_hands(house: House, drop: Callable[..., None]) -> set[str]:
    drop("one_owning_interaction_per_lead")
    return rows(house.talk, house.interaction(house.ben, lead_id=house.maria.pk, call_id=house.talk.call_id))


@plants("S2.session")
def _ana_lost_her_session(house: House, drop: Callable[..., None]) -> set[str]:
    Session.objects.filter(agent=house.ana).delete()
    return rows(house.talk)


@plants("S2.bridge")
def _two_customers_hear_each_other(house: House, drop: Callable[..., None]) -> set[str]:
    house.attempt(house.omar, at=NOW - 20 * SECOND)
    live = Call.objects.exclude(state=CallState.ENDED)
    live.update(bridge=uuid7())
    return rows(*live)


@plants("S3")
def _lena_was_called_before_eight_in_london(house: House, drop: Callable[..., None]) -> set[str]:
    CampaignChange.objects.update(at=NOW - 10 * HOUR)
    CampaignVersion.objects.update(settings={"week": {"tue": [["08:00", "10:30"], ["10:30", "11:00"]]}, "max_attempts": 3, "ring_for": 30})
    early = house.attempt(house.lena, at=NOW.replace(hour=7, minute=30), outcome=Outcome.NO_ANSWER)
    # eleven o'clock in Paris is ten in London: the one may ring until then, the other is over a second too late
    house.attempt(house.paul, at=NOW - 30 * SECOND, outcome=Outcome.NO_ANSWER)
    house.attempt(house.paul, at=NOW - 30 * MINUTE - 10 * SECOND, outcome=Outcome.NO_ANSWER)
    return rows(early, house.attempt(house.omar, at=NOW - 29 * SECOND, outcome=Outcome.NO_ANSWER))


@plants("S3.law")
def _omar_and_paul_were_called_under_rules_that_forbade_it(house: House, drop: Callable[..., None]) -> set[str]:
    """Omar at night by the pack's hours, Paul again within a day by its cap; Maria is talked to in order."""
    hours = [{"kind": "calling_window", "week": {"tue": [["09:00", "12:00"]]}}]
    RulePack.objects.create(name="Hours", jurisdiction="*", rules=hours)
    RulePack.objects.create(name="Once a day", jurisdiction="*", rules=[{"kind": "frequency_cap", "scope": "person", "count": 1, "hours": 24}])
    omars, pauls = Attempt.objects.get(lead=house.omar), Attempt.objects.get(lead=house.paul)
    again = house.attempt(house.paul, at=pauls.planned_at + HOUR, outcome=Outcome.NO_ANSWER)
    Permit.objects.filter(attempt__in=[house.live(), pauls, again]).update(evidence={"rules": ["Once a day v1"], "zones": ["Europe/London"]})
    Permit.objects.filter(attempt=omars).update(evidence={"rules": ["Hours v1"], "zones": ["America/New_York"]})
    # Lena on a holiday of Scotland, where she may be; Maria is known to be in Wales
    RulePack.objects.create(name="Holidays", jurisdiction="*", rules=[{"kind": "public_holidays"}])
    Holiday.objects.create(calendar=HolidayCalendar.objects.create(name="GB-SCT"), day=NOW.date())
    lenas = Attempt.objects.get(lead=house.lena)
    for attempt, places in ((lenas, ["GB", "JE"]), (house.live(), ["GB", "GB-WLS"])):
        named = {"rules": ["Once a day v1", "Holidays v1"], "zones": ["Europe/London"], "places": places}
        Permit.objects.filter(attempt=attempt).update(evidence=named)
    return rows(omars, again, lenas)


@plants("S4")
def _omar_had_asked_not_to_be_called(house: House, drop: Callable[..., None]) -> set[str]:
    DoNotCall.objects.create(number_key="key of Omar", source="agent", created_at=NOW - HOUR)
    DoNotCall.objects.create(number_key="key of Maria", source="agent", created_at=NOW)
    other = Campaign.objects.create(name="Welcome calls")
    DoNotCall.objects.create(number_key="key of Paul", campaign=other, source="agent", created_at=NOW - HOUR)
    return rows(Attempt.objects.get(lead=house.omar))


@plants("S5")
def _omar_was_called_a_fourth_time(house: House, drop: Callable[..., None]) -> set[str]:
    house.attempt(house.omar, at=NOW - 45 * MINUTE, outcome=Outcome.CONGESTION)  # not his doing
    for minutes in (40, 30):
        house.attempt(house.omar, at=NOW - minutes * MINUTE, outcome=Outcome.NO_ANSWER)
    return rows(house.attempt(house.omar, at=NOW - 20 * MINUTE, outcome=Outcome.BUSY))


@plants("S5.ledger")
def _an_attempt_was_not_counted(house: House, drop: Callable[..., None]) -> set[str]:
    Lead.objects.filter(pk=house.omar.pk).update(attempts_made=0)
    return rows(house.omar)


@plants("S6")
def _an_attempt_ended_without_an_outcome(house: House, drop: Callable[..., None]) -> set[str]:
    drop("concluded_has_an_outcome")
    Attempt.objects.filter(lead=house.omar).update(outcome=None)
    return rows(Attempt.objects.get(lead=house.omar))


@plants("S6.call")
def _a_call_ended_and_its_attempt_did_not(house: House, drop: Callable[..., None]) -> set[str]:
    Call.objects.filter(pk=house.live().pk).update(state=CallState.ENDED, ended_at=NOW, cause="normal")
    return rows(house.live())


@plants("S6.leg")
def _another_number_was_dialed(house: House, drop: Callable[..., None]) -> set[str]:
    Call.objects.filter(pk=house.live().pk).update(address="+447700900999")
    return rows(house.live())


@plants("S6.ended")
def _a_call_ended_without_a_cause(house: House, drop: Callable[..., None]) -> set[str]:
    attempt = Attempt.objects.get(lead=house.omar)
    Call.objects.filter(pk=attempt.pk).update(cause="")
    return rows(attempt)


@plants("S6.belongs")
def _omars_attempt_dialed_pauls_number(house: House, drop: Callable[..., None]) -> set[str]:
    Attempt.objects.filter(lead=house.omar).update(phone=house.number(house.paul))
    return rows(Attempt.objects.get(lead=house.omar))


@plants("S7.outcome")
def _an_answered_call_counts_as_not_answered(house: House, drop: Callable[..., None]) -> set[str]:
    Attempt.objects.filter(lead=house.paul).update(outcome=Outcome.NO_ANSWER)
    Attempt.objects.filter(lead=house.omar).update(outcome=Outcome.ABANDONED)
    return rows(*Attempt.objects.filter(lead__in=[house.paul, house.omar]))


@plants("S7.connected")
def _paul_is_said_to_have_reached_an_agent(house: House, drop: Callable[..., None]) -> set[str]:
    Attempt.objects.filter(lead=house.paul).update(outcome=Outcome.CONNECTED)
    return rows(Attempt.objects.get(lead=house.paul))


@plants("S7.agree")
def _the_ledger_forgot_that_lena_answered(house: House, drop: Callable[..., None]) -> set[str]:
    Attempt.objects.filter(lead=house.lena).update(answered_at=None)
    return rows(Attempt.objects.get(lead=house.lena))


@plants("S7.two-seconds")
def _paul_waited_in_silence(house: House, drop: Callable[..., None]) -> set[str]:
    attempt = Attempt.objects.get(lead=house.paul)
    Call.objects.filter(pk=attempt.pk).update(announcing_at=attempt.planned_at + 9 * SECOND)
    Call.objects.filter(pk=house.live().pk).update(state=CallState.ANSWERED, connected_at=None)  # and Maria still does
    return rows(attempt, house.live())


@plants("S8.deadline")
def _nobody_will_look_at_bens_offer(house: House, drop: Callable[..., None]) -> set[str]:
    return rows(house.interaction(house.ben, phase=Phase.OFFERED, deadline=None))


@plants("S8.call-gone")
def _ana_talks_to_nobody(house: House, drop: Callable[..., None]) -> set[str]:
    Interaction.objects.filter(pk=house.talk.pk).update(call_id=Attempt.objects.get(lead=house.omar).pk)
    gone = Attempt.objects.get(lead=house.paul).pk
    waits = house.interaction(house.ben, phase=Phase.DIALING, call_id=gone)
    return rows(house.talk, waits)


@plants("S8.asked")
def _ben_was_asked_by_nobody(house: House, drop: Callable[..., None]) -> set[str]:
    return rows(house.interaction(house.ben, phase=Phase.RINGING_AGENT, origin="transfer", lead_id=None, owns_lead=False))


@plants("S8.lead-busy")
def _omar_is_busy_with_nobody(house: House, drop: Callable[..., None]) -> set[str]:
    Lead.objects.filter(pk=house.omar.pk).update(state=LeadState.BUSY)
    return rows(house.omar)


@plants("S8.lead-free")
def _maria_waits_while_she_talks(house: House, drop: Callable[..., None]) -> set[str]:
    Lead.objects.filter(pk=house.maria.pk).update(state=LeadState.WAITING)
    house.interaction(house.ben, lead_id=house.paul.pk)
    return rows(house.maria, house.paul)


@plants("S8.names")
def _ana_talks_to_a_lead_that_is_gone(house: House, drop: Callable[..., None]) -> set[str]:
    names = ("lead_id", "campaign_id", "phone_id", "disposition_id")
    gone = [house.interaction(house.ben, phase=Phase.CLOSED, closed_at=NOW - MINUTE, opened_at=NOW - MINUTE, **{name: 999_999}) for name in names]
    return rows(*gone, house.interaction(house.ben, phase=Phase.CLOSED, closed_at=NOW, call_id=uuid7()))


@plants("S9")
def _ana_made_the_call_that_ben_had_promised(house: House, drop: Callable[..., None]) -> set[str]:
    house.attempt(house.lena, at=NOW - 30 * MINUTE, outcome=Outcome.NO_ANSWER, agent=house.ben)
    return rows(house.attempt(house.lena, at=NOW - 20 * MINUTE, outcome=Outcome.NO_ANSWER, agent=house.ana))


@plants("S9.open")
def _lena_is_finished_and_still_promised_a_call(house: House, drop: Callable[..., None]) -> set[str]:
    Lead.objects.filter(pk=house.lena.pk).update(state=LeadState.FINAL)
    return rows(house.callback)


@plants("S9.reserved")
def _the_wrong_lead_is_kept_for_ben(house: House, drop: Callable[..., None]) -> set[str]:
    Lead.objects.filter(pk=house.lena.pk).update(reserved_for=None)
    Lead.objects.filter(pk=house.omar.pk).update(reserved_for=house.ben)
    return rows(house.lena, house.omar)


@plants("S10")
def _omar_was_planned_after_the_stop(house: House, drop: Callable[..., None]) -> set[str]:
    house.stopped(at=NOW)
    return rows(house.attempt(house.omar, at=NOW, outcome=Outcome.CANCELLED, epoch=house.campaign.epoch + 1))


@plants("S10.dialed")
def _omar_was_dialed_after_the_stop(house: House, drop: Callable[..., None]) -> set[str]:
    house.stopped(at=NOW - 10 * SECOND)
    return rows(house.attempt(house.omar, at=NOW, outcome=Outcome.NO_ANSWER))


@plants("S12")
def _somebody_paused_without_a_trace(house: House, drop: Callable[..., None]) -> set[str]:
    Campaign.objects.filter(pk=house.campaign.pk).update(state=CampaignState.PAUSED)
    return rows(house.campaign)


@plants("S14")
def _a_row_of_the_file_is_unaccounted_for(house: House, drop: Callable[..., None]) -> set[str]:
    ListImport.objects.update(rejected=0)
    return rows(*ListImport.objects.all())


@plants("S15.permit")
def _maria_was_dialed_after_her_permit_ran_out(house: House, drop: Callable[..., None]) -> set[str]:
    live, omars, pauls = house.live(), Attempt.objects.get(lead=house.omar), Attempt.objects.get(lead=house.paul)
    Permit.objects.filter(attempt=live).update(valid_until=live.planned_at - SECOND)
    Permit.objects.filter(attempt=omars).update(decided_at=omars.planned_at + SECOND)
    Permit.objects.filter(attempt=pauls).delete()
    # the last look came a moment before Lena's ran out, and the carrier may have been asked a moment after
    lenas = Attempt.objects.get(lead=house.lena)
    Permit.objects.filter(attempt=lenas).update(valid_until=lenas.planned_at + 3 * SECOND)
    Call.objects.filter(pk=lenas.pk).update(dialing_at=lenas.planned_at + 2.5 * SECOND)
    return rows(live, omars, pauls, lenas)


@plants("S15.ledger")
def _a_call_went_past_the_ledger(house: House, drop: Callable[..., None]) -> set[str]:
    stray = {"party": "customer", "node": house.node, "address": "+447700900111", "planned_at": NOW, "deadline": NOW}
    Call.objects.create(party="customer", node=house.node, address="+447700900111", planned_at=NOW, deadline=NOW, state=CallState.RINGING)
    return rows(Call.objects.create(**stray), Call.objects.create(**stray, state=CallState.DIALING, dialing_at=NOW))


@plants("S15.caller-id")
def _maria_sees_a_number_that_is_not_ours(house: House, drop: Callable[..., None]) -> set[str]:
    CallerId.objects.update(verified=False)
    return rows(house.live())


def test_a_healthy_house_breaks_nothing(house: House) -> None:
    assert invariants.broken(now=NOW) == []
    invariants.check(now=NOW)


@pytest.mark.parametrize("promise", [invariant.id for invariant in invariants.ALL])
def test_each_promise_finds_who_breaks_it(house: House, unguarded: Callable[..., None], promise: str) -> None:
    planted = PLANTED[promise](house, unguarded)
    found = {each.id: set(each.ids) for each in invariants.broken(now=NOW)}
    assert found.get(promise) == planted


def test_a_promise_has_one_id_and_a_sentence() -> None:
    assert len({invariant.id for invariant in invariants.ALL}) == len(invariants.ALL)
    assert all(invariant.sentence.endswith(".") for invariant in invariants.ALL)
    assert set(PLANTED) == {invariant.id for invariant in invariants.ALL}


def test_the_check_of_a_test_tells_what_is_broken_and_by_whom(house: House) -> None:
    Lead.objects.filter(pk=house.omar.pk).update(attempts_made=0)
    with pytest.raises(invariants.PromiseBroken, match=rf"S5\.ledger .* Broken by: {house.omar.pk}"):
        invariants.check(now=NOW)


def test_the_command_ends_well_on_a_healthy_house(house: House) -> None:
    Interaction.objects.filter(pk=house.talk.pk).update(deadline=NOW + HOUR)
    out = StringIO()
    call_command("check_invariants", stdout=out)
    assert out.getvalue() == f"{len(invariants.ALL)} of {len(invariants.ALL)} promises hold.\n"


def test_the_command_ends_with_one_and_names_the_offenders(house: House) -> None:
    ListImport.objects.update(rejected=0)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", "--json", stdout=out)
    assert ended.value.code == 1
    told = json.loads(out.getvalue())
    assert told["checked"] == len(invariants.ALL)
    assert [(each["id"], each["ids"]) for each in told["broken"]] == [("S14", [str(ListImport.objects.get().pk)])]
