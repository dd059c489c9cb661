"""Who is who in a list: the same answers however the file is cut into batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.imports.matching import Duplicate, Known, Newcomer, Remembered, Seen, decide, keys_of
from campaigns.rules.list_rows import Number, Person

SOURCE = "hubspot"


def person(external_id: str, name: str) -> Person:
    return Person(external_id, name, (Number("+442079460123", "other", ("Europe/London",), True),), {}, {})


@dataclass
class House:
    """What the database would hold: contacts by id, and who has a lead."""

    contacts: dict[int, tuple[str, str, str]] = field(default_factory=dict)  # source, external id, match key
    leads: set[int] = field(default_factory=set)

    def remembered(self) -> Remembered:
        by_match_key: dict[str, list[Known]] = {}
        for contact_id, (source, external_id, key) in sorted(self.contacts.items()):
            by_match_key.setdefault(key, []).append(Known(contact_id, source, external_id))
        by_id = {external_id: contact_id for contact_id, (source, external_id, _) in self.contacts.items() if external_id and source == SOURCE}
        return Remembered(by_id, by_match_key, frozenset(self.leads))

    def take(self, newcomers: list[Newcomer]) -> None:
        for one in newcomers:
            contact_id = one.contact_id or len(self.contacts) + 1
            ids = (SOURCE if one.person.external_id else "", one.person.external_id)
            if one.contact_id is None:
                self.contacts[contact_id] = (*ids, one.person.match_key)
            elif one.adopted:
                self.contacts[contact_id] = (*ids, self.contacts[contact_id][2])
            assert contact_id not in self.leads
            self.leads.add(contact_id)


def read(house: House, people: list[Person], *, batch: int, path: Path | None = None, dry_run: bool = False) -> list[str]:
    """Line by line what became of it: new, known, or the reason it was left out."""
    told: dict[int, str] = {}
    seen = Seen(path or Path(":memory:"), up_to=0)
    lines = list(enumerate(people, start=2))
    for start in range(0, len(lines), batch):
        rows = lines[start : start + batch]
        remembered = house.remembered()
        contacts = [f"{what} {contact}" for contact in house.contacts for what in ("contact", "adopted")]
        known = seen.look_up([key for _, one in rows for key in keys_of(one)] + contacts)
        newcomers, duplicates, fresh = decide(rows, source=SOURCE, remembered=remembered, seen=known)
        seen.remember(fresh)
        if not dry_run:
            house.take(newcomers)
        told |= {one.line: "accepted" for one in newcomers} | {one.line: one.why for one in duplicates}
    seen.close()
    return [told[line] for line, _ in lines]


PEOPLE = st.lists(st.builds(person, st.sampled_from(["", "", "1", "2", "3"]), st.sampled_from(["ana", "ben", "cat"])), max_size=14)
CONTACTS = st.lists(
    st.tuples(st.sampled_from(["", SOURCE, "salesforce"]), st.sampled_from(["1", "2", "3"]), st.sampled_from(["ana", "ben"])), max_size=5
)


def house_of(contacts: list[tuple[str, str, str]], leads: int) -> House:
    house = House()
    for source, external_id, key in contacts:
        ids = (source, external_id if source else "")
        if not source or all(known[:2] != ids for known in house.contacts.values()):
            house.contacts[len(house.contacts) + 1] = (*ids, key)
    house.leads = {contact_id for contact_id in house.contacts if leads >> contact_id & 1}
    return house


@settings(max_examples=200, deadline=None)
@given(contacts=CONTACTS, leads=st.integers(0, 63), people=PEOPLE, batch=st.integers(1, 6))
def test_the_batches_of_a_file_do_not_show_in_what_becomes_of_it(
    contacts: list[tuple[str, str, str]], leads: int, people: list[Person], batch: int
) -> None:
    whole = read(house_of(contacts, leads), people, batch=100)
    assert read(house_of(contacts, leads), people, batch=batch) == whole
    assert read(house_of(contacts, leads), people, batch=batch, dry_run=True) == whole
    assert len(whole) == len(people)


@given(contacts=CONTACTS, people=PEOPLE)
def test_whoever_is_read_twice_is_left_out_the_second_time(contacts: list[tuple[str, str, str]], people: list[Person]) -> None:
    house = house_of(contacts, 0)
    read(house, people, batch=3)
    assert "accepted" not in read(house, people, batch=3)


def one_batch(house: House, *people: Person) -> tuple[list[Newcomer], list[Duplicate]]:
    newcomers, duplicates, _ = decide(list(enumerate(people, start=2)), source=SOURCE, remembered=house.remembered(), seen={})
    return newcomers, duplicates


def test_a_contact_without_an_id_takes_the_first_one_given_and_is_not_given_another() -> None:
    house = House({1: ("", "", "ana")})
    newcomers, _ = one_batch(house, person("7", "ana"), person("8", "ana"))
    assert [(one.contact_id, one.adopted) for one in newcomers] == [(1, True), (None, False)]


def test_a_contact_of_another_crm_keeps_its_id_and_is_the_same_person() -> None:
    house = House({1: ("salesforce", "00Q1", "ana")})
    newcomers, duplicates = one_batch(house, person("7", "ana"), person("", "ana"))
    assert [(one.contact_id, one.adopted) for one in newcomers] == [(1, False)]
    assert "line 2" in duplicates[0].why


def test_what_a_killed_run_saw_beyond_its_last_batch_is_forgotten(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "seen", up_to=0)
    seen.remember({"id 1": 2, "id 2": 9})
    seen.close()
    again = Seen(tmp_path / "seen", up_to=5)
    assert again.look_up(["id 1", "id 2"]) == {"id 1": 2}
    again.close()
