import pytest

from dialer_project.lib import redis
from telephony import limits
from telephony.models import Trunk


@pytest.fixture
def trunk(db: None) -> Trunk:
    redis.hot().flushdb()
    return Trunk.objects.create(name="narrow", calls_per_second=3, max_calls=100)


def test_a_trunk_grants_no_more_calls_in_a_second_than_it_carries(trunk: Trunk) -> None:
    assert limits.take(trunk.pk, 2) == 2
    assert limits.take(trunk.pk, 5) == 1
    assert limits.take(trunk.pk, 1) == 0


def test_tokens_of_calls_that_were_not_dialed_are_had_again(trunk: Trunk) -> None:
    assert limits.take(trunk.pk, 3) == 3
    limits.give_back(trunk.pk, 2)
    assert limits.take(trunk.pk, 3) == 2


def test_a_trunk_that_is_switched_off_or_full_grants_nothing(trunk: Trunk) -> None:
    Trunk.objects.filter(pk=trunk.pk).update(max_calls=0)
    assert limits.take(trunk.pk, 1) == 0
    Trunk.objects.filter(pk=trunk.pk).update(max_calls=10, enabled=False)
    assert limits.take(trunk.pk, 1) == 0


def test_without_redis_nothing_is_granted(trunk: Trunk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.Unavailable("away")

    monkeypatch.setattr(limits, "_tokens", lambda _pid: away)
    assert limits.take(trunk.pk, 1) == 0
