import pytest

from campaigns.models import ValidationService
from dialer_project.lib import outgoing
from tests.checker import Checker
from tests.floor import Floor


@pytest.fixture
def checker(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Checker:
    checker = Checker(floor)
    monkeypatch.setattr(outgoing, "post", checker.post)
    return checker


@pytest.fixture
def service(floor: Floor) -> ValidationService:
    return ValidationService.objects.create(name="Robinson", url="https://robinson.example/check")
