"""Calling lists: every row a person to call in one campaign."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import phonenumbers
from django.conf import settings

from campaigns import live
from campaigns.imports import loading
from campaigns.imports.batch import Batch, Options, Over, Told
from campaigns.imports.matching import Newcomer, Seen, decide, keys_of
from campaigns.models import CallingList, Campaign, ListImport
from campaigns.rules.countries import country_code
from campaigns.rules.lifecycle import CampaignState
from campaigns.rules.list_columns import Layout, Unrecognised, recognise
from campaigns.rules.list_rows import Person, Unusable, read_row
from dialer_project.lib import sql, wake


class People:
    def __init__(self, record: ListImport, options: Options) -> None:
        if record.campaign is None:
            raise ValueError(f"import {record.pk} of people belongs to no campaign")
        self.record, self.campaign = record, record.campaign
        self.list_name = (options.list_name or Path(record.file_name).stem)[:160]
        self.country = country_code(options.country) or _home_of(self.campaign)

    def most_rows(self, layout: Layout) -> int:
        del layout
        return settings.IMPORT_BATCH

    def refusal(self) -> str:
        self.campaign.refresh_from_db(fields=["state"])
        return refusal(self.campaign)

    def recognise(self, sample: Sequence[Sequence[str]], options: Options) -> Layout | Unrecognised:
        return recognise(sample, mapping=options.mapping, country=self.country, list_name=self.list_name, source=options.source)

    def begin(self) -> dict[str, Any]:
        if not self.record.dry_run:
            self.record.calling_list = _list_named(self.campaign, self.list_name)
        return {}

    def read(self, layout: Layout, cells: Sequence[str]) -> Person | Unusable:
        return read_row(layout, cells, country=self.country)

    def bring_in(self, batch: Batch, layout: Layout, seen: Seen, *, now: datetime) -> Told:
        people: list[Person] = [person for _, person in batch.said]
        known_lines = seen.look_up({key for person in people for key in keys_of(person)})
        remembered = loading.remembered(people, source=layout.source, campaign_id=self.campaign.pk)
        contacts = {known.contact_id for found in remembered.by_match_key.values() for known in found} | set(remembered.by_id.values())
        known_lines |= seen.look_up(f"{what} {contact}" for contact in contacts for what in ("contact", "adopted"))
        newcomers, duplicates, fresh = decide(batch.said, source=layout.source, remembered=remembered, seen=known_lines)
        standing = self._load(newcomers, layout, now=now)
        if standing.over:
            raise Over
        if newcomers and not self.record.dry_run:
            sql.after_commit(live.forget_floors, self.campaign.pk)
            if standing.state == CampaignState.RUNNING:
                wake.dispatch(standing.pool)
        return Told(len(newcomers), duplicates, fresh)

    def _load(self, newcomers: list[Newcomer], layout: Layout, *, now: datetime) -> loading.Standing:
        calling_list = self.record.calling_list
        if self.record.dry_run or not newcomers or calling_list is None:
            return loading.campaign_standing(self.campaign.pk)
        return loading.load(newcomers, calling_list=calling_list, source=layout.source, key=settings.NUMBER_KEY, now=now)

    def finish(self, *, now: datetime) -> str:
        del now
        return ""


def refusal(campaign: Campaign) -> str:
    """Why no list can be brought into this campaign now; empty when one can."""
    if campaign.state in (CampaignState.STOPPED, CampaignState.COMPLETED):
        return f"The campaign '{campaign.name}' is {campaign.state} and takes no more people. Clone it, and import the list into the clone."
    return ""


def _list_named(campaign: Campaign, name: str) -> CallingList:
    found = CallingList.objects.filter(campaign=campaign, name=name).order_by("id").first()
    return found or CallingList.objects.create(campaign=campaign, name=name, position=campaign.lists.count())


def _home_of(campaign: Campaign) -> str:
    """Where a campaign's people are at home when nothing else says so: where the number it shows is."""
    if campaign.caller_id is None:
        return ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(campaign.caller_id.e164)) or ""
    except phonenumbers.NumberParseException:
        return ""
