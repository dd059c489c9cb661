"""The database has the last word: what it refuses, nobody can do, whatever the code believes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model
from uuid_utils.compat import uuid7

from agents.models import Agent, Interaction, Session, User
from agents.rules.lifecycle import OPEN, Phase
from campaigns.models import (
    Attempt,
    Callback,
    CallingList,
    Campaign,
    Contact,
    Disposition,
    DoNotCall,
    Lead,
    Participation,
    PhoneNumber,
    RetryRule,
    ZoneGroup,
)
from campaigns.rules.lifecycle import AttemptState, CallbackState, CampaignState
from campaigns.rules.outcomes import Outcome
from telephony.models import Call, CallEvent, Node
from telephony.rules.lifecycle import CALL, CallState

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring renewal")


@pytest.fixture
def ana() -> Agent:
    return Agent.objects.create(user=User.objects.create(username="ana"))


@pytest.fixture
def ben() -> Agent:
    return Agent.objects.create(user=User.objects.create(username="ben"))


def lead_of(campaign: Campaign, name: str, e164: str) -> Lead:
    contact, _ = Contact.objects.get_or_create(first_name=name)
    PhoneNumber.objects.get_or_create(contact=contact, e164=e164, defaults={"number_key": e164})
    calling_list, _ = CallingList.objects.get_or_create(campaign=campaign, name="March")
    zones, _ = ZoneGroup.objects.get_or_create(zones=["Europe/London"])
    lead, _ = Lead.objects.get_or_create(
        campaign=campaign, contact=contact, defaults={"calling_list": calling_list, "zone_group": zones, "next_call_at": NOW}
    )
    return lead


@pytest.fixture
def maria(campaign: Campaign) -> Lead:
    return lead_of(campaign, "Maria", "+447700900001")


def planned(lead: Lead, **more: Any) -> Attempt:
    phone = lead.contact.phones.order_by("-pk")[0]
    facts = {"lead": lead, "campaign": lead.campaign, "contact": lead.contact, "phone": phone, "e164": phone.e164, "epoch": 0}
    return Attempt.objects.create(**facts | {"planned_at": NOW} | more)


def concluded(lead: Lead, outcome: Outcome = Outcome.BUSY) -> Attempt:
    return planned(lead, state=AttemptState.CONCLUDED, outcome=outcome, concluded_at=NOW)


def in_hand(agent: Agent, **more: Any) -> Interaction:
    return Interaction.objects.create(**{"agent": agent, "phase": Phase.PREVIEW, "phase_since": NOW, "opened_at": NOW} | more)


def call_in(state: CallState, node: Node) -> Call:
    return Call.objects.create(party="customer", node=node, address="+447700900001", state=state, planned_at=NOW, deadline=NOW)


def refuses(because: str, row: Model, **change: Any) -> None:
    with pytest.raises(DatabaseError, match=because), transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(**change)


def test_the_pairs_in_the_trigger_are_those_of_the_table_of_a_call() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'call_moves_forward'")
        (source,) = cursor.fetchone()
    pairs = set(re.findall(r"\('(\w+)', '(\w+)'\)", source))
    assert pairs == {(str(state), str(nxt)) for state, moves in CALL.items() for nxt in moves.values()}


@pytest.mark.parametrize("state", CallState)
def test_a_call_goes_only_where_its_table_lets_it(state: CallState) -> None:
    node = Node.objects.create(name="local")
    for nxt in CallState:
        call = call_in(state, node)
        if nxt is state or nxt in CALL[state].values():
            assert Call.objects.filter(pk=call.pk).update(state=nxt) == 1
        else:
            refuses(f"cannot go from {state} to {nxt}", call, state=nxt)


def test_an_outcome_once_set_cannot_become_another(maria: Lead) -> None:
    attempt = concluded(maria)
    refuses("is busy and cannot become connected", attempt, outcome=Outcome.CONNECTED)
    refuses("cannot become", attempt, outcome=None)
    assert Attempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.BUSY) == 1  # said again: nothing changes


def test_a_concluded_attempt_is_not_opened_again(maria: Lead) -> None:
    refuses("is concluded", concluded(maria), state=AttemptState.OPEN)


def test_an_attempt_is_concluded_with_an_outcome_and_a_time_or_not_at_all(maria: Lead) -> None:
    attempt = planned(maria)
    refuses("concluded_has_an_outcome", attempt, state=AttemptState.CONCLUDED)
    refuses("concluded_has_an_outcome", attempt, state=AttemptState.CONCLUDED, outcome=Outcome.BUSY)
    refuses("concluded_has_an_outcome", attempt, outcome=Outcome.BUSY, concluded_at=NOW)


def test_a_person_has_one_open_attempt_across_their_numbers_and_campaigns(maria: Lead) -> None:
    planned(maria)
    elsewhere = lead_of(Campaign.objects.create(name="Welcome calls"), "Maria", "+447700900009")
    assert elsewhere.contact_id == maria.contact_id
    with pytest.raises(IntegrityError, match="one_open_attempt_per_contact"), transaction.atomic():
        planned(elsewhere)


def test_a_number_has_one_open_attempt_whoever_shares_it(campaign: Campaign, maria: Lead) -> None:
    planned(maria)
    with pytest.raises(IntegrityError, match="one_open_attempt_per_number"), transaction.atomic():
        planned(lead_of(campaign, "Omar", "+447700900001"))


def test_any_number_of_attempts_may_be_over(campaign: Campaign, maria: Lead) -> None:
    concluded(maria)
    concluded(maria)
    planned(maria)
    assert maria.attempts.count() == 3


def test_an_agent_has_one_open_piece_of_work(ana: Agent) -> None:
    for phase in OPEN:
        first = in_hand(ana, phase=phase)
        with pytest.raises(IntegrityError, match="one_open_interaction_per_agent"), transaction.atomic():
            in_hand(ana)
        Interaction.objects.filter(pk=first.pk).update(phase=Phase.CLOSED, closed_at=NOW)
    in_hand(ana)


def test_a_record_is_in_one_agents_hands_and_may_be_handed_over(ana: Agent, ben: Agent, maria: Lead) -> None:
    anas = in_hand(ana, lead_id=maria.pk)
    bens = in_hand(ben, lead_id=maria.pk, owns_lead=False)
    refuses("one_owning_interaction_per_lead", bens, owns_lead=True)
    Interaction.objects.filter(pk=anas.pk).update(owns_lead=False)
    assert Interaction.objects.filter(pk=bens.pk).update(owns_lead=True) == 1


def test_a_closed_interaction_stays_closed_and_has_its_time(ana: Agent) -> None:
    closed = in_hand(ana, phase=Phase.CLOSED, closed_at=NOW)
    refuses("is closed and cannot become wrap_up", closed, phase=Phase.WRAP_UP, closed_at=None)
    refuses("closed_has_its_time", closed, closed_at=None)
    with pytest.raises(IntegrityError, match="closed_has_its_time"), transaction.atomic():
        in_hand(ana, closed_at=NOW)


def test_what_a_screen_has_seen_is_never_followed_by_an_older_version(ana: Agent) -> None:
    session = Session.objects.create(agent=ana, version=7)
    refuses("is at version 7, 6 would be older", session, version=6)
    assert Session.objects.filter(pk=session.pk).update(version=8) == 1


@pytest.mark.parametrize("ended", [CampaignState.STOPPED, CampaignState.COMPLETED])
def test_a_campaign_that_has_ended_stays_so_whoever_asks(ended: CampaignState) -> None:
    campaign = Campaign.objects.create(name="Spring renewal", state=ended)
    for state in set(CampaignState) - {ended}:
        refuses(f"is {ended} and cannot become {state}", campaign, state=state)
    assert Campaign.objects.filter(pk=campaign.pk).update(description="still editable") == 1


def test_a_customer_is_promised_one_call_at_a_time(maria: Lead) -> None:
    first = Callback.objects.create(lead=maria, due_at=NOW)
    with pytest.raises(IntegrityError, match="one_open_callback_per_lead"), transaction.atomic():
        Callback.objects.create(lead=maria, due_at=NOW)
    Callback.objects.filter(pk=first.pk).update(state=CallbackState.KEPT)
    Callback.objects.create(lead=maria, due_at=NOW)


def test_a_lead_is_waiting_busy_or_finished_and_nothing_else(maria: Lead) -> None:
    refuses("lead_state_known", maria, state="lost")


def test_a_person_stands_once_in_a_campaign(campaign: Campaign, maria: Lead) -> None:
    same: dict[str, Any] = {"calling_list": maria.calling_list, "zone_group": maria.zone_group, "next_call_at": NOW}
    with pytest.raises(IntegrityError, match="one_lead_per_contact_and_campaign"), transaction.atomic():
        Lead.objects.create(campaign=campaign, contact=maria.contact, **same)


def test_an_external_id_names_one_contact_of_its_source_and_none_names_any_number() -> None:
    Contact.objects.create(source="hubspot", external_id="42")
    Contact.objects.create(source="salesforce", external_id="42")
    with pytest.raises(IntegrityError, match="contact_external_id_once"), transaction.atomic():
        Contact.objects.create(source="hubspot", external_id="42")
    Contact.objects.create(source="hubspot")
    Contact.objects.create(source="hubspot")


def test_a_number_is_listed_once_for_everybody_and_once_for_each_campaign(campaign: Campaign) -> None:
    for whose in (None, campaign):
        DoNotCall.objects.create(number_key="k", campaign=whose, source="agent", created_at=NOW)
        with pytest.raises(IntegrityError, match="do_not_call_once"), transaction.atomic():
            DoNotCall.objects.create(number_key="k", campaign=whose, source="import", created_at=NOW)


def test_a_disposition_of_all_campaigns_has_its_code_once(campaign: Campaign) -> None:
    for whose in (None, campaign):
        Disposition.objects.create(code="sale", label="Sale", campaign=whose)
        with pytest.raises(IntegrityError, match="disposition_code_once"), transaction.atomic():
            Disposition.objects.create(code="sale", label="Sold", campaign=whose)


def test_an_outcome_has_one_rule_and_an_agent_one_place_in_a_campaign(campaign: Campaign, ana: Agent) -> None:
    RetryRule.objects.create(campaign=campaign, outcome=Outcome.BUSY)
    with pytest.raises(IntegrityError, match="one_rule_per_outcome"), transaction.atomic():
        RetryRule.objects.create(campaign=campaign, outcome=Outcome.BUSY)
    Participation.objects.create(campaign=campaign, agent=ana)
    with pytest.raises(IntegrityError, match="one_participation_per_agent_and_campaign"), transaction.atomic():
        Participation.objects.create(campaign=campaign, agent=ana)


def test_what_a_carrier_says_twice_is_written_once() -> None:
    said: dict[str, Any] = {"node": Node.objects.create(name="local"), "key": "e1", "kind": "rang", "at": NOW, "recorded_at": NOW}
    CallEvent.objects.create(call_id=uuid7(), **said)
    with pytest.raises(IntegrityError, match="call_event_once"), transaction.atomic():
        CallEvent.objects.create(call_id=uuid7(), **said)
