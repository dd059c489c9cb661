import re
import sys
from collections.abc import Iterator

import pytest

from agents import desk
from agents.management.commands import write_words
from campaigns.models import ValidationService
from dialer_project.lib import outgoing, words
from dialer_project.lib.sentence import Sentence, told
from telephony.drivers import choose
from telephony.drivers.simulated.in_process import SimulatedCarrier
from telephony.models import Node
from tests.checker import Checker
from tests.floor import Floor, Witness


@pytest.fixture
def checker(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Checker:
    checker = Checker(floor)
    monkeypatch.setattr(outgoing, "post", checker.post)
    return checker


@pytest.fixture
def other(floor: Floor) -> Iterator[Floor]:
    """The second node with a pump of its own, on the same clock; workers and sweeps are the first one's."""
    world = Witness(2, floor.script)
    carrier = SimulatedCarrier(world, floor.clock)
    choose.use("simulated", "floor-two", carrier)
    second = Floor(floor.clock, world, floor.script, carrier, Node.objects.create(name="two", driver="simulated", url="floor-two"), sweeps=False)
    second.listen()
    pass_to, next_moment = floor._pass_to, floor._next_moment

    def both_pass_to(moment: object) -> None:
        pass_to(moment)  # type: ignore[arg-type]  # a moment, as both of them say
        second._pass_to(moment)  # type: ignore[arg-type]  # as above
        floor.deliver()

    floor._pass_to = both_pass_to  # type: ignore[method-assign]  # both clocks go together
    floor._next_moment = lambda end: min(next_moment(end), second._next_moment(end))  # type: ignore[method-assign]  # as above
    yield second
    assert not second.mishaps.found


@pytest.fixture
def service(floor: Floor) -> ValidationService:
    return ValidationService.objects.create(name="Robinson", url="https://robinson.example/check")


@pytest.fixture(autouse=True, scope="package")
def every_sentence_can_be_said_in_every_language() -> Iterator[None]:
    """Whatever is refused or told in these tests: its English is in the catalogues, and so is that of the sentences within it."""
    catalogues = [words.catalogue(language)["words"] for language in write_words.languages()]

    def texts(sentence: str) -> Iterator[str]:
        if not isinstance(sentence, Sentence):
            yield sentence
            return
        yield sentence.template
        for value in sentence.values.values():
            if isinstance(value, Sentence):
                yield from texts(value)

    def looked_at(sentence: str) -> None:
        unknown = [
            text
            for text in texts(sentence)
            # some are only sentences one after the other, or with a comma between
            if re.sub(r"\{s\d+\}|[,;]", "", text).strip() and not all(text in catalogue for catalogue in catalogues)
        ]
        assert unknown == [], "write them as literals in say() or Refusal(), then: make words"

    made = desk.Refusal.__init__

    def refuse(self: desk.Refusal, sentence: str, problems: tuple[desk.Problem, ...] = ()) -> None:
        if not str(sys._getframe(1).f_globals["__name__"]).startswith("tests."):  # a test compares with what was filled in
            looked_at(sentence)
        made(self, sentence, problems)

    def tell(sentence: str) -> object:
        looked_at(sentence)
        return told(sentence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.Refusal, "__init__", refuse)
        patch.setattr("agents.desk.told", tell)
        yield
