"""Calling lists as they come, made by a seed, with what must become of them: for the import's benchmark and its tests."""

import csv
import io
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FIRST = ["Maria", "José", "Ana", "Omar", "Lena", "Paul", "Zoë", "Jürgen", "Siân", "François", "Ángel", "Noor", "Małgorzata", "Øystein", "Ida", "Tom"]
LAST = ["López", "Smith", "O'Neill", "Müller", "Ferreira", "Novák", "Ångström", "Brown", "Khan", "García", "Weiß", "Dubois", "Evans", "Walsh"]
HEADER = ["Lead ID", "First Name", "Last Name", "Company", "Mobile Phone", "Work Phone", "Email", "Street", "City", "Country", "Notes"]


@dataclass(frozen=True)
class Expected:
    rows: int
    accepted: int
    duplicates: int
    rejected: int


def messy_list(path: Path, *, rows: int, seed: int = 1) -> Expected:
    """A list as it comes: five rows in a hundred without a usable number, duplicates, several encodings in one file, NUL bytes, fields of a
    megabyte, quotation marks that do not match, line ends inside values, formulas. Says what must become of it."""
    dice = random.Random(seed)
    verdicts: Counter[str] = Counter()
    people: list[list[str]] = []
    with path.open("wb") as file:
        file.write(_line(HEADER))
        for number in range(rows):
            lot = dice.random()
            person = _person(dice, number)
            if lot < 0.05:
                person[4], person[5] = dice.choice([("12345", ""), ("", ""), ("n/a", "4.42E+11"), ("0", "call reception"), ("+999 1234567", "")])
                verdict, piece = "rejected", _line(person)
            elif lot < 0.08 and people:
                verdict, piece = "duplicates", _line(dice.choice(people))
            elif lot < 0.081:
                person[10] = "x" * 30_000
                verdict, piece = "rejected", _line(person)
            elif lot < 0.0811:
                person[10] = "x" * 1_000_000
                verdict, piece = "rejected", _line(person)
            elif lot < 0.083:  # a comma too many, nowhere quoted
                verdict, piece = "rejected", (",".join([*person[:10], "one, two, three"]) + "\r\n").encode()
            elif lot < 0.084:  # opened, never closed, and a value short: no reading makes a row of it
                verdict, piece = "rejected", (",".join(person[:3]) + ',"Acme,' + ",".join(person[4:9]) + "\r\n").encode()
            else:
                verdict = "accepted"
                if lot < 0.12:
                    person[10] = f'called twice\nasked for {person[1]}, "the" boss\r\nsecond floor'
                elif lot < 0.14:
                    person[3] = dice.choice(['=HYPERLINK("http://x","y")', "+SUM(1,2)", "@cmd", "-2+3"])
                piece = _line(person, "cp1252" if 0.14 < lot < 0.17 else "utf-8")
                if 0.17 < lot < 0.18:
                    piece = piece.replace(b"Street", b"Str\0eet")
                if len(people) < 5000:
                    people.append(person)
            verdicts[verdict] += 1
            file.write(piece)
    return Expected(rows, verdicts["accepted"], verdicts["duplicates"], verdicts["rejected"])


def _line(cells: list[str], encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(encoding, errors="replace")


def _person(dice: random.Random, number: int) -> list[str]:
    mobile = f"07{dice.choice('456789')}{dice.randrange(10**8):08d}"
    mobile = f"0740{dice.randrange(10**7):07d}" if mobile.startswith(("0762", "0770", "070")) or mobile[2] in "69" else mobile
    work = f"020 7{dice.randrange(100, 999)} {dice.randrange(10**4):04d}" if dice.random() < 0.5 else f"+4420 7946 {dice.randrange(40):04d}"
    return [
        f"00Q{number:012d}",
        dice.choice(FIRST),
        dice.choice(LAST),
        f"{dice.choice(LAST)} & Sons",
        f"+447400{dice.randrange(10**6):06d}" if dice.random() < 0.3 else f"07400 {dice.randrange(10**6):06d}" if dice.random() < 0.5 else mobile,
        work,
        f"person{number}@example.org",
        f"{dice.randrange(200)} High Street",
        "London",
        dice.choice(["United Kingdom", "GB", "UK", ""]),
        "",
    ]
