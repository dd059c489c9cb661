"""Fields, survey, dispositions and drafts in the browser: filled in on a call, restored after a reload, all problems told at Done."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent, Interaction
from campaigns.models import Disposition, FieldDefinition, Lead, Survey, SurveyAnswer
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.by_keys import ByKeys
from tests.browser.centre import Centre
from tests.browser.looking import looks_well, no_axe_violations
from tests.browser.served import eventually

FORM = {
    "sections": [
        {
            "title": "Renewal",
            "text": "Hello {name}, your yearly plan ends in spring.",
            "questions": [
                {"key": "renews", "label": "Do you renew?", "kind": "choice", "choices": ["Yes", "No"], "required": True},
                {"key": "why_not", "label": "Why not?", "only_if": {"question": "renews", "is": "No"}},
                {"key": "from", "label": "From when?", "kind": "datetime", "only_if": {"question": "renews", "is": "Yes"}},
            ],
        }
    ]
}


@pytest.fixture
def lead(working: Page, ana: Agent, centre: Centre) -> Lead:
    campaign = centre.campaign("Spring renewal", mode="progressive", agents=[ana], wrap_up_for=600, wrap_up_policy="stay", note_required=True)
    for position, (key, label, kind, choices) in enumerate(
        [
            ("plan", "Plan", "choice", ["Family 50", "Single"]),
            ("consents", "May be e-mailed", "checkbox", []),
            ("custom_datetime", "Custom_Datetime", "datetime", []),
            ("remark", "Remark", "text", []),
        ]
    ):
        FieldDefinition.objects.create(campaign=campaign, key=key, label=label, kind=kind, choices=choices, editable=True, position=position)
    FieldDefinition.objects.create(campaign=campaign, key="contract", label="Contract", position=9)
    Survey.objects.create(campaign=campaign, form=FORM)
    heading = Disposition.objects.create(campaign=campaign, code="not-reached", label="Not reached", kind="other", position=20)
    for code in ("Voicemail full", "Colleague answered"):
        Disposition.objects.create(campaign=campaign, code=code.lower().replace(" ", "-"), label=code, kind="try_again", parent=heading, position=21)
    lead = centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(1)), fields={"plan": "Single", "contract": "A-20391"})
    centre.start(campaign)
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    return lead


def test_a_record_filled_in_on_the_call_comes_back_after_a_reload_and_is_done_when_nothing_is_missing(working: Page, lead: Lead) -> None:
    page = working
    expect(page.get_by_text("Hello Maria Lopez, your yearly plan")).to_be_visible()
    expect(page.get_by_label("Plan")).to_have_value("Single")
    expect(page.get_by_role("complementary", name="Record")).to_contain_text("A-20391")
    page.get_by_label("Plan").select_option("Family 50")
    page.get_by_label("May be e-mailed").check()
    page.get_by_label("Custom_Datetime").fill("2026-07-20T11:43")
    page.get_by_label("Remark").fill("prefers mornings")
    expect(page.get_by_label("Why not?")).to_have_count(0)
    page.get_by_label("Do you renew?").select_option("No")
    page.get_by_label("Why not?").fill("too dear")
    page.get_by_label("Find a disposition").fill("colle")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Colleague answered")).to_be_checked()
    no_axe_violations(page)
    record = page.get_by_role("complementary", name="Record")
    plan, contract = (record.locator("dl > div", has=page.get_by_text(name, exact=True)) for name in ("Plan", "Contract"))
    expect(plan.locator("svg")).to_have_count(1)  # the pencil
    expect(contract.locator("svg, input")).to_have_count(0)
    keys = ByKeys(page)
    pencil = page.get_by_role("button", name="Change contact")
    keys.uses(pencil)
    keys.is_at(page.get_by_label("Title"))
    page.get_by_label("Last name").fill("López")
    page.get_by_label("E-mail", exact=True).fill("maria at home")
    expect(page.get_by_role("heading", name="Maria López")).to_be_visible()
    looks_well(page, "change-contact")
    keys.presses("Escape")
    keys.is_at(pencil)
    eventually(lambda: (draft := Interaction.objects.get().draft).get("survey", {}).get("why_not") == "too dear" and draft.get("disposition"))
    eventually(lambda: Interaction.objects.get().draft.get("contact") == {"last_name": "López", "email": "maria at home"})
    page.reload()
    expect(page.get_by_role("heading", name="Maria López")).to_be_visible()
    expect(page.get_by_label("Plan")).to_have_value("Family 50", timeout=3000)
    expect(page.get_by_label("Why not?")).to_have_value("too dear")
    expect(page.get_by_label("Colleague answered")).to_be_checked()
    expect(page.get_by_label("May be e-mailed")).to_be_checked()
    looks_well(page, "record")

    page.get_by_label("Do you renew?").select_option("")
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("button", name="Done", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Done", exact=True).click()
    wrong = page.get_by_role("alert").filter(has_text="It is not done yet")
    expect(wrong.get_by_role("link")).to_have_count(3)
    looks_well(page, "not-done-yet")
    wrong.get_by_role("link", name=re.compile("Write the e-mail address")).click()
    expect(page.get_by_label("E-mail", exact=True)).to_be_focused()
    page.get_by_label("E-mail", exact=True).fill("maria@example.com")
    wrong.get_by_role("link", name=re.compile("Do you renew")).click()
    expect(page.get_by_label("Do you renew?")).to_be_focused()
    page.get_by_label("Do you renew?").select_option("Yes")
    page.get_by_label("Note").fill("Renews in April.")
    page.get_by_label("Do not call back").check()
    page.keyboard.press("Alt+Enter")
    expect(page.get_by_role("heading", name="Waiting for the next call")).to_be_visible()
    lead.refresh_from_db()
    lead.contact.refresh_from_db()
    assert lead.contact.fields == {
        "plan": "Family 50",
        "contract": "A-20391",
        "consents": True,
        "custom_datetime": "2026-07-20T11:43",
        "remark": "prefers mornings",
    }
    assert (lead.contact.name, lead.contact.email) == ("Maria López", "maria@example.com")
    assert SurveyAnswer.objects.get().answers == {"renews": "Yes"}
    assert (lead.state, lead.reason) == ("waiting", "no_callback")
