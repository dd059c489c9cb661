"""PostgreSQL's connections are cut, Redis is emptied and restarted, the carrier dies: with calls up."""

import asyncio

from channels_redis.pubsub import RedisPubSubChannelLayer
from django.utils import timezone

from agents.live import board
from campaigns.models import Attempt
from dialer_project.lib import sql
from telephony.drivers.simulated.script import Answers, Busy, seconds
from tests.chaos.centre import Centre, answers

TALKS = Answers(after=seconds(0.3), talks_for=seconds(0.4))
LATE = Answers(after=seconds(2), talks_for=seconds(0.5))


def test_redis_is_emptied_with_phones_ringing_and_nobody_is_left_waiting_for_it(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, _ = centre.shift(*[LATE] * 4, *[TALKS] * 4, agents=4)
    centre.until(lambda: all(p.state == "ringing" for p in people[:4]), what="four ring")
    assert board.is_right()

    emptied = timezone.now()
    centre.redis.flushall()

    centre.until(board.is_right, within=4, what="the projection is rebuilt")
    rebuilt = sql.rows("SELECT rebuilt_at FROM agents_board")[0].rebuilt_at
    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), what="everybody was talked to")
    assert not Attempt.objects.filter(planned_at__gt=emptied, planned_at__lt=rebuilt).exists()
    print(f"rebuilt {(rebuilt - emptied).total_seconds():.2f} s after it was emptied")


def test_screens_are_told_after_redis_was_emptied(centre: Centre) -> None:
    async def told() -> str:
        layer = RedisPubSubChannelLayer(hosts=[centre.redis_server.url], prefix="chaos")
        channel = await layer.new_channel()
        await layer.group_add("screens", channel)
        await asyncio.to_thread(centre.redis.flushall)
        await layer.group_send("screens", {"type": "news"})
        message = await asyncio.wait_for(layer.receive(channel), 5)
        await layer.flush()
        return str(message["type"])

    centre.has("hot-1", "pump-1")
    assert asyncio.run(told()) == "news"
    centre.until(board.is_right, within=5, what="the projection is rebuilt")


def test_redis_is_restarted_empty_and_everything_goes_on(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    _, people, _ = centre.shift(*[LATE] * 2, *[TALKS] * 4, agents=2)
    centre.until(lambda: all(p.state == "ringing" for p in people[:2]), what="two ring")

    centre.kill("redis")
    centre.until(lambda: all(p.outcomes == ["connected"] for p in people[:2]), what="answers are matched without Redis")
    assert not any(p.attempts for p in people[2:]), "nothing new is planned"
    assert not answers(centre.redis_server.url)
    centre.start("redis")

    centre.until(lambda: all(p.outcomes == ["connected"] for p in people), within=25, what="dialing goes on")


def test_every_connection_to_postgresql_is_cut_with_calls_up_and_every_fact_is_still_told(centre: Centre) -> None:
    centre.has("hot-1", "pump-1", "pump-2")
    answered, busy = Answers(after=seconds(1.2), talks_for=seconds(3)), Busy(after=seconds(1.2), rings=True)
    campaign, people, _ = centre.shift(*[answered] * 3, *[busy] * 2, agents=5)
    centre.until(lambda: all(p.state == "ringing" for p in people), what="five ring")

    for _ in range(8):
        sql.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        centre.holds(lambda: True, for_=0.1)

    centre.until(lambda: all(p.outcomes and p.outcomes[0] for p in people), what="every call has ended")
    # an answer whose match was committed in the moment of a cut hears the message; how a call ended is not lost with any connection
    assert all(p.outcomes in (["connected"], ["abandoned"]) for p in people[:3])
    assert [p.outcomes for p in people[3:]] == [["busy"], ["busy"]]
    more = centre.people(campaign, *[TALKS] * 3)
    centre.until(lambda: all(p.outcomes == ["connected"] for p in more), what="dialing goes on")


def test_the_carrier_dies_and_comes_back_as_another_and_nobody_stays_on_its_calls(centre: Centre) -> None:
    centre.has("hot-1", "pump-1")
    forever = Answers(after=seconds(0.3), talks_for=seconds(60))
    ringing = Answers(after=seconds(20))
    campaign, people, _ = centre.shift(forever, ringing, agents=2)
    centre.until(lambda: people[0].state == "connected" and people[1].state == "ringing", what="one talks, one rings")

    centre.kill("carrier")
    centre.until(lambda: not centre.listens(), within=8, what="nothing is dialed there")
    centre.start("carrier")

    centre.until(lambda: all(p.outcomes and p.outcomes[0] for p in people), what="its calls are concluded")
    assert people[0].outcomes == ["connected"]
    assert people[1].outcomes == ["unknown"]
    late = centre.people(campaign, TALKS)
    centre.until(lambda: all(p.outcomes == ["connected"] for p in late), within=25, what="phones are called again, and dialing goes on")
