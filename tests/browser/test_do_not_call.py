"""Who wants no more calls says so to an agent; administrators import, list and, by two, remove."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from agents.models import Agent, User
from campaigns.models import DoNotCall, DoNotCallRemoval, Lead, PhoneNumber
from tests.browser.looking import fits, looks_well, picture
from tests.browser.served import Served, cookie_of, eventually


def test_an_agent_lists_the_number_on_the_line_with_a_second_press(working: Page, maria: Lead, ana: Agent) -> None:
    PhoneNumber.objects.create(contact_id=maria.contact_id, e164="+34600000009", number_key="other", position=1)
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    working.get_by_role("button", name="Do not call…").click()
    choice = working.get_by_role("group", name="Do not call")
    expect(choice).to_contain_text("you cannot take that back")
    looks_well(working, "do-not-call-agent")
    working.keyboard.press("Escape")
    expect(choice).to_be_hidden()
    assert not DoNotCall.objects.exists()
    working.get_by_role("button", name="Do not call…").click()
    working.get_by_role("button", name="Never call this number").click()
    expect(working.locator("dd.dialed .tag", has_text="do not call")).to_be_visible()
    listed = DoNotCall.objects.get()
    assert (listed.source, listed.created_by, listed.campaign) == ("agent", ana.user, None)
    expect(working.get_by_role("region", name="Call")).to_contain_text("Connected")
    working.get_by_role("button", name="Do not call…").click()
    working.get_by_role("button", name="Never call any of their numbers").click()
    eventually(lambda: DoNotCall.objects.count() == 2)
    assert fits(working)


def test_administrators_list_import_and_remove_by_two(page: Page, window: BrowserContext, web: Served) -> None:
    ada, ben = (User.objects.create_superuser(name, password="correct horse battery") for name in ("ada", "ben"))

    def signed_in(who: User) -> None:
        window.clear_cookies()
        name, value = cookie_of(Agent(user=who)).split("=", 1)
        window.add_cookies([{"name": name, "value": value, "url": web.url}])

    signed_in(ada)
    page.goto("/admin/campaigns/donotcall/add/")
    page.get_by_label("Numbers").fill("+44 20 7946 0018\n+44 20 7946 0019")
    page.get_by_label("Reason").fill("asked us to")
    picture(page, "do-not-call-add")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("2 numbers are on the list now, 2 of them new.")).to_be_visible()
    assert DoNotCall.objects.count() == 2
    picture(page, "do-not-call-list")

    page.get_by_role("link", name="Import a file of numbers").click()
    expect(page.get_by_label("Register")).to_be_visible()
    expect(page.get_by_label("List name")).to_be_hidden()
    picture(page, "do-not-call-import")

    page.goto(f"/admin/campaigns/donotcall/{DoNotCall.objects.earliest('id').pk}/change/")
    page.get_by_label("be called again?").fill("wrote that she wants to be called")
    picture(page, "do-not-call-entry")
    page.get_by_role("button", name="Ask for its removal").click()
    expect(page.get_by_text("another person must decide it")).to_be_visible()
    expect(page.get_by_role("button", name="Approve: it may be called again")).to_have_count(0)

    signed_in(ben)
    page.goto(f"/admin/campaigns/donotcallremoval/{DoNotCallRemoval.objects.get().pk}/change/")
    page.get_by_label("Note").first.fill("letter of 3 March")
    picture(page, "do-not-call-removal")
    page.get_by_role("button", name="Approve: it may be called again").click()
    expect(page.get_by_text("Approved: the number may be called again")).to_be_visible()
    assert DoNotCall.objects.count() == 1
