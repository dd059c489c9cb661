"""From bytes to records: encodings, delimiters, and quotation marks that do not match."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.imports import reading
from campaigns.imports.reading import LONGEST_LINE, Broken, Record, Script, Unreadable, inspect, records
from campaigns.imports.rejects import Reject, header, neutral, rows

PEOPLE = "Name,Phone,City\r\nJürgen Weiß,+4930123456,Köln\r\nZoë Ümit,+442079460123,Genève\r\n"


def read(raw: bytes, **told: str) -> list[Record | Broken]:
    script = inspect(io.BytesIO(raw), **told)
    assert isinstance(script, Script), script
    return list(records(io.BytesIO(raw), script))


def cells(raw: bytes, **told: str) -> list[list[str]]:
    return [one.cells for one in read(raw, **told) if isinstance(one, Record)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a_list_is_read_in_any_common_encoding(encoding: str) -> None:
    assert cells(PEOPLE.encode(encoding))[1:] == [["Jürgen Weiß", "+4930123456", "Köln"], ["Zoë Ümit", "+442079460123", "Genève"]]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Łukasz Żółć,Święta,Kraków", "cp1250"),
        ("Łukasz Żółć,Święta,Wałęsa", "iso8859_2"),
        ("Иван Иванов,Пётр,улица Ленина", "cp1251"),
        ("山田太郎,東京都,鈴木一郎", "cp932"),
        ("Παπαδόπουλος,Γιώργος,Αθήνα", "cp1253"),
    ],
)
def test_names_of_elsewhere_are_read_as_they_were_written(text: str, encoding: str) -> None:
    assert cells(f"Name,Street,City\n{text}\n{text}\n".encode(encoding))[1] == text.split(",")


def test_rows_of_another_system_in_one_file_keep_their_letters() -> None:
    raw = "Name,Phone\nZoë,1\nAngström,2\nJosé,3\n".encode() + "Jürgen,4\n".encode("cp1252")
    assert cells(raw)[-1] == ["Jürgen", "4"]


def test_an_accent_beyond_the_head_of_the_file_still_tells_its_encoding() -> None:
    raw = b"Name,Phone\n" + b"Tom,1\n" * 60_000 + "Łukasz Żółć,2\n".encode("cp1250") * 40
    assert cells(raw)[-1][0] == "Łukasz Żółć"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    assert cells(delimiter.join(["Name", "Phone", "City"]).encode() + b"\n" + delimiter.join(["O", "1,5;2", "x"]).encode())[0] == [
        "Name",
        "Phone",
        "City",
    ]


def test_excel_may_say_the_delimiter_itself() -> None:
    assert cells(b"sep=;\nName;Phone\nMaria;1\n") == [["Name", "Phone"], ["Maria", "1"]]
    assert read(b"sep=;\nName;Phone\nMaria;1\n")[1].line == 3


def test_a_delimiter_and_an_encoding_can_be_told() -> None:
    assert cells("Name:Phone\nZoë:1\n".encode("cp1252"), encoding="latin-1", delimiter=":")[1] == ["Zoë", "1"]


@pytest.mark.parametrize("told", [{"encoding": "klingon"}, {"encoding": "base64"}, {"delimiter": "ab"}])
def test_what_is_told_wrongly_is_refused_with_a_sentence(told: dict[str, str]) -> None:
    assert isinstance(inspect(io.BytesIO(b"Name,Phone\n"), **told), Unreadable)


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf", b"\r\n \n", b"PK\x03\x04xyz", b"%PDF-1.7", b"\x1f\x8b\x08", bytes(range(1, 32)) * 50])
def test_a_file_that_is_no_list_is_refused_with_the_remedy(raw: bytes) -> None:
    refused = inspect(io.BytesIO(raw))
    assert isinstance(refused, Unreadable)
    assert refused.why.endswith((".", "that."))


def test_values_may_hold_line_ends_and_the_next_line_keeps_its_number() -> None:
    found = read(b'Name,Note\nMaria,"one\r\ntwo"\nOmar,x\n')
    assert [(one.line, one.cells) for one in found if isinstance(one, Record)][1:] == [(2, ["Maria", "one\r\ntwo"]), (4, ["Omar", "x"])]


def test_nul_bytes_are_left_out() -> None:
    assert cells(b"Name,Phone\nMa\0ria,1\n")[1] == ["Maria", "1"]


def test_a_quotation_mark_never_closed_costs_one_row_and_not_the_rest_of_the_file() -> None:
    lines = [b"Name,Phone,City", b'Maria,"1', b"Omar,2,x", b"Lena,3,y"] + [b"Tom,4,z"] * 500
    found = read(b"\n".join(lines))
    assert isinstance(found[1], Broken)
    assert found[1].line == 2
    assert "never closed" in found[1].why
    assert len([one for one in found if isinstance(one, Record)]) == len(lines) - 1
    assert found[-1].line == len(lines)


def test_a_quotation_mark_closed_by_the_next_rows_own_does_not_swallow_that_row() -> None:
    found = read(b'Name,Phone,City\nMaria,"1\nOmar,"2",x\nLena,3,y\n')
    assert [one.line for one in found] == [1, 2, 3, 4]
    assert isinstance(found[2], Record)
    assert found[2].cells == ["Omar", "2", "x"]


def test_a_stray_quotation_mark_in_a_file_that_quotes_nothing_is_a_letter() -> None:
    assert cells(b'Name|Phone|Note\nMaria|1|"loud\nOmar|2|x\n') == [["Name", "Phone", "Note"], ["Maria", "1", "loud"], ["Omar", "2", "x"]]


def test_a_line_without_end_is_one_broken_row() -> None:
    found = read(b"Name,Phone\n" + b"x" * (LONGEST_LINE + 10) + b"\nMaria,1\n")
    assert isinstance(found[1], Broken)
    assert isinstance(found[2], Record)
    assert found[2].line == 3


@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "utf-16", "cp1252"]))
def test_no_bytes_are_too_bad_to_read(raw: bytes, encoding: str) -> None:
    script = inspect(io.BytesIO(raw), encoding=encoding)
    if isinstance(script, Script):
        found = list(records(io.BytesIO(raw), script))
        lines = [one.line for one in found]
        assert lines == sorted(set(lines))


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(["a", "b"])), min_size=1, max_size=12), st.sampled_from([",", ";", "\t", "|"]))
def test_what_is_quoted_as_it_should_be_comes_back_whole(table: list[tuple[str, str, str]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    found = list(records(io.BytesIO(text.getvalue().encode()), Script("utf-8", delimiter)))
    assert [one.cells for one in found if isinstance(one, Record)] == [list(row) for row in table]


@given(st.text(max_size=30))
def test_no_cell_of_a_rejects_file_is_a_formula(text: str) -> None:
    assert neutral(text)[:1] not in tuple("=+-@\t\r\0＝＋－＠")  # noqa: RUF001  (the wide ones are meant)
    assert neutral(text).removeprefix("'") in (text, text.removeprefix("'"))


def test_a_rejects_file_is_a_list_again() -> None:
    raw = header(["Name", "Phone"]) + rows([Reject(7, "rejected", "no number", ["=Maria", "+44"])])
    assert cells(raw) == [["line", "verdict", "reason", "Name", "Phone"], ["7", "rejected", "no number", "'=Maria", "'+44"]]


def test_reading_twice_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LINES", 3)
    raw = b'Name,Phone\n"a,1\nb,2\n"c\nd",3\n"e,4\n'
    assert read(raw) == read(raw)
