"""The hot projection against a plain model: who is proposed, who waits, in which order; and that a stale one answers nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from agents.live import board
from agents.live.board import Free, Stale
from dialer_project.lib import redis

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
LINES = ("c1", "c2", "c1@1", "c2@1", "c2@2")
AGENTS = st.integers(1, 6)
LINES_OF_ONE = st.lists(st.sampled_from(LINES), unique=True, max_size=4).map(tuple)


def moment(tick: int) -> datetime:
    return START + timedelta(milliseconds=tick)


def call(number: int) -> UUID:
    return UUID(int=number)


class BoardAgainstModel(RuleBasedStateMachine):
    """Ticks are unique, so that the order is never a matter of taste."""

    def __init__(self) -> None:
        super().__init__()
        self.tick = 0
        self.free: dict[int, tuple[int, tuple[str, ...]]] = {}
        self.waiting: dict[UUID, tuple[int, str]] = {}
        self.right = True

    def now(self) -> datetime:
        self.tick += 1
        return moment(self.tick)

    @initialize()
    def begins(self) -> None:
        redis.hot().flushdb()
        board.rebuild([], [], now=START)

    @precondition(lambda self: self.right)
    @rule(agent=AGENTS, lines=LINES_OF_ONE)
    def stands(self, agent: int, lines: tuple[str, ...]) -> None:
        told = board.stand(Free(agent, self.now(), lines))
        self.free.pop(agent, None)
        theirs = sorted((at, call_id) for call_id, (at, line) in self.waiting.items() if line in lines)
        if theirs:
            assert told == theirs[0][1], "the customer who has waited longest"
            del self.waiting[theirs[0][1]]
        else:
            assert told is None
            self.free[agent] = (self.tick, lines)

    @precondition(lambda self: self.right)
    @rule(agents=st.lists(st.tuples(AGENTS, LINES_OF_ONE), max_size=4, unique_by=lambda pair: pair[0]))
    def stand_together(self, agents: list[tuple[int, tuple[str, ...]]]) -> None:
        at = {agent: self.now() for agent, _ in agents}
        told = board.stand_all([Free(agent, at[agent], lines) for agent, lines in agents])
        for (agent, lines), got in zip(agents, told, strict=True):
            self.free.pop(agent, None)
            theirs = sorted((since, call_id) for call_id, (since, line) in self.waiting.items() if line in lines)
            assert got == (theirs[0][1] if theirs else None), "one after the other: nobody is proposed the same customer"
            if theirs:
                del self.waiting[theirs[0][1]]
            else:
                self.free[agent] = (round((at[agent] - START).total_seconds() * 1000), lines)

    @rule(agent=AGENTS, lines=LINES_OF_ONE)
    def leaves(self, agent: int, lines: tuple[str, ...]) -> None:
        board.leave([(agent, lines)])
        self.free.pop(agent, None)

    @precondition(lambda self: self.right)
    @rule(number=st.integers(1, 8), line=st.sampled_from(LINES))
    def answers(self, number: int, line: str) -> None:
        told = board.answer(call(number), line=line, at=self.now())
        able = sorted((since, agent) for agent, (since, lines) in self.free.items() if line in lines)
        if able:
            since, agent = able[0]
            assert told == (agent, moment(since)), "the longest free, with his place"
            del self.free[agent]
        else:
            assert told is None
            self.waiting = {c: w for c, w in self.waiting.items() if (c, w[1]) != (call(number), line)}
            # one customer waits in one line only; a second answer of the same call in another line is not asked of the board
            if call(number) not in self.waiting:
                self.waiting[call(number)] = (self.tick, line)
            else:
                board.stop_waiting([call(number)], lines=[line])

    @rule(number=st.integers(1, 8))
    def is_gone(self, number: int) -> None:
        board.stop_waiting([call(number)], lines=LINES)
        self.waiting.pop(call(number), None)

    @rule()
    def is_emptied(self) -> None:
        redis.hot().flushdb()
        self.free, self.waiting, self.right = {}, {}, False

    @rule(agent=AGENTS)
    def another_copy_of_redis_is_started(self, agent: int) -> None:
        redis.hot().set(redis.key("board", "epoch"), "-7")
        self.free, self.waiting, self.right = {}, {}, False

    @precondition(lambda self: not self.right)
    @rule(agent=AGENTS, line=st.sampled_from(LINES))
    def answers_nothing_while_it_is_stale(self, agent: int, line: str) -> None:
        assert not board.is_right()
        with pytest.raises(Stale):
            board.stand(Free(agent, self.now(), (line,)))
        with pytest.raises(Stale):
            board.answer(call(1), line=line, at=self.now())
        with pytest.raises(Stale):
            board.free([line])

    @rule(
        standing=st.dictionaries(AGENTS, LINES_OF_ONE, max_size=4),
        waiting=st.dictionaries(st.integers(1, 8), st.sampled_from(LINES), max_size=3),
    )
    def is_rebuilt(self, standing: dict[int, tuple[str, ...]], waiting: dict[int, str]) -> None:
        free = [Free(agent, self.now(), lines) for agent, lines in standing.items()]
        calls = [(call(number), line, self.now()) for number, line in waiting.items()]
        board.rebuild(free, calls, now=self.now())
        self.free = {agent.agent_id: (round((agent.since - START).total_seconds() * 1000), agent.lines) for agent in free}
        self.waiting = {call_id: (round((at - START).total_seconds() * 1000), line) for call_id, line, at in calls}
        self.right = True

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if not self.right:
            return
        found = board.free(LINES)
        for line in LINES:
            expected = sorted((since, agent) for agent, (since, lines) in self.free.items() if line in lines)
            assert [agent for agent, _ in found[line]] == [agent for _, agent in expected]
        everybody = [Free(agent, moment(since), lines) for agent, (since, lines) in self.free.items()]
        assert board.absent(everybody) == []
        with redis.hot().pipeline(transaction=False) as pipe:
            for line in LINES:
                pipe.zrange(redis.key("board", "waiting", line), 0, -1)
            for line, members in zip(LINES, pipe.execute(), strict=True):
                assert members == [str(c) for _, c in sorted((at, c) for c, (at, theirs) in self.waiting.items() if theirs == line)]


@pytest.fixture
def projection(transactional_db: None) -> Iterator[None]:
    redis.hot().flushdb()
    board.forget()
    yield
    redis.hot().flushdb()
    board.forget()


def test_the_board_is_what_a_plain_model_says(projection: None) -> None:
    run_state_machine_as_test(
        BoardAgainstModel,
        settings=settings(max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )


def test_an_agent_whose_lines_have_changed_stands_in_the_new_ones_alone(projection: None) -> None:
    board.rebuild([], [], now=START)
    board.stand(Free(1, START, ("c1", "c2")))
    board.stand(Free(1, START, ("c2", "c3")))
    assert {line: [agent for agent, _ in members] for line, members in board.free(("c1", "c2", "c3")).items()} == {"c1": [], "c2": [1], "c3": [1]}
    board.leave([(1, ())])
    assert not any(board.free(("c1", "c2", "c3")).values()), "by what the board remembers, whatever the row says by now"


def test_who_answers_is_taken_out_of_every_line(projection: None) -> None:
    board.rebuild([Free(1, START, ("c1", "c1@1", "c2", "c2@1"))], [], now=START)
    assert board.answer(call(1), line="c2@1", at=START) == (1, START)
    assert not any(board.free(("c1", "c1@1", "c2", "c2@1")).values())


def test_a_place_kept_is_a_place_before_those_who_came_later(projection: None) -> None:
    board.rebuild([], [], now=START)
    board.stand(Free(1, moment(5), ("c1",)))
    board.stand(Free(2, moment(1), ("c1",)))
    assert [agent for agent, _ in board.free(("c1",))["c1"]] == [2, 1]


def test_another_process_rebuilding_is_noticed_at_once(projection: None) -> None:
    board.rebuild([], [], now=START)
    board.stand(Free(1, START, ("c1",)))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agents_board SET epoch = epoch + 1")
    redis.hot().set(redis.key("board", "epoch"), str(board.epoch() + 1))
    assert [agent for agent, _ in board.free(("c1",))["c1"]] == [1]
