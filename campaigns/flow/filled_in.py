"""What an agent fills in on a record: its fields and the campaign's survey. Kept as they are typed, checked at Done, and stored with the
person and the lead, half-finished where nobody came to finish them.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents import desk
from agents.desk import DONE, NOT_YOURS, Answer, Change, Problem
from campaigns.rules import forms
from campaigns.rules.forms import Asked, Kind, Survey
from dialer_project.lib import sql

# of one piece of work `i` and its contact `k`: what is asked, and what was known before
COLUMNS = """
    (SELECT json_agg(json_build_object('key', q.key, 'label', q.label, 'kind', q.kind, 'choices', q.choices, 'required', q.required)
        ORDER BY q.position, q.id) FROM campaigns_fielddefinition q WHERE q.campaign_id = i.campaign_id AND q.editable) AS asked_fields,
    (SELECT v.form FROM campaigns_survey v WHERE v.campaign_id = i.campaign_id) AS survey_form, k.fields AS contact_fields
"""


def save(interaction_id: UUID, agent_id: int, entered: Mapping[str, Any], *, now: datetime) -> Answer:
    """These parts of what the agent has entered, as far as they have come."""
    with transaction.atomic():
        if not sql.rows(
            "SELECT id FROM agents_interaction WHERE id = %s AND agent_id = %s AND phase <> 'closed' FOR UPDATE", [interaction_id, agent_id]
        ):
            return NOT_YOURS
        desk.amend([Change(id=interaction_id, draft=entered)], now=now)
    return DONE


def problems(work: sql.Row) -> list[Problem]:
    """What is missing or not of its kind, of a record whose customer was talked to."""
    draft = sql.loaded(work.draft) or {}
    fields = {**(sql.loaded(work.contact_fields) or {}), **(draft.get("fields") or {})}
    found = [Problem(f"field:{key}", sentence) for key, sentence in forms.problems(_fields(work), fields)]
    if survey := _survey(work):
        found += [Problem(f"survey:{key}", sentence) for key, sentence in forms.problems(survey.questions, draft.get("survey") or {})]
    return found


def store(work: sql.Row, *, is_done: bool, now: datetime) -> None:
    """With the person, and with the lead; one statement each, and none where nothing was entered."""
    draft = sql.loaded(work.draft) or {}
    if (entered := draft.get("fields")) and (fields := forms.kept(_fields(work), entered)):
        sql.changed("UPDATE campaigns_contact SET fields = fields || %s::jsonb WHERE id = %s", [json.dumps(fields), work.contact_id])
    if (answers := draft.get("survey")) and (survey := _survey(work)):
        sql.changed(
            """
            INSERT INTO campaigns_surveyanswer (lead_id, answers, draft, saved_at) VALUES (%s, %s::jsonb, %s, %s)
            ON CONFLICT (lead_id) DO UPDATE SET answers = EXCLUDED.answers, draft = EXCLUDED.draft, saved_at = EXCLUDED.saved_at
            """,
            [work.lead_id, json.dumps(forms.kept(survey.questions, answers)), not is_done, now],
        )


def _fields(work: sql.Row) -> list[Asked]:
    return [Asked(one["key"], one["label"], Kind(one["kind"]), tuple(one["choices"]), one["required"]) for one in sql.loaded(work.asked_fields) or ()]


def _survey(work: sql.Row) -> Survey | None:
    if work.survey_form is None:
        return None
    read = forms.survey_from(sql.loaded(work.survey_form))
    return read if isinstance(read, Survey) else None
