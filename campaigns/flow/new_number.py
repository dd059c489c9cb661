"""A number an agent typed: read as people write it, and kept with the contact."""

from django.conf import settings

from agents.desk import Refusal
from campaigns.models import PhoneNumber
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Undialable, read_number
from campaigns.rules.places import place_of
from dialer_project.lib import sql
from dialer_project.lib.sentence import say


def kept(contact_id: int, text: str, *, kind: str) -> int | Refusal:
    """The id of the contact's number, added where it is new. Inside the caller's transaction."""
    if kind not in PhoneNumber.Kind.values:
        return Refusal("Choose what kind of number it is.")
    about = sql.rows(
        """
        SELECT c.country, coalesce((SELECT max(p.position) FROM campaigns_phonenumber p WHERE p.contact_id = c.id), 0) AS last,
            (SELECT p.e164 FROM campaigns_phonenumber p WHERE p.contact_id = c.id ORDER BY p.position, p.id LIMIT 1) AS first
        FROM campaigns_contact c WHERE c.id = %s FOR UPDATE OF c
        """,
        [contact_id],
    )[0]
    # without a code of its own it is at home where the contact is, or where their first number is
    country = about.country or (min(place_of(about.first).countries, default="") if about.first else "")
    read = read_number(text, country=country)
    if isinstance(read, Undialable):
        return Refusal(say("The number {why}.", why=read.why))
    found, _ = PhoneNumber.objects.get_or_create(
        contact_id=contact_id,
        e164=read.e164,
        defaults={
            "number_key": number_key(read.e164, settings.NUMBER_KEY),
            "kind": kind,
            "position": about.last + 1,
            "zones": list(read.zones),
            "landline": read.landline,
        },
    )
    return found.pk
