"""Contact and Case Information: who it is, where the record stands, and what was tried before, page by page."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission

from agents.desk import DONE, Refusal
from agents.messages import AttemptShown, Details, History
from agents.models import Interaction
from campaigns import screens
from campaigns.models import Attempt, Campaign, Contact
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    return floor.campaign("preview", agents=[ana], max_attempts=50)


@pytest.fixture
def maria(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    person = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    return person


Tried = Callable[[Person, Campaign, int], None]


@pytest.fixture
def tried_before(floor: Floor) -> Iterator[Tried]:
    """Calls of the last days as rows alone, some of them in the same instant; gone before it is asked what the ledger says."""
    dice = random.Random(7)
    made: list[UUID] = []

    def tried(person: Person, campaign: Campaign, calls: int) -> None:
        for _ in range(calls):
            at = floor.now - timedelta(hours=dice.randint(1, calls))
            attempt = Attempt.objects.create(
                lead=person.lead,
                campaign=campaign,
                contact=person.contact,
                phone=person.contact.phones.get(),
                e164=person.number,
                state="concluded",
                outcome=dice.choice(["no_answer", "busy"]),
                epoch=0,
                planned_at=at,
                dialed_at=at,
                concluded_at=at + timedelta(seconds=20),
            )
            made.append(attempt.pk)

    yield tried
    Attempt.objects.filter(pk__in=made).delete()


def on_the_desk(ana: Someone) -> Details:
    details = screens.record(ana.id, ana._work())
    assert details
    return details


def older(ana: Someone, page: History) -> History:
    last = page.attempts[-1]
    found = screens.history_before(ana.id, ana._work(), (last.at, last.id))
    assert found
    return found


def test_history_is_read_page_by_page_the_newest_first_nothing_twice_and_nothing_left_out(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign, tried_before: Tried
) -> None:
    tried_before(maria, campaign, 34)
    ana.gets(campaign)
    page = on_the_desk(ana).history
    assert len(page.attempts) == screens.HISTORY
    read: list[AttemptShown] = list(page.attempts)
    while page.more:
        page = older(ana, page)
        read += page.attempts
    assert [one.id for one in read] == list(Attempt.objects.order_by("-planned_at", "-id").values_list("pk", flat=True))


def test_a_page_costs_the_same_however_long_the_history(floor: Floor, ana: Someone, maria: Person, campaign: Campaign, tried_before: Tried) -> None:
    ana.gets(campaign)
    with floor.queries() as few:
        on_the_desk(ana)
    tried_before(maria, campaign, 30)
    with floor.queries() as many:
        on_the_desk(ana)
    assert len(many) == len(few)


def test_a_call_is_told_with_its_agent_how_long_they_talked_the_note_and_whose_clock(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign
) -> None:
    floor.rule(campaign, "connected", minutes=5)
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "connected", at_most=10)
    floor.run(25)
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=5)
    assert ana.finishes("again", note="ask for the contract") == DONE
    floor.run(6 * 60)
    assert ana.gets(campaign) == DONE
    (told,) = on_the_desk(ana).history.attempts
    assert (told.outcome, told.disposition, told.agent, told.note, told.zone, told.campaign) == (
        "connected",
        "Again",
        "Ana",
        "ask for the contract",
        "Europe/Madrid",
        campaign.name,
    )
    assert told.seconds in (25, 26)
    assert told.number.startswith("+34 •")


def test_what_was_noted_without_a_call_is_told_to_whoever_comes_next(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    ana.gets(campaign)
    assert ana.finishes(None, note="on holiday until Monday") == DONE
    floor.run(11 * 60)
    assert ana.gets(campaign) == DONE
    (told,) = on_the_desk(ana).history.attempts
    assert (told.note, told.number, told.outcome, told.agent) == ("on holiday until Monday", "", "", "Ana")


def test_what_other_campaigns_tried_is_for_those_who_may_see_it(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign, tried_before: Tried
) -> None:
    other = floor.campaign("preview", agents=[floor.agent("Ben")])
    elsewhere = floor.person(other, contact=maria.contact)
    tried_before(elsewhere, other, 2)
    tried_before(maria, campaign, 1)
    ana.gets(campaign)
    assert {one.campaign for one in on_the_desk(ana).history.attempts} == {campaign.name}
    ana.agent.user.user_permissions.add(Permission.objects.get(codename="view_attempts_elsewhere"))
    assert {one.campaign for one in on_the_desk(ana).history.attempts} == {campaign.name, other.name}


def test_nobody_reads_the_history_of_a_record_that_is_not_on_their_desk(
    floor: Floor, ana: Someone, maria: Person, campaign: Campaign, tried_before: Tried
) -> None:
    tried_before(maria, campaign, 3)
    ben = floor.agent("Ben")
    ana.gets(campaign)
    (last, *_) = on_the_desk(ana).history.attempts
    assert screens.history_before(ben.id, ana._work(), (last.at, last.id)) is None
    work = ana._work()
    ana.declines()
    assert screens.history_before(ana.id, work, (last.at, last.id)) is None


def test_the_contact_and_the_case_are_told_in_full(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Contact.objects.filter(pk=maria.contact.pk).update(title="Dr", company="Sol", address="Calle 1", city="Madrid", email="maria@example.com")
    floor.script.say(maria.number, Busy())
    ana.gets(campaign)
    ana.calls()
    floor.run(until=lambda: ana.phase == "preview", at_most=10)
    details = on_the_desk(ana)
    assert details.contact
    assert details.case
    contact = details.contact
    assert (contact.title, contact.first_name, contact.last_name) == ("Dr", "Maria", "López")
    assert (contact.company, contact.address, contact.email) == ("Sol", "Calle 1, Madrid", "maria@example.com")
    assert (details.case.calling_list, details.case.priority, details.case.attempts, details.case.max_attempts) == ("list", "normal", 1, 50)
    assert [one.outcome for one in details.history.attempts] == ["busy"]


def test_a_callback_says_so_as_its_priority(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    floor.promises(maria, None, at=floor.now)
    assert ana.gets(campaign) == DONE
    case = on_the_desk(ana).case
    assert case
    assert case.priority == "callback"


# --- the clock that dials -------------------------------------------------------------------------------------------------------------


def test_more_time_gives_the_previews_time_once_more_as_often_as_the_campaign_says(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20, preview_extensions=2)
    maria = floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    begun = floor.now
    floor.run(15)
    assert ana.wants_more_time() == DONE
    work = ana.work
    assert work
    assert work.dial_due == begun + timedelta(seconds=40)
    assert ana.wants_more_time() == DONE
    refused = ana.wants_more_time()
    assert isinstance(refused, Refusal)
    assert "Wait" in refused.sentence
    floor.run(44)
    assert not maria.attempts
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    assert isinstance(ana.wants_more_time(), Refusal), "nothing runs out while they talk"


def test_who_has_pressed_wait_needs_no_more_time(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("preview", agents=[ana], preview_for=20)
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    ana.gets(campaign)
    ana.waits()
    refused = ana.wants_more_time()
    assert isinstance(refused, Refusal)
    assert ana.work
    assert ana.work.dial_due is None


# --- why a record was rejected ----------------------------------------------------------------------------------------------------------


def test_a_rejection_says_why_where_the_campaign_wants_to_know_and_the_next_agent_reads_it(floor: Floor, ana: Someone) -> None:
    campaign = floor.campaign("push_preview", agents=[ana], reject_reason=True)
    floor.person(campaign, "Maria", TALKS)
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "offered", at_most=2)
    assert on_the_desk(ana).reject_reason
    refused = ana.rejects("  ")
    assert isinstance(refused, Refusal)
    assert (refused.sentence, ana.phase) == ("Say why you reject this record: this campaign wants to know.", "offered")
    assert ana.rejects("I know her") == DONE
    assert Interaction.objects.filter(phase="closed").get().note == "I know her"
    floor.run(until=lambda: ana.phase == "offered", at_most=5)
    assert [one.note for one in on_the_desk(ana).history.attempts] == ["I know her"]
