"""The agent's phone is the page itself: real Chromium, real Asterisk, real processes; what was heard is proven by what was counted."""

from __future__ import annotations

import array
import math
import wave
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from agents.models import Interaction, Station
from dialer_project.local import frontend
from telephony.drivers.base import Phone
from telephony.drivers.simulated.script import Answers, seconds
from telephony.models import CallEvent, Node
from tests.browser.looking import chooses, no_axe_violations, picture
from tests.chromium import chromium
from tests.telephony.centre import RealCentre
from tests.telephony.page import MICROPHONE, Desk, pages_known_to, web_of

TALKS = Answers(after=seconds(0.5), talks_for=None)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    frontend.build(tmp_path_factory.mktemp("frontend") / "build.log")
    with chromium(*MICROPHONE) as browser:
        yield browser


@pytest.fixture(scope="module")
def url(made: RealCentre, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made.has("hot-1", "pump-1")
    with web_of(made, tmp_path_factory.mktemp("web")) as url:
        yield url


@pytest.fixture
def ana(centre: RealCentre, browser: Browser, url: str) -> Iterator[Desk]:
    centre.has("hot-1", "pump-1")
    Node.objects.update(browser_url=f"ws://127.0.0.1:{centre.exchange.server.ari_port}/ws")
    desk = Desk.of(centre, browser, url, "Ana")
    yield desk
    desk.page.context.close()
    assert [each for each in desk.complaints if "WebSocket" not in each] == []


def signs_in(ana: Desk) -> None:
    ana.page.goto("/console/")
    ana.page.get_by_role("button", name="Start my shift").click()
    expect(ana.page.get_by_text("Phone connected")).to_be_visible()
    ana.centre.agents.append(ana.someone)


def loudness(path: Path) -> float:
    """Root of the mean square of 16-bit samples; none of a file that is not written whole yet."""
    try:
        with wave.open(str(path)) as file:
            samples = array.array("h", file.readframes(file.getnframes()))
    except (wave.Error, EOFError):
        return 0.0
    return math.sqrt(sum(sample * sample for sample in samples) / max(1, len(samples)))


def test_a_shift_with_the_phone_in_the_page_from_the_microphone_check_to_signing_out(centre: RealCentre, ana: Desk) -> None:
    page, world, centre.tended = ana.page, centre.exchange.world, False
    assert pages_known_to(centre) == []
    page.goto("/console/")
    expect(page.get_by_role("radio", name="This browser")).to_be_checked()
    picture(page, "station-card")
    page.get_by_role("button", name="Check microphone and connection").click()
    page.get_by_role("button", name="Hear yourself").click()
    expect(page.get_by_text("The sound comes back")).to_be_visible()
    no_axe_violations(page)
    picture(page, "microphone-check")
    signs_in(ana)
    campaign = centre.campaign([ana.someone], call_application="softphone")
    (maria,) = centre.people(campaign, TALKS)
    page.get_by_role("button", name="Go Ready").click()
    call = page.get_by_role("region", name="Call")
    expect(call).to_contain_text("Connected")

    # both ways, by everybody's count
    (hers,) = centre.dialogs(maria.number)
    work = Interaction.objects.get(agent=ana.agent, phase="connected")
    recorded = centre.exchange.server.recordings / "both.wav"
    assert centre.exchange.carrier().record(work.pk, "both")
    before, counted, heard = ana.heard_by_the_page(), ana.counted_by_asterisk(), hers.loud
    world.speaks(hers, 2.0)
    centre.until(lambda: hers.loud > heard + 20, what="Maria hears the page's microphone")
    centre.until(lambda: ana.heard_by_the_page()["energy"] > before["energy"] + 0.01, what="Maria's voice comes out of the page")
    now = ana.heard_by_the_page()
    assert now["in"] > before["in"] + 1600
    assert now["out"] > before["out"] + 1600
    assert ana.counted_by_asterisk()["rxcount"] > counted["rxcount"] + 10
    assert ana.counted_by_asterisk()["txcount"] > counted["txcount"] + 10
    assert centre.exchange.carrier().stop_recording("both")
    centre.until(lambda: recorded.exists() and loudness(recorded) > 200, what="both are heard in the recording")

    # the page is reloaded in mid-call
    old = ana.leg()
    page.reload()
    centre.until(lambda: ana.someone.session.leg not in (None, old.pk) and ana.leg().state == "connected", what="Ana is back in the conversation")
    lost = CallEvent.objects.filter(kind="station_lost").latest("id").at
    back = CallEvent.objects.get(call_id=ana.leg().pk, kind="entered_bridge").at
    print(f"back in the bridge {(back - lost).total_seconds():.2f} s after the page was gone")
    assert back - lost < timedelta(seconds=5)
    assert not hers.over
    heard = hers.loud
    centre.until(lambda: hers.loud > heard + 20, what="Maria hears Ana again")

    # it stays away for a while: she hears music, and nobody hangs up
    page.goto("about:blank")
    centre.until(lambda: ana.someone.session.leg_state == "suspect", what="the page is missed")
    heard = hers.loud
    centre.until(lambda: hers.loud > heard + 30, what="Maria hears music")
    page.goto("/console/")
    expect(page.get_by_text("Phone connected")).to_be_visible()
    centre.until(lambda: ana.leg().state == "connected", what="Ana is back once more")
    energy = ana.heard_by_the_page()["energy"]
    world.speaks(hers, 2.0)
    centre.until(lambda: ana.heard_by_the_page()["energy"] > energy + 0.01, what="Ana hears Maria")
    no_axe_violations(page)
    picture(page, "phone-in-the-page")

    call.get_by_role("button", name="Hang up").click()
    chooses(page, "Sale")
    page.get_by_role("button", name="Done", exact=True).click()
    centre.until(lambda: maria.outcomes == ["connected"] and ana.someone.phase is None, what="Ana is done with Maria")
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="End my shift").click()
    expect(page.get_by_role("radio", name="This browser")).to_be_checked()
    centre.until(lambda: pages_known_to(centre) == [], what="Asterisk has forgotten the page's phone")
    assert ana.agent.own_stations.get().secret == ""


def test_asterisk_restarts_and_the_page_is_known_again_and_an_answer_without_the_page_is_not_silent(centre: RealCentre, ana: Desk) -> None:
    signs_in(ana)
    assert centre.exchange.carrier().admit(Phone(name="browser-999-left-by-a-crash", browser=True, secret="of nobody"))
    centre.until(lambda: not any("left-by-a-crash" in line for line in pages_known_to(centre)), what="what a crash has left is swept")
    assert pages_known_to(centre) != []

    centre.exchange.restart()

    centre.until(lambda: ana.someone.session.leg_state == "up" and ana.leg().state == "answered", within=30, what="the page is the phone again")
    campaign = centre.campaign([ana.someone], call_application="softphone")
    (maria,) = centre.people(campaign, Answers(after=seconds(1.5), talks_for=seconds(6)))
    if not ana.someone.session.voice_ready:
        ana.page.get_by_role("button", name="Go Ready").click()
    centre.until(lambda: maria.state == "ringing", what="Maria's phone rings")
    ana.page.goto("about:blank")
    centre.until(lambda: maria.outcomes == ["abandoned"], what="Maria heard the message and is counted")
    (hers,) = centre.dialogs(maria.number)
    assert hers.heard_at is not None
    assert hers.answered_at is not None
    assert hers.heard_at - hers.answered_at < 2.4


def test_a_page_that_is_called_for_each_call_rings_until_its_agent_accepts(centre: RealCentre, ana: Desk) -> None:
    ana.agent.own_stations.update(leg_mode=Station.LegMode.PER_CALL)
    ana.page.goto("/console/")
    ana.page.get_by_role("button", name="Start my shift").click()
    expect(ana.page.get_by_text("Phone rings for each call")).to_be_attached()
    centre.agents.append(ana.someone)
    campaign = centre.campaign([ana.someone], mode="agent_first", call_application="softphone")
    (maria,) = centre.people(campaign, TALKS)
    ana.page.get_by_role("button", name="Go Ready").click()
    ana.page.get_by_role("button", name="Accept").click()
    expect(ana.page.get_by_role("region", name="Call")).to_contain_text("Connected")
    (hers,) = centre.dialogs(maria.number)
    heard = hers.loud
    centre.until(lambda: hers.loud > heard + 20, what="Maria hears Ana")
    ana.page.get_by_role("region", name="Call").get_by_role("button", name="Hang up").click()
    centre.until(lambda: maria.outcomes == ["connected"] and ana.someone.phase is None, what="Ana is done with Maria")
    ana.agent.own_stations.update(leg_mode=Station.LegMode.NAILED_UP)
