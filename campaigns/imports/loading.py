"""A batch of rows becomes contacts, numbers and leads: one transaction, a fixed number of statements, whatever the batch."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import connection, models

from campaigns.flow import zone_groups
from campaigns.flow.permit import CAMPAIGN
from campaigns.imports.matching import Known, Newcomer, Remembered
from campaigns.models import CallingList, Contact, Lead, PhoneNumber
from campaigns.rules.lifecycle import Boost, CampaignState, LeadState, WaitReason
from campaigns.rules.list_columns import Field
from campaigns.rules.list_rows import Person
from campaigns.rules.number_keys import number_key
from dialer_project.lib import sql

# the class of our advisory lock, beside the flow's: batches of all imports go one after the other, so that two files never make the same
# person twice, and no batch waits for another while it holds a campaign
IMPORTS = 7
FILLED = (
    Field.TITLE,
    Field.FIRST_NAME,
    Field.LAST_NAME,
    Field.COMPANY,
    Field.EMAIL,
    Field.ADDRESS,
    Field.CITY,
    Field.REGION,
    Field.POSTAL_CODE,
    Field.COUNTRY,
    Field.TIME_ZONE,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the campaign stood when the batch took its lock."""

    state: CampaignState
    pool: int

    @property
    def over(self) -> bool:
        return self.state in (CampaignState.STOPPED, CampaignState.COMPLETED)


def one_batch_at_a_time() -> None:
    sql.rows("SET LOCAL lock_timeout = '10s'")
    sql.rows("SELECT pg_advisory_xact_lock(%s, 0)", [IMPORTS])


def remembered(people: Sequence[Person], *, source: str, campaign_id: int) -> Remembered:
    """Three questions for a whole batch. The partial indexes' own conditions are asked too, else the planner may not use them."""
    ids = sorted({person.external_id for person in people if person.external_id})
    by_id = {
        row.external_id: row.id
        for row in sql.rows(
            "SELECT external_id, id FROM campaigns_contact WHERE source = %s AND external_id = ANY(%s) AND external_id <> ''", [source, ids]
        )
    }
    by_match_key: dict[str, list[Known]] = defaultdict(list)
    for row in sql.rows(
        "SELECT match_key, id, source, external_id FROM campaigns_contact WHERE match_key = ANY(%s) AND match_key <> '' ORDER BY id",
        [sorted({person.match_key for person in people})],
    ):
        by_match_key[row.match_key].append(Known(row.id, row.source, row.external_id))
    contacts = sorted({*by_id.values(), *(known.contact_id for found in by_match_key.values() for known in found)})
    leads = "SELECT contact_id FROM campaigns_lead WHERE campaign_id = %s AND contact_id = ANY(%s)"
    return Remembered(by_id, by_match_key, frozenset(row.contact_id for row in sql.rows(leads, [campaign_id, contacts])))


def load(newcomers: Sequence[Newcomer], *, calling_list: CallingList, source: str, key: str, now: datetime) -> Standing:
    """Everything these rows bring. Nothing of it stays when the campaign turns out to be over: the caller rolls back."""
    # the longest work before the campaign's lock: whoever stops the campaign waits for it a third of a second, then ends its holder
    contact_ids = iter(_new_ids(Contact, sum(newcomer.contact_id is None for newcomer in newcomers)))
    people = [(newcomer.contact_id or next(contact_ids), newcomer) for newcomer in newcomers]
    _copy(Contact, (_contact(contact_id, one.person, source, now) for contact_id, one in people if one.contact_id is None))
    reused = {contact_id: one for contact_id, one in people if one.contact_id is not None}
    kept = _fill_and_read(reused, source) if reused else {}
    _copy(PhoneNumber, _numbers(people, kept, key))
    zones = {contact_id: " ".join(sorted(one.person.numbers[0].zones)) for contact_id, one in people}
    groups = _zone_groups(set(zones.values()))
    standing = campaign_standing(calling_list.campaign_id)
    if not standing.over:
        _copy(Lead, (_lead(contact_id, calling_list, groups[zones[contact_id]], now) for contact_id, _ in people))
        # whom we knew may be called on another number first, or have said where they are; and their leads in other campaigns may get one at last
        zone_groups.of_contacts(sorted(reused))
    return standing


def campaign_standing(campaign_id: int) -> Standing:
    """Under the campaign's shared lock; whoever completes it holds the exclusive one."""
    sql.rows("SELECT pg_advisory_xact_lock_shared(%s, %s)", [CAMPAIGN, campaign_id])
    [row] = sql.rows("SELECT state, pool FROM campaigns_campaign WHERE id = %s", [campaign_id])
    return Standing(CampaignState(row.state), row.pool)


# -- rows ----------------------------------------------------------------------------------------------------------------------------


def _contact(contact_id: int, person: Person, source: str, now: datetime) -> dict[str, Any]:
    return {
        "id": contact_id,
        "source": source if person.external_id else "",
        "external_id": person.external_id,
        "fields": json.dumps(person.extra, ensure_ascii=False),
        "match_key": person.match_key,
        "created_at": now,
        **{field.value: text for field, text in person.known.items() if field in FILLED},
    }


def _lead(contact_id: int, calling_list: CallingList, group_id: int, now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": calling_list.campaign_id,
        "calling_list_id": calling_list.pk,
        "contact_id": contact_id,
        "zone_group_id": group_id,
        "state": LeadState.WAITING.value,
        "reason": WaitReason.NEW.value,
        "boost": Boost.NORMAL.value,
        "next_call_at": now,
        "tries": "{}",
    }


@dataclass(frozen=True, slots=True)
class _Kept:
    """A number a contact had before."""

    e164: str
    position: int


def _numbers(people: Iterable[tuple[int, Newcomer]], kept: Mapping[int, Sequence[_Kept]], key: str) -> Iterable[dict[str, Any]]:
    for contact_id, one in people:
        had = kept.get(contact_id, ())
        position = max((number.position for number in had), default=-1)
        for number in one.person.numbers:
            if all(number.e164 != old.e164 for old in had):
                position += 1
                yield {
                    "contact_id": contact_id,
                    "e164": number.e164,
                    "number_key": number_key(number.e164, key),
                    "kind": number.kind,
                    "position": position,
                    "zones": list(number.zones),
                    "landline": number.landline,
                }


def _fill_and_read(reused: Mapping[int, Newcomer], source: str) -> dict[int, list[_Kept]]:
    """What a known contact did not have yet comes from the row; what it had stays. Returns its numbers so far."""
    ids = sorted(reused)
    sql.rows("SELECT id FROM campaigns_contact WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
    filled = ", ".join(f"{field} = CASE WHEN c.{field} = '' THEN n.{field} ELSE c.{field} END" for field in FILLED)
    given = ", ".join(f"{field} text" for field in FILLED)
    sql.changed(
        f"""
        UPDATE campaigns_contact c SET {filled}, fields = n.fields || c.fields,
            source = CASE WHEN n.adopted THEN %(source)s ELSE c.source END,
            external_id = CASE WHEN n.adopted THEN n.external_id ELSE c.external_id END,
            match_key = CASE WHEN c.match_key = '' THEN n.match_key ELSE c.match_key END
        FROM jsonb_to_recordset(%(records)s::jsonb) AS n (id bigint, adopted boolean, external_id text, match_key text, fields jsonb, {given})
        WHERE c.id = n.id
        """,
        {
            "source": source,
            "records": sql.records(
                {
                    "id": contact_id,
                    "adopted": one.adopted,
                    "external_id": one.person.external_id,
                    "match_key": one.person.match_key,
                    "fields": dict(one.person.extra),
                    **{field.value: one.person.known.get(field, "") for field in FILLED},
                }
                for contact_id, one in reused.items()
            ),
        },
    )
    kept: dict[int, list[_Kept]] = defaultdict(list)
    for row in sql.rows("SELECT contact_id, e164, position FROM campaigns_phonenumber WHERE contact_id = ANY(%s)", [ids]):
        kept[row.contact_id].append(_Kept(row.e164, row.position))
    return kept


def _zone_groups(wanted: set[str]) -> dict[str, int]:
    """Ids of the sets of zones, made where they are new. IANA names hold no blanks."""
    asked = sorted(wanted)
    read = """
        SELECT array_to_string(zones, ' ') AS zones, id FROM campaigns_zonegroup
        WHERE zones IN (SELECT string_to_array(unnest(%s::text[]), ' ')::varchar[])
    """
    groups = {row.zones: row.id for row in sql.rows(read, [asked])}
    if missing := [zones for zones in asked if zones not in groups]:
        sql.changed(
            "INSERT INTO campaigns_zonegroup (zones) SELECT string_to_array(unnest(%s::text[]), ' ')::varchar[] ON CONFLICT DO NOTHING", [missing]
        )
        groups = {row.zones: row.id for row in sql.rows(read, [asked])}
    return groups


def _new_ids(model: type[models.Model], count: int) -> list[int]:
    table = model._meta.db_table
    return [row.id for row in sql.rows("SELECT nextval(pg_get_serial_sequence(%s, 'id')) AS id FROM generate_series(1, %s)", [table, count])]


def _copy(model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows by column name; what a row does not name gets the model's default."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or field.column in first]
    defaults = {
        str(field.column): json.dumps(field.get_default()) if isinstance(field, models.JSONField) else field.get_default() for field in fields
    }
    columns = ", ".join(f'"{column}"' for column in defaults)
    statement = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN'
    # psycopg's own errors become Django's, as with any other statement
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in chain([first], rows):
            copy.write_row([row.get(column, default) for column, default in defaults.items()])
