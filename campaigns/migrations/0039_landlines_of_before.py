from typing import Any

import phonenumbers
from django.db import migrations
from phonenumbers import NumberParseException, PhoneNumberType

# a batch is a transaction of its own: whoever dials meanwhile waits for no more than that
BATCH = 10_000


def is_landline(e164: str) -> bool:
    try:
        return bool(phonenumbers.number_type(phonenumbers.parse(e164)) == PhoneNumberType.FIXED_LINE)
    except NumberParseException:
        return False


def fill(apps: Any, schema_editor: Any) -> None:
    """Stopped in the middle it is begun anew; until a number's turn comes it counts as one that may be a mobile."""
    numbers = apps.get_model("campaigns", "PhoneNumber").objects.using(schema_editor.connection.alias).order_by("pk")
    last = 0
    while batch := list(numbers.filter(pk__gt=last).values_list("pk", "e164")[:BATCH]):
        numbers.filter(pk__in=[pk for pk, e164 in batch if is_landline(e164)]).update(landline=True)
        last = batch[-1][0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("campaigns", "0038_landlines_and_lists"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
