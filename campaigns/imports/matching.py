"""Who is who: whether a row is a person we know, one already on the list, or someone new.

Same contact: same source and external id, else same first number and name. A number alone says nothing, it may be a switchboard's;
nor does a name. Two ids of one source are two people, whatever else they share.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.rules.list_rows import Person


@dataclass(frozen=True, slots=True)
class Known:
    """A contact that may be the person of a row."""

    contact_id: int
    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the database knows of the people of one batch."""

    by_id: Mapping[str, int] = field(default_factory=dict)
    by_match_key: Mapping[str, Sequence[Known]] = field(default_factory=dict)
    in_campaign: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A lead to be. `contact_id` is empty for a person never seen; `adopted` gives a contact without an id this row's."""

    line: int
    person: Person
    contact_id: int | None
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    line: int
    why: str


class Seen:
    """Which line of the file first said what, beside the file: in memory it would grow with the list.

    What earlier batches wrote stands in the database too, but not whole (a row found by its id leaves no trace of its name), and a dry
    run writes nothing there. So a file reads the same whatever its batches are, and dry as for real.
    """

    AT_ONCE = 500

    def __init__(self, path: Path, *, up_to: int) -> None:
        """`up_to` is the last line accounted for."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.file = sqlite3.connect(path)
        self.file.execute("PRAGMA synchronous = OFF")  # survives a killed process; a lost machine costs a reason its line number
        self.file.execute("CREATE TABLE IF NOT EXISTS seen (what TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")
        self.up_to = up_to
        self.forget()

    def forget(self) -> None:
        """What a batch saw that was never accounted for: its process was killed, or its transaction rolled back."""
        with self.file:
            self.file.execute("DELETE FROM seen WHERE line > ?", [self.up_to])

    def look_up(self, keys: Iterable[str]) -> dict[str, int]:
        asked = list(keys)
        found: dict[str, int] = {}
        for start in range(0, len(asked), self.AT_ONCE):
            some = asked[start : start + self.AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(self.file.execute(f"SELECT what, line FROM seen WHERE what IN ({marks})", some))
        return found

    def remember(self, lines: Mapping[str, int]) -> None:
        with self.file:
            self.file.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", lines.items())

    def close(self) -> None:
        self.file.close()


def keys_of(person: Person) -> list[str]:
    """What later rows are compared with; `nameless id` is how a row without an id leaves its name."""
    keys = [f"name {person.match_key}", f"nameless id {person.match_key}"]
    return [f"id {person.external_id}", *keys] if person.external_id else keys


def decide(
    people: Sequence[tuple[int, Person]], *, source: str, remembered: Remembered, seen: Mapping[str, int]
) -> tuple[list[Newcomer], list[Duplicate], dict[str, int]]:
    """Each row of a batch, in the order of the file: a newcomer or a duplicate. The third is what has been seen by them."""
    lines = dict(seen)
    fresh: dict[str, int] = {}
    adopted: set[int] = set()
    newcomers, duplicates = [], []

    def saw(what: str, line: int) -> None:
        if what not in lines:
            lines[what] = fresh[what] = line

    for line, person in people:
        by_name = f"nameless id {person.match_key}" if person.external_id else f"name {person.match_key}"
        earlier = (person.external_id and lines.get(f"id {person.external_id}")) or lines.get(by_name)
        contact = None if earlier else _contact(person, source, remembered, adopted, lines)
        if contact and not earlier:
            earlier = lines.get(f"contact {contact.contact_id}")
        if earlier:
            duplicates.append(Duplicate(line, f"the same person as line {earlier}; remove one of them"))
        elif contact and contact.contact_id in remembered.in_campaign:
            duplicates.append(Duplicate(line, "this person is already in the campaign, by an earlier list or line"))
        else:
            adopts = contact is not None and bool(person.external_id) and not contact.external_id
            newcomers.append(Newcomer(line, person, contact.contact_id if contact else None, adopts))
            if contact and adopts:
                adopted.add(contact.contact_id)
                saw(f"adopted {contact.contact_id}", line)
            if contact:
                saw(f"contact {contact.contact_id}", line)
        # a duplicate is remembered too: who is the same as it is the same as whom it repeats
        saw(f"id {person.external_id}" if person.external_id else f"nameless id {person.match_key}", line)
        saw(f"name {person.match_key}", line)
    return newcomers, duplicates, fresh


def _contact(person: Person, source: str, remembered: Remembered, adopted: set[int], lines: Mapping[str, int]) -> Known | None:
    if person.external_id and (found := remembered.by_id.get(person.external_id)):
        return Known(found, source, person.external_id)
    candidates = [
        known
        for known in remembered.by_match_key.get(person.match_key, ())
        # another id of the same source is another person, also when a row above has just given it
        if not (
            person.external_id
            and ((known.external_id and known.source == source) or known.contact_id in adopted or f"adopted {known.contact_id}" in lines)
        )
    ]
    # of several who may be meant, one who is on the list: rather a duplicate too many than a person called twice
    already = [known for known in candidates if known.contact_id in remembered.in_campaign or f"contact {known.contact_id}" in lines]
    return next(iter(already or candidates), None)
