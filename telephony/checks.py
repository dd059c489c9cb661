"""What can be wrong with the settings of telephony before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def the_simulated_carrier_has_an_address(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    host, separator, port = settings.SIMULATED_CARRIER.rpartition(":")
    if host and separator and port.isdecimal() and 0 < int(port) < 65536:
        return []
    return [
        Error(
            f"SIMULATED_CARRIER should be host:port, and is {settings.SIMULATED_CARRIER!r}.",
            hint="For example SIMULATED_CARRIER=127.0.0.1:8190",
            id="telephony.E001",
        )
    ]
