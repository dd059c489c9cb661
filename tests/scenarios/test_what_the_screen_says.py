"""The console after any history: agents' commands, what the carrier and the campaign do, a wire that is cut, and messages that are lost, come
twice or in another order. The page's own code and the server's own connection play it; in the end, at the latest after one heartbeat, the
screen says what a fresh snapshot says; and whatever was entered at it is on the server and on a page that is loaded anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agents import desk
from agents.live import presence
from agents.models import Interaction, Station
from campaigns import screens
from campaigns.flow import control, do_not_call
from campaigns.models import Disposition
from telephony.drivers import choose
from telephony.drivers.simulated.script import Mix, Spread, seconds
from telephony.drivers.simulated.world import Faults
from tests.conftest import empty_tables
from tests.console_page import Browser, Muddle, fresh, opened
from tests.floor import URL, Floor, open_floor

NOTES = ("", "rang twice", "wants the family plan", "élan 🙂")


class Shift:
    """Ana works at her console, Ben beside her."""

    def __init__(self, floor: Floor, chrome: Browser, run: Callable[[Any], Any], patch: pytest.MonkeyPatch, seed: int) -> None:
        self.floor, self.chance = floor, random.Random(seed)
        floor.shows_offers = False  # the page does
        floor.world.seed = seed
        floor.script.mix = Mix(answers=0.7, machine=0.1)
        floor.script.answers_after = Spread(seconds(0.5), seconds(4))
        floor.script.talks_for = Spread(seconds(0.3), seconds(15))
        self.ana = floor.agent("Ana", leg_mode=self.chance.choice([Station.LegMode.NAILED_UP, Station.LegMode.PER_CALL]))
        self.ben = floor.agent("Ben")
        brief: dict[str, Any] = {"ring_for": 10, "min_ring_for": 4, "ring_agent_for": 6, "wrap_up_for": 8, "max_attempts": 5, "preview_for": 20}
        modes = self.chance.sample(["progressive", "agent_first", "preview", "push_preview", "direct_push_preview", "manual", "power"], 2)
        self.campaigns = [
            floor.campaign(mode, agents=[self.ana, self.ben], disposition_for="none", auto_answer=seed % 2 == 0, **brief) for mode in modes
        ]
        for campaign in self.campaigns:
            for outcome in ("busy", "no_answer", "rejected", "failed", "unknown", "abandoned", "cancelled", "machine"):
                floor.rule(campaign, outcome, attempts=20, minutes=1)
        self.people = [floor.person(self.chance.choice(self.campaigns), f"Person {i}", numbers=self.chance.choice([1, 2])) for i in range(12)]
        self.written: dict[str, dict[str, Any]] = {}  # what Ana has entered last, by the record it is about
        self.tab = opened(floor, chrome, self.ana, run, patch)
        self.tab.asks("sign_in", station=self.ana.station.pk)
        self.ben.sits_down()
        self.tab.asks("go_ready")
        for campaign in self.campaigns:
            self.tab.asks("run_campaign", campaign=campaign.pk)
            self.tab.asks("get_record", campaign=campaign.pk)
        self.passes(1)

    # --- steps

    def ana_works(self) -> None:
        """What the page offers her; she sees only the page."""
        state, tab = self.tab.knows["state"], self.tab
        if state is None or self.tab.knows["over"]:
            return
        about = {"interaction": (work := state["interaction"]) and work["id"]}
        match (work or {}).get("phase"):
            case "offered" | "ringing_agent":
                self.does([("accept", about)] * 4 + [("reject", about)])
            case str() if self.chance.random() < 0.5:
                self.writes(about["interaction"])
            case "preview":
                numbers = [number["id"] for number in ((tab.knows["details"] or {}).get("contact") or {}).get("numbers", [])]
                chosen = {"number": self.chance.choice([None, *numbers]), "caller_id": None}
                self.does([("call", about | chosen)] * 3 + [("wait", about), ("decline", about | {"never": False})])
            case "wrap_up" if self.chance.random() < 0.2:
                tab.asks("more_time", **about)
            case "wrap_up":
                tab.does("finishes", stop=self.chance.random() < 0.1)
            case None:
                shown = (tab.knows["campaigns"] or {}).get("campaigns", [])
                ours = [{"campaign": one["id"]} for one in shown] or [{"campaign": self.campaigns[0].pk}]
                one = self.chance.choice(ours)
                notices = [("read_notice", {"notice": notice["id"]}) for notice in (tab.knows["campaigns"] or {}).get("notices", [])]
                channel = {"channel": self.chance.choice(["voice", "preview"]), "ready": self.chance.random() < 0.7}
                station = {"station": self.ana.station.pk}
                self.does(
                    [("go_ready", {})] * 4
                    + [("get_record", one), ("run_campaign", one)] * 2
                    + [("take_break", {"reason": "lunch"}), ("set_channel", channel), ("stop_campaign", one), ("sign_out", {})]
                    + [("sign_in", station)] * (1 if state["session"]["signed_in"] else 9)
                    + notices
                )
            case _:
                on = {"on": self.chance.random() < 0.5}
                on_the_line = [("hang_up", about), ("hold", about | on), ("mute", about | on), ("take_break", {"reason": "lunch"})]
                self.does([*on_the_line, ("do_not_call", about | {"every_number": False})])

    def writes(self, record: str) -> None:
        """Several things at once, as an agent does; the page sends them a moment later."""
        if "finish" in self.tab.knows["waiting"]:
            return  # Done was pressed
        written = self.written.setdefault(record, {})
        for _ in range(self.chance.randrange(1, 4)):
            match self.chance.randrange(6):
                case 0 | 1:
                    written["note"] = self.chance.choice(NOTES)
                    self.tab.does("enters", where="note", text=written["note"])
                case 2:
                    written["survey"] = {"q": self.chance.choice(NOTES)}
                    self.tab.does("enters", where="survey", text=written["survey"]["q"])
                case 3:
                    written["contact"] = {"company": self.chance.choice(NOTES)}
                    self.tab.does("enters", where="contact", text=written["contact"]["company"])
                case 4:
                    written["no_callback"] = self.chance.random() < 0.5
                    self.tab.does("leaves_alone", on=written["no_callback"])
                    if there := list(Disposition.objects.values_list("pk", flat=True)):
                        self.tab.does("chooses", disposition=self.chance.choice(there))
                case 5:
                    written["callback"] = {
                        "on": self.chance.random() < 0.8,
                        "local": f"2026-03-1{self.chance.randrange(1, 9)}T11:00",
                        "zone": "Europe/Madrid",
                        "personal": self.chance.random() < 0.5,
                        "note": self.chance.choice(NOTES),
                    }
                    self.tab.does("schedules", window=written["callback"])

    def does(self, choices: list[tuple[str, dict[str, Any]]]) -> None:
        kind, more = self.chance.choice(choices)
        self.tab.asks(kind, **more)

    def ben_works(self) -> None:
        match self.ben.phase:
            case "offered" | "ringing_agent":
                self.ben.accepts()
            case "preview":
                self.ben.calls()
            case "wrap_up":
                self.ben.finishes("again")
            case "connected":
                self.ben.hangs_up()
            case None:
                self.ben.goes_ready() if self.chance.random() < 0.6 else self.ben.takes_break()

    def the_wire_is_cut(self) -> None:
        self.tab.is_cut(noticed=self.chance.random() < 0.5)
        self.tab.there_is_a_server = self.chance.random() < 0.6

    def the_wire_will_be_cut_in_mid_talk(self) -> None:
        self.tab.cut_after = self.chance.randrange(1, 8)
        self.tab.notices_the_end = self.chance.random() < 0.5

    def ana_writes_in_a_tunnel(self) -> None:
        """There is no connection, and none can be made for now."""
        state = self.tab.knows["state"]
        if state is None or self.tab.knows["over"] or (state["interaction"] or {}).get("phase") in (None, "offered", "ringing_agent"):
            return
        self.tab.is_cut()
        self.tab.there_is_a_server = False
        self.writes(state["interaction"]["id"])

    def the_page_is_loaded_again(self) -> None:
        self.tab.there_is_a_server = True
        self.tab.loads()

    def messages_are_muddled(self) -> None:
        self.tab.muddle = Muddle(self.chance.randrange(10**6)) if self.chance.random() < 0.7 else list

    def a_heartbeat(self) -> None:
        self.tab.beats()

    def her_phone(self) -> None:
        self.ana.phone_dies() if self.chance.random() < 0.5 else self.ana.phone_is_back()

    def a_campaign(self) -> None:
        campaign = self.chance.choice(self.campaigns)
        campaign.refresh_from_db()
        if self.chance.random() < 0.6:
            control.start(campaign, by=None, now=self.floor.now)
        else:
            control.pause(campaign, by=None, now=self.floor.now)

    def a_fault(self) -> None:
        match self.chance.randrange(4):
            case 0:
                self.floor.empties_redis()
            case 1:
                self.floor.world.faults = Faults(drop=0.05, double=0.1, delay=0.1, reorder=0.1)
            case 2:
                self.floor.carrier.cut_listener()
            case _:
                do_not_call.list_numbers([self.chance.choice(self.people).number], source="customer", now=self.floor.now)

    # --- time

    def passes(self, for_: float) -> None:
        self.floor.run(for_)
        presence_of_ben = {self.ben.id: self.floor.now}
        self.tab.is_heard()
        presence.heard(presence_of_ben, now=self.floor.now)
        self.tab.passes(for_)
        self.tab.deliver()

    def heals(self) -> None:
        """The page has its connection back; then the last that it should hear of is lost. One heartbeat, and no more."""
        self.tab.there_is_a_server = True
        self.tab.cut_after = None
        for _ in range(4):
            if self.tab.knows["link"] == "live":
                break
            self.passes(1)
        self.tab.muddle = lambda told: []
        desk.has_news([self.ana.id], now=self.floor.now)
        self.tab.deliver()
        self.tab.muddle = list
        self.tab.beats()

    def says_what_is_so(self) -> None:
        knows, agent = self.tab.knows, self.ana.id
        now = fresh(screens.snapshot(agent), now=self.floor.now)
        state = knows["state"]
        assert {**state, "now": None} == {**now, "now": None}
        work = state["interaction"]
        assert (knows["details"] or {}).get("interaction") == (work["id"] if work else None)
        assert knows["campaigns"] == screens.campaigns(agent, now=self.floor.now).model_dump(mode="json")
        assert not knows["waiting"], "a command nobody answers"

    def keeps_what_was_entered(self) -> None:
        """A moment later the server has all of it, and a page that is loaded anew shows the same; what Done has closed was closed with it."""
        for _ in range(8):
            if not (self.tab.knows["unsent"] or self.tab.knows["waiting"]):
                break
            self.passes(1)
            self.tab.beats()
        assert not self.tab.knows["unsent"], "it is still not on the server"
        record, shown = in_hand(self.tab.knows), self.tab.knows["entered"]
        if record is not None:
            for where, entered in self.written.get(record, {}).items():
                found = shown[where] if not isinstance(entered, dict) else {key: shown[where][key] for key in entered}
                assert found == entered, f"what was entered last stands there: {where}"
            self.tab.loads(tab="new")
            self.tab.deliver()
            anew = self.tab.knows["entered"]
            assert in_hand(self.tab.knows) == record
            anew["callback"]["phone"] = shown["callback"]["phone"]  # the server chooses one where the agent has not
            if not shown["callback"]["on"]:
                anew["callback"] = shown["callback"]  # a box that was cleared leaves nothing behind
            assert anew == shown
        for closed in Interaction.objects.filter(agent_id=self.ana.id, closed_because="done"):
            assert closed.note == self.written.get(str(closed.pk), {}).get("note", "")


def in_hand(knows: dict[str, Any]) -> str | None:
    work = knows["state"]["interaction"]
    return work["id"] if work else None


STEPS = {
    "ana_works": 14,
    "ben_works": 3,
    "the_wire_is_cut": 2,
    "the_wire_will_be_cut_in_mid_talk": 2,
    "ana_writes_in_a_tunnel": 3,
    "the_page_is_loaded_again": 1,
    "messages_are_muddled": 3,
    "a_heartbeat": 1,
    "her_phone": 1,
    "a_campaign": 1,
    "a_fault": 1,
}
HISTORIES = st.lists(
    st.tuples(st.sampled_from([step for step, weight in STEPS.items() for _ in range(weight)]), st.sampled_from([0.05, 0.4, 1.2, 3.0])),
    min_size=10,
    max_size=45,
)


# nothing is made shorter: each history costs a second
@settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), history=HISTORIES)
def test_after_any_history_the_screen_says_what_a_fresh_snapshot_says(
    chrome: Browser, loop: Callable[[Any], Any], seed: int, history: list[tuple[str, float]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        floor = open_floor(patch)
        try:
            shift = Shift(floor, chrome, loop, patch, seed)
            for step, after in history:
                getattr(shift, step)()
                shift.passes(after)
                assert shift.tab.shows_the_newest, "of what has arrived, the highest version wins"
            shift.heals()
            shift.says_what_is_so()
            shift.keeps_what_was_entered()
            floor.check()
        finally:
            choose.use("simulated", URL, None)
            empty_tables()
