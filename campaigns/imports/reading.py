"""From a file's bytes to its records: any encoding, any delimiter, quotation marks that do not match, lines without end.

Never raises for what stands in a file. A record that cannot be read comes out as Broken with its line; the lines after it are read.
Reading the same file again gives the same records: that is how an interrupted import finds its place.
"""

import codecs
import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import charset_normalizer

from campaigns.rules.list_columns import MOST_COLUMNS, known_headers

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
LONGEST_LINE = 2_000_000  # characters
MOST_LINES = 200  # of one record: beyond that a quotation mark was never closed
SAMPLE = 256 * 1024  # bytes
CHUNK = 1024 * 1024  # bytes
MOST_BYTES = 2 * 1024**3

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NO_LISTS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive; save the sheet as CSV (UTF-8), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"\x1f\x8b", "compressed; unpack it"),
    (b"%PDF", "a PDF; export the list as CSV"),
    (b"\x89PNG", "a picture; export the list as CSV"),
    (b"\xff\xd8\xff", "a picture; export the list as CSV"),
    (b"SQLite format 3", "a database; export the list as CSV"),
)
# what else a list may be written in; asked in this company only, since charset-normalizer knows a hundred that no dialer exports
LIKELY = "cp1252 cp1250 iso8859_2 cp1251 koi8_r cp932 gb18030 big5 euc_kr cp1253 cp1254 cp1255 cp1256 mac_roman cp850"
# codecs that do not read what a person typed
NO_TEXT = frozenset({"", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape", "utf-7", "idna", "punycode", "undefined"})
WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž€‘’“”–—…•°º«»®©™§ª·´" + "\xa0\xad")  # noqa: RUF001  (each is meant)

csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST_LINE))


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Rows of other systems, pasted into one file, keep their bytes: what is not UTF-8 among it is nearly always Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.encoding.replace("_", "-").startswith(("utf-16", "utf-32")):
        return "\ufffd", error.end
    wrong = error.object[error.start : error.end]
    return "".join(_one_byte(byte) for byte in wrong), error.end


def _one_byte(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


codecs.register_error("ringmaster.as_windows_1252", _as_windows_1252)


@dataclass(frozen=True, slots=True)
class Unreadable:
    why: str


@dataclass(frozen=True, slots=True)
class Script:
    """How a file is written."""

    encoding: str
    delimiter: str
    skip_lines: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Broken:
    line: int
    text: str
    why: str


def fingerprint(source: BinaryIO) -> tuple[str, int]:
    """SHA-256 and length, a piece at a time."""
    digest, length = hashlib.sha256(), 0
    source.seek(0)
    while piece := source.read(CHUNK):
        digest.update(piece)
        length += len(piece)
    return digest.hexdigest(), length


def inspect(source: BinaryIO, *, encoding: str = "", delimiter: str = "") -> Script | Unreadable:
    """How the file is written, as told or as found."""
    source.seek(0)
    start = source.read(SAMPLE)
    if not start.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        return Unreadable("The file is empty. Export the list again.")
    for magic, what in NO_LISTS:
        if start.startswith(magic):
            return Unreadable(f"The file is {what}, then import that.")
    if encoding:
        known = _encoding_told(encoding, start)
        if not known:
            return Unreadable(f"'{encoding}' is not an encoding. Use utf-8, utf-16, windows-1252, latin-1 or another one Python knows.")
        encoding = known
    else:
        encoding = _encoding(source, start)
    text = start.decode(encoding, errors="ringmaster.as_windows_1252").replace("\0", "")
    if sum(character < " " and character not in "\t\r\n\f\x1a" for character in text) * 10 > len(text):
        return Unreadable("The file does not look like text. Export the list as CSV, or say its encoding.")
    lines = io.StringIO(text, newline="").readlines()
    if len(start) == SAMPLE and len(lines) > 1:
        lines.pop()  # cut in the middle
    skip_lines = 0
    if told := re.fullmatch(r'"?sep=(.)"?\s*', lines[0], re.IGNORECASE):  # how Excel is told
        skip_lines, delimiter = 1, delimiter or told[1]
    delimiter = {"tab": "\t", "\\t": "\t", "pipe": "|", "comma": ",", "semicolon": ";"}.get(delimiter, delimiter)
    if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
        return Unreadable(f"'{delimiter}' is not a delimiter. Use one character, or one of comma, semicolon, tab, pipe.")
    return Script(encoding, delimiter or _delimiter(lines[skip_lines : skip_lines + 200]), skip_lines)


def _encoding_told(told: str, start: bytes) -> str:
    """The codec of that name, for text; with or without a byte order mark, whichever the file has."""
    try:
        name = codecs.lookup(told).name
        b"ab".decode(name, errors="replace")
    except (LookupError, UnicodeError):
        name = told.casefold() if told.casefold() in ("utf-16", "utf-32") else ""
    if name in NO_TEXT:
        return ""
    if name.startswith(("utf-16", "utf-32", "utf-8")):
        marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), "")
        if marked and marked[:6] == name[:6]:
            return marked
        return f"{name}-le" if name in ("utf-16", "utf-32") else name
    return name


def _encoding(source: BinaryIO, start: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    pairs = max(1, len(start) // 2)
    if start[1::2].count(0) * 10 > pairs * 3:
        return "utf-16-le"
    if start[0::2].count(0) * 10 > pairs * 3:
        return "utf-16-be"
    telling = _telling_lines(source)
    if not telling:
        return "utf-8"
    if _mostly_utf_8(telling):
        return "utf-8"
    if _is_western(telling):
        return "cp1252"
    likely = [found.encoding for found in charset_normalizer.from_bytes(telling, cp_isolation=LIKELY.split())]
    return max([*likely, *LIKELY.split()], key=lambda encoding: _legible(telling[:8192], encoding))


def _legible(sample: bytes, encoding: str) -> float:
    """How much of what is not ASCII would be letters, in words of one script. A tie goes to whom charset-normalizer prefers."""
    text = sample.decode(encoding, errors="replace")
    letters = beyond = 0
    for word in re.findall(r"[^\s\d,;|.\"']+", text):
        foreign = [letter for letter in word if letter > "\x7f"]
        beyond += len(foreign)
        latin = len(foreign) < sum(map(str.isalpha, word)) and any("a" <= letter <= "z" for letter in word.casefold())
        letters += sum(letter.isalpha() and (not latin or "LATIN" in unicodedata.name(letter, "")) for letter in foreign)
    return round(letters / beyond, 2) if beyond else 0.0


def _mostly_utf_8(sample: bytes) -> bool:
    """Whether more of what is not ASCII is UTF-8 than not; a file of several systems' rows is mixed."""
    wrong = begins = 0
    while wrong < 200:
        try:
            sample[begins:].decode("utf-8")
            begins = len(sample)
            break
        except UnicodeDecodeError as error:
            wrong += 1
            begins += error.end
    return wrong * 2 < len(re.findall(rb"[\x80-\xff]+", sample[:begins]))


def _telling_lines(source: BinaryIO) -> bytes:
    """The first lines that are not plain ASCII, from wherever in the file: a sample of its head may have none."""
    source.seek(0)
    told: list[bytes] = []
    size = seen = 0
    while size < SAMPLE // 4 and seen < 64 * CHUNK and (piece := source.read(CHUNK)):
        seen += len(piece)
        if not piece.isascii():
            found = re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*[\r\n]?", piece)[:2000]
            told += [line[:2000] for line in found]
            size += sum(map(len, found))
    return b"".join(told)[: SAMPLE // 4]


def _is_western(sample: bytes) -> bool:
    """Accents of western Europe: nearly all of them known letters, and standing alone or in pairs, never a word full of them."""
    beyond = re.findall(rb"[\x80-\xff]+", sample)
    letters = "".join(_one_byte(byte) for run in beyond for byte in run)
    in_runs = sum(len(run) for run in beyond if len(run) > 3)
    return sum(letter in WESTERN for letter in letters) * 100 > len(letters) * 96 and in_runs * 5 < len(letters)


def _delimiter(lines: list[str]) -> str:
    """The one by which most headers are known, then by which the lines agree most on how many columns there are."""

    def agreement(delimiter: str) -> tuple[int, float, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return (0, 0.0, 0)
        widths = [len(row) for row in rows]
        usual = max(set(widths), key=widths.count, default=1)
        return (known_headers(rows[0]) if rows and usual > 1 else 0, widths.count(usual) / len(widths) if usual > 1 else 0.0, usual)

    return max(DELIMITERS, key=agreement)


class _NeverClosed(Exception):
    """A quotation mark was opened and not closed within what one record may be."""


class _Lines:
    """The lines of a file for the csv module, which may be given back: a record that turns out to be none is read again line by line."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0  # of the last line handed out
        self.taken: list[str] = []  # since the last whole record
        self.back: list[str] = []
        self.too_long: int | None = None

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES:
            raise _NeverClosed
        line = self.back.pop() if self.back else self._read()
        if not line:
            if self.taken:
                raise _NeverClosed
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def _read(self) -> str:
        line = self.text.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            self.too_long = self.number + 1
            while (rest := self.text.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            line = line[:1000].replace('"', "'") + "\n"
        if "\0" in line:
            line = line.replace("\0", "") or "\n"
        return line.replace("\x1a", "") if "\x1a" in line else line

    def give_back(self) -> str:
        """The first of the lines taken; the others will be handed out again."""
        first, *others = self.taken
        self.back.extend(reversed(others))
        self.number -= len(others)
        self.taken.clear()
        return first


def records(source: BinaryIO, script: Script) -> Iterator[Record | Broken]:
    """Every record of the file with the line it begins at; empty lines are none."""
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=script.encoding, errors="ringmaster.as_windows_1252", newline="")
    try:
        for _ in range(script.skip_lines):
            text.readline(LONGEST_LINE)
        yield from _records(text, script)
    finally:
        text.detach()


def _quoted_as_it_should_be(lines: list[str], script: Script) -> bool:
    """Whether what spans several lines was meant to: inside quotation marks, those of the text itself are doubled."""
    try:
        return len(list(csv.reader(lines, delimiter=script.delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _records(text: io.TextIOWrapper, script: Script) -> Iterator[Record | Broken]:
    lines = _Lines(text)
    lines.number = script.skip_lines
    reader = csv.reader(lines, delimiter=script.delimiter)
    width = 0
    while True:
        begins = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_NeverClosed, csv.Error):
            cells = None
        if cells is not None and (len(lines.taken) == 1 or (width in (0, len(cells)) and _quoted_as_it_should_be(lines.taken, script))):
            lines.taken.clear()
            if lines.too_long == begins:
                yield Broken(begins, "".join(cells)[:1000], f"the line is longer than {LONGEST_LINE:,} characters; shorten or remove it")
            elif cells:
                width = width or len(cells)
                yield Record(begins, cells)
            continue
        # several lines that make no record: a quotation mark too many. The first line is judged alone, the others are read again.
        first = lines.give_back()
        reader = csv.reader(lines, delimiter=script.delimiter)
        literal = [cell.strip('"') for cell in first.rstrip("\r\n").split(script.delimiter)]
        if width and len(literal) == width <= MOST_COLUMNS:
            yield Record(begins, literal)
        else:
            yield Broken(begins, first.rstrip("\r\n"), "a quotation mark is opened and never closed; close it, or double it inside the value")
