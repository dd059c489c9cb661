"""Who has a record in hand is told why it is not dialed and when it can be; and a permit keeps what it was given on."""

from datetime import UTC, datetime, timedelta

from django.db import connections

from campaigns import explain, facts, spending, waterfall
from campaigns.models import Attempt, CallableHours, Consent, Permit, PhoneNumber, SpendLimit
from campaigns.rules.permit.gate import campaign_holds
from dialer_project.lib.sentence import heard
from telephony.drivers.simulated.script import Answers, Busy, seconds
from telephony.models import Trunk
from tests.floor import Floor, Someone
from tests.flow.test_permits import law, pin

TALKS = Answers(after=seconds(3), talks_for=seconds(20))


def told(ana: Someone) -> str:
    assert ana.work is not None
    return heard(ana.work.notice)


def test_outside_calling_hours_the_agent_is_told_when_they_begin(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], hours=CallableHours.objects.get(name="nine to nine"))
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.jumps_to(datetime(2026, 3, 10, 19, 58, tzinfo=UTC))
    ana.gets(campaign)
    floor.jumps_to(datetime(2026, 3, 10, 20, 1, tzinfo=UTC))
    ana.calls()
    assert told(ana) == "Outside calling hours in Europe/Madrid. It can be called from Wednesday 11 March at 09:00, Europe/Madrid time."


def test_after_a_cap_the_agent_is_told_when_it_ends(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    pin(campaign, law({"kind": "frequency_cap", "scope": "number", "count": 1, "hours": 24}))
    maria = floor.person(campaign, "Maria", Busy(after=seconds(1)))
    ana.sits_down()
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: maria.outcomes == ["busy"], at_most=10)
    dialed = Attempt.objects.get().dialed_at
    assert dialed is not None
    ana.chooses("again")
    ana.calls()
    at = (dialed + timedelta(hours=25)).strftime("%H:%M")  # Madrid is an hour ahead of UTC
    assert told(ana).endswith(f"It can be called from Wednesday 11 March at {at}, Europe/Madrid time.")


def test_where_nobody_can_say_when_no_time_is_told(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana])
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    pin(campaign, law({"kind": "consent", "kinds": ["call"]}))
    ana.calls()
    assert "wants consent" in told(ana)
    assert "can be called from" not in told(ana)


def test_while_another_spends_the_last_of_the_limit_the_agent_is_told_to_press_again(floor: Floor, ana: Someone) -> None:
    Trunk.objects.update(per_minute="0.10")
    campaign = floor.campaign("preview", agents=[ana])
    limit = SpendLimit.objects.create(campaign=campaign, per_day="20.00")
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    other = connections.create_connection("default")
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [spending.SPENDING, limit.pk])
            ana.calls()
    finally:
        other.rollback()
        other.close()
    assert told(ana) == "The last of what may be spent today is being spent: press Call again in a moment."
    assert not maria.attempts
    ana.calls()
    assert len(maria.attempts) == 1


def test_a_trunk_that_is_switched_off_holds_its_campaign_and_says_so(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    Trunk.objects.update(enabled=False)
    ana.sits_down()
    floor.run(10)
    assert not maria.attempts
    off = "The campaign's trunk is switched off: switch it on, or choose another one."
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert not why.callable_now
    assert off in why.in_words
    summed = waterfall.of_campaign(campaign.pk, now=floor.now)
    assert summed is not None
    assert off in summed.in_words
    Trunk.objects.update(enabled=True)
    floor.run(until=lambda: maria.attempts, at_most=30)


def test_without_a_telephony_server_its_campaigns_are_held_and_say_so(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    maria = floor.person(campaign, "Maria", TALKS)
    floor.stop_listening()
    floor.pump_runs = False
    away = "No telephony server is there to take calls: start one, or see Telephony, Nodes."
    floor.jumps_to(floor.now + timedelta(seconds=60))
    why = explain.lead(maria.lead.pk, now=floor.now)
    assert why is not None
    assert away in why.in_words
    summed = waterfall.of_campaign(campaign.pk, now=floor.now)
    assert summed is not None
    assert away in summed.in_words
    fresh = facts.settings_now([campaign.pk], now=floor.now)[campaign.pk]
    assert campaign_holds(fresh.terms, now=floor.now) == (away,)
    assert not campaign_holds(facts.settings_of([campaign.pk])[campaign.pk].terms, now=floor.now), "who plans nothing now need not know"
    floor.pump_runs = True
    floor.listen()
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=30)


def test_of_numbers_that_are_gone_it_is_told_which_way(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    nobody, maria = floor.person(campaign, "Nobody", numbers=0), floor.person(campaign, "Maria")
    PhoneNumber.objects.update(active=False)
    off = "This number is switched off: the carrier has said that it does not exist, or an administrator has done so."
    for person, sentence in ((nobody, "This contact has no number left that may be called."), (maria, off)):
        why = explain.lead(person.lead.pk, now=floor.now)
        assert why is not None
        assert sentence in why.in_words


def test_a_permit_keeps_the_consent_and_the_counts_it_was_given_on(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("progressive", agents=[ana])
    pin(campaign, law({"kind": "consent", "kinds": ["call"]}, {"kind": "frequency_cap", "scope": "person", "count": 3, "hours": 24}))
    maria = floor.person(campaign, "Maria", TALKS)
    Consent.objects.create(contact=maria.contact, kind="call", source="form 77", given_at=datetime(2026, 3, 9, tzinfo=UTC))
    ana.sits_down()
    floor.run(until=lambda: maria.attempts, at_most=5)
    shown = " | ".join(Permit.objects.get().evidence["shown"])
    assert "call 2026-03-09" in shown
    assert "fewer were made" in shown
