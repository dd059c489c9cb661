"""What the rows of a file are handed over in, and what each kind of file does with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from campaigns.imports.matching import Duplicate, Seen
from campaigns.imports.rejects import Reject
from campaigns.models import ListImport
from campaigns.rules.list_columns import Layout, Unrecognised
from campaigns.rules.list_rows import Unusable


@dataclass(frozen=True, slots=True)
class Options:
    """What a person said of the file; empty means: find out."""

    country: str = ""
    encoding: str = ""
    delimiter: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    # of people
    source: str = ""
    list_name: str = ""
    # of numbers not to call
    register: str = ""
    reason: str = ""
    expires: str = ""
    as_of: str = ""  # the day on which the register's keeper gave it out; empty: the one on which we were given the file
    shorter: bool = False  # the register has really lost more than half of its numbers, or has none

    def to_json(self) -> dict[str, Any]:
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Options":
        return cls(**{name: told[name] for name in cls.__dataclass_fields__ if name in told})


@dataclass(slots=True)
class Batch:
    """Rows in the order of the file, not yet accounted for."""

    rows: int = 0
    size: int = 0
    last_line: int = 0
    said: list[tuple[int, Any]] = field(default_factory=list)  # line and what its row says, as the kind of file read it
    rejects: list[Reject] = field(default_factory=list)
    cells: dict[int, list[str]] = field(default_factory=dict)  # as they stood, for the rejects file


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a batch: rows that count, those that say again what was said, and what later rows are compared with."""

    accepted: int
    duplicates: Sequence[Duplicate]
    fresh: Mapping[str, int]


class Over(Exception):
    """What the file was for has come to an end while it was being read."""


class Kind(Protocol):
    """One kind of file. `record` is its import; every method but `read` may ask the database."""

    record: ListImport
    country: str  # where numbers without a country code are at home

    def most_rows(self, layout: Layout) -> int:
        """Of one batch, so of one transaction."""
        ...

    def refusal(self) -> str:
        """Why it cannot be brought in now; empty when it can."""
        ...

    def recognise(self, sample: Sequence[Sequence[str]], options: Options) -> Layout | Unrecognised: ...

    def begin(self) -> dict[str, Any]:
        """In the transaction that begins the import; what must be remembered for who goes on."""
        ...

    def read(self, layout: Layout, cells: Sequence[str]) -> Any | Unusable: ...

    def bring_in(self, batch: Batch, layout: Layout, seen: Seen, *, now: datetime) -> Told:
        """In the batch's transaction; raises Over."""
        ...

    def finish(self, *, now: datetime) -> str:
        """After the last row; why it does not count nevertheless, empty when it does. May be asked again."""
        ...
