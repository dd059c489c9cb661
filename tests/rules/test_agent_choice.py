"""Which free agent goes to which campaign: each agent once, the longest free first, shares by weight over any number of rounds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.agent_choice import Wants, share


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[int], list[Wants]]:
    free = draw(st.lists(st.integers(1, 40), unique=True, max_size=30))
    campaigns = [
        Wants(i, frozenset(draw(st.lists(st.integers(1, 40), max_size=30))), weight=draw(st.integers(1, 100)), passed=draw(st.floats(-2, 2)))
        for i in range(draw(st.integers(0, 5)))
    ]
    return free, campaigns


@given(pools(), st.integers(0, 40))
def test_each_agent_is_given_once_and_only_where_they_work(pool: tuple[list[int], list[Wants]], at_most: int) -> None:
    free, campaigns = pool
    shares = share(free, campaigns, at_most=at_most)
    given_away = [agent for agents in shares.values() for agent in agents]
    assert len(given_away) == len(set(given_away)) <= at_most
    members = {c.campaign_id: c.agents for c in campaigns}
    assert all(agent in members[campaign] for campaign, agents in shares.items() for agent in agents)
    wanted = {agent for c in campaigns for agent in c.agents}
    assert set(given_away) == {agent for agent in free[:at_most] if agent in wanted}, "nobody who is wanted is left out"
    for agents in shares.values():
        assert agents == sorted(agents, key=free.index), "the longest free first"


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.integers(1, 200))
def test_agents_who_all_work_for_all_are_shared_by_weight(weights: list[int], agents: int) -> None:
    everybody = frozenset(range(agents))
    campaigns = [Wants(i, everybody, weight=weight) for i, weight in enumerate(weights)]
    shares = share(range(agents), campaigns, at_most=agents)
    for i, weight in enumerate(weights):
        fair = agents * weight / sum(weights)
        assert abs(len(shares.get(i, [])) - fair) <= len(weights), "never further from the fair share than one each"


@given(st.lists(st.integers(1, 20), min_size=2, max_size=4), st.integers(1, 300))
def test_agents_who_become_free_one_by_one_are_shared_out_as_those_who_do_at_once(weights: list[int], rounds: int) -> None:
    passed = [0.0] * len(weights)
    had: Counter[int] = Counter()
    for agent in range(rounds):
        campaigns = [Wants(i, frozenset({agent}), weight=weight, passed=passed[i]) for i, weight in enumerate(weights)]
        ((chosen, _),) = share([agent], campaigns, at_most=1).items()
        had[chosen] += 1
        passed[chosen] += 1 / weights[chosen]
    for i, weight in enumerate(weights):
        assert abs(had[i] - rounds * weight / sum(weights)) <= len(weights)
