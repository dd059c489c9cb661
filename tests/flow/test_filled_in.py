"""What an agent fills in on a record: kept as typed, checked at Done, stored with the person and the lead; and "Do not call back"."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from agents.desk import DONE, NOT_YOURS, Answer, Refusal
from agents.models import User
from campaigns import screens
from campaigns.flow import filled_in, more_time, talk
from campaigns.models import Callback, Campaign, DoNotCall, FieldDefinition, Survey, SurveyAnswer
from telephony.drivers.simulated.script import Answers, NoAnswer, seconds
from telephony.models import Announcement
from tests.floor import Floor, Person, Someone

TALKS = Answers(after=seconds(2), talks_for=seconds(60))
FORM = {
    "sections": [
        {
            "title": "Renewal",
            "text": "Hello {name}, this is {campaign}. {nobody}",
            "questions": [
                {"key": "renews", "label": "Do you renew?", "kind": "choice", "choices": ["yes", "no"], "required": True},
                {"key": "why_not", "label": "Why not?", "only_if": {"question": "renews", "is": "no"}},
            ],
        }
    ]
}


@pytest.fixture
def campaign(floor: Floor, ana: Someone) -> Campaign:
    made = floor.campaign("progressive", agents=[ana], name="Spring")
    FieldDefinition.objects.create(campaign=made, key="plan", label="Plan", kind="choice", choices=["S", "M"], editable=True, required=True)
    FieldDefinition.objects.create(campaign=made, key="contract", label="Contract")
    return made


@pytest.fixture
def maria(floor: Floor, ana: Someone, campaign: Campaign) -> Person:
    """Ana talks with her."""
    person = floor.person(campaign, "Maria", TALKS)
    type(person.contact).objects.filter(pk=person.contact.pk).update(fields={"plan": "S", "contract": "A-1"})
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "connected", at_most=6)
    return person


def enters(ana: Someone, **parts: Any) -> Answer:
    return filled_in.save(ana._work(), ana.id, parts, now=ana.floor.now)


def hangs_up(floor: Floor, ana: Someone) -> None:
    ana.hangs_up()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=3)


def places(answer: Answer) -> list[str]:
    assert isinstance(answer, Refusal)
    return [problem.where for problem in answer.problems]


def test_fields_are_kept_as_typed_and_stored_with_the_person_at_done(floor: Floor, ana: Someone, maria: Person) -> None:
    assert enters(ana, fields={"plan": "M", "contract": "forged", "stranger": "x"}) == DONE
    assert ana.work
    assert ana.work.draft["fields"]["plan"] == "M"
    maria.contact.refresh_from_db()
    assert maria.contact.fields == {"plan": "S", "contract": "A-1"}
    hangs_up(floor, ana)
    assert ana.finishes("sale") == DONE
    maria.contact.refresh_from_db()
    assert maria.contact.fields == {"plan": "M", "contract": "A-1"}, "what is not editable stays as it was"


def test_survey_answers_are_stored_with_the_record(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    enters(ana, survey={"renews": "yes", "why_not": "an answer to what is not asked any more"})
    hangs_up(floor, ana)
    assert ana.finishes("sale") == DONE
    stored = SurveyAnswer.objects.get()
    assert (stored.lead, stored.answers, stored.draft) == (maria.lead, {"renews": "yes"}, False)


def test_done_tells_everything_that_is_missing_at_once(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(note_required=True)
    enters(ana, fields={"plan": ""})
    hangs_up(floor, ana)
    answer = ana.finishes(None)
    assert places(answer) == ["disposition", "note", "field:plan", "survey:renews"]
    enters(ana, fields={"plan": "M"}, survey={"renews": "perhaps"})
    assert places(ana.finishes("sale", note="said so")) == ["survey:renews"]
    enters(ana, survey={"renews": "no"})
    assert ana.finishes("sale", note="said so") == DONE


def test_a_half_finished_record_that_nobody_closed_is_stored_as_far_as_it_came(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(disposition_for="none")
    enters(ana, survey={"renews": "no", "why_not": "too de"}, fields={"plan": "M"})
    hangs_up(floor, ana)
    floor.run(until=lambda: ana.phase != "wrap_up", at_most=40)
    stored = SurveyAnswer.objects.get()
    assert (stored.answers, stored.draft) == ({"renews": "no", "why_not": "too de"}, True)
    maria.contact.refresh_from_db()
    assert maria.contact.fields["plan"] == "M"


def is_kept(floor: Floor, ana: Someone, person: Person) -> None:
    floor.run(until=lambda: ana.phase is None, at_most=3700)
    person.contact.refresh_from_db()
    assert (person.contact.fields["plan"], person.contact.first_name) == ("M", "Mary")
    stored = SurveyAnswer.objects.get()
    assert (stored.answers, stored.draft) == ({"renews": "yes"}, True)


TYPED: dict[str, Any] = {"fields": {"plan": "M"}, "contact": {"first_name": "Mary"}, "survey": {"renews": "yes"}}


@pytest.mark.parametrize("how", ["declined", "looked at too long", "gone"])
def test_what_was_typed_before_the_call_is_kept_where_there_is_none(floor: Floor, ana: Someone, campaign: Campaign, how: str) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(mode_key="preview")
    person = floor.person(campaign, "Maria")
    ana.sits_down()
    ana.gets(campaign)
    enters(ana, **TYPED)
    if how == "declined":
        ana.declines()
    elif how == "gone":
        ana.closes_console()
    is_kept(floor, ana, person)


@pytest.mark.parametrize("mode", ["agent_first", "progressive"])
def test_what_was_typed_while_it_rang_is_kept_where_nobody_answered(floor: Floor, ana: Someone, campaign: Campaign, mode: str) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(mode_key=mode)
    person = floor.person(campaign, "Maria", NoAnswer())
    ana.sits_down()
    floor.run(until=lambda: ana.phase in ("dialing", "ringing_agent"), at_most=5)
    if ana.phase == "ringing_agent":
        ana.accepts()
        floor.run(until=lambda: ana.phase == "dialing", at_most=5)
    enters(ana, **TYPED)
    is_kept(floor, ana, person)


def test_what_was_typed_before_a_message_was_left_is_kept(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(voicemail=Announcement.objects.create(name="voicemail", media="sound:voicemail"))
    enters(ana, **TYPED)
    assert talk.leave_message(ana._work(), ana.id, now=floor.now) == DONE
    is_kept(floor, ana, maria)


def test_nothing_is_asked_of_somebody_who_was_not_reached(floor: Floor, ana: Someone, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    Campaign.objects.filter(pk=campaign.pk).update(disposition_for="all")
    floor.person(campaign, "Pedro", NoAnswer(after=seconds(5)))
    ana.sits_down()
    floor.run(until=lambda: ana.phase == "wrap_up", at_most=15)
    assert places(ana.finishes(None)) == ["disposition"], "an attempt that failed is judged too where the campaign wants it"
    assert ana.finishes("again") == DONE


def test_the_screen_shows_fields_by_kind_and_the_script_with_names(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Survey.objects.create(campaign=campaign, form=FORM)
    details = screens.record(ana.id, ana._work())
    assert details
    assert [(field.key, field.kind, field.editable, field.value) for field in details.fields] == [
        ("plan", "choice", True, "S"),
        ("contract", "text", False, "A-1"),
    ]
    assert details.survey
    assert details.survey.sections[0].text == "Hello Maria López, this is Spring. {nobody}"
    assert details.survey.sections[0].questions[1].only_if
    enters(ana, survey={"renews": "yes"})
    hangs_up(floor, ana)
    assert ana.finishes("sale") == DONE
    assert enters_after(floor, ana) == NOT_YOURS


def enters_after(floor: Floor, ana: Someone) -> Answer:
    closed = ana.agent.interactions.get()
    return filled_in.save(closed.pk, ana.id, {"fields": {"plan": "S"}}, now=floor.now)


def test_do_not_call_back_leaves_the_customer_alone_for_the_campaigns_period(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(no_callback_days=7)
    booked = Callback.objects.create(lead=maria.lead, kind="group", due_at=floor.now + timedelta(hours=1))
    enters(ana, no_callback=True)
    hangs_up(floor, ana)
    answer = ana.finishes("sale")
    assert isinstance(answer, Refusal)
    assert [problem.where for problem in answer.problems] == ["callback"], "one that was promised just now is not cancelled unseen"
    Callback.objects.filter(pk=booked.pk).update(due_at=floor.now - timedelta(hours=1))
    assert ana.finishes("sale") == DONE
    lead = maria.now()
    assert (maria.where, lead.next_call_at) == (("waiting", "no_callback"), floor.now + timedelta(days=7))
    assert lead.no_callback_since == floor.now
    assert lead.disposition
    assert lead.disposition.code == "sale"
    assert list(Callback.objects.values_list("state", "reason")) == [("cancelled", "not to be called back")]


def test_when_a_customer_asked_not_to_be_called_back_is_in_the_customer_list(floor: Floor, ana: Someone, maria: Person, client: Client) -> None:
    enters(ana, no_callback=True)
    hangs_up(floor, ana)
    assert ana.finishes("other") == DONE
    marked = maria.now().no_callback_since
    assert marked == floor.now
    client.force_login(User.objects.create_superuser("boss", password="a long enough secret"))
    table = client.get("/admin/campaigns/lead/").content.decode()
    assert "no callback since" in table.lower()
    assert date_format(marked, "DATETIME_FORMAT") in table


def test_never_to_be_called_outweighs_not_to_be_called_back(floor: Floor, ana: Someone, maria: Person) -> None:
    enters(ana, no_callback=True)
    hangs_up(floor, ana)
    assert ana.finishes("dnc") == DONE
    assert maria.where == ("final", "do_not_call")
    assert DoNotCall.objects.get().created_by == ana.agent.user


def test_wrap_up_is_extended_as_often_as_the_campaign_lets_its_agents(floor: Floor, ana: Someone, maria: Person, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(wrap_up_extensions=1, disposition_for="none")

    def more() -> Answer:
        return more_time.more(ana._work(), ana.id, now=floor.now)

    assert isinstance(more(), Refusal), "nothing runs out while they talk"
    hangs_up(floor, ana)
    assert ana.work
    ends = ana.work.deadline
    assert ends
    assert more() == DONE
    assert ana.work.deadline == ends + timedelta(seconds=30)
    assert isinstance(more(), Refusal)
    floor.run(until=lambda: ana.phase != "wrap_up", at_most=61)
    assert floor.now >= ends + timedelta(seconds=30)
