"""Writes every language's catalogue anew from the texts of the program: what is new comes in untranslated, what is gone goes.

Texts are found where they are written: t(), tn(), tp() in the console's sources, say(), Refusal() and their like in Python, {% translate %} in
the templates of agents' pages. A catalogue is sorted by its English and has no line numbers, so that two changes of it seldom meet.
"""

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation.template import templatize

from dialer_project.lib import words

# what agents see is made in these; the administration speaks English
APPS = ("agents", "campaigns")
NOT_SAID = {"admin", "management", "migrations"}
# where each function takes its text
TEXT_AT = {"say": 0, "Refusal": 0, "Problem": 1, "_Problem": 0, "_held": 3, "_closed": 3, "_wait": 4, "_barred": 3}
# a sentence made by one of these may also be handed to another of them
MAY_BE_HANDED_ON = {"Refusal", "Problem", "_Problem"}
_LITERAL = r"""('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
CONSOLE = re.compile(rf"\b(t|tn|tp)\(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})?")
TEMPLATE = {"gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}

Text = tuple[str | tuple[str, ...], str | None]  # (English, or its singular and plural; context)


class Command(BaseCommand):
    help = "Brings the catalogues of all languages up to date with the texts of the program."

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in written().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            left = [words.key(message) for message in words.read(path) if message.id and not filled(message)]
            self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {f'{len(left)} texts wait for their translation' if left else 'complete'}")


def languages() -> list[str]:
    """Those with a catalogue: all but the one the program is written in."""
    return [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def written() -> dict[Path, bytes]:
    """Each catalogue with what belongs in it."""
    found = texts()
    return {words.source(language): _written(language, found) for language in languages()}


def filled(message: Any) -> bool:
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def texts() -> Catalog:
    """What the program says, and where."""
    catalog = Catalog()
    for path, found in _found():
        for text, context in found:
            catalog.add(text, locations=[(str(path.relative_to(settings.BASE_DIR)), 0)], context=context)
    return catalog


def unfindable() -> list[str]:
    """Where a sentence is put together in Python, so that no catalogue can have it: place and code."""
    wrong = []
    for path in _python_files():
        for call, text in _calls(path):
            literal = isinstance(text, ast.Constant) and isinstance(text.value, str)
            name = _name(call)
            handed_on = name in MAY_BE_HANDED_ON and isinstance(text, ast.Name | ast.Attribute | ast.IfExp)
            made = name in MAY_BE_HANDED_ON and isinstance(text, ast.Call) and _name(text) in {"say", "together"}
            if not (literal or handed_on or made):
                wrong.append(f"{path.relative_to(settings.BASE_DIR)}:{call.lineno}: {ast.unparse(call)}")
    return wrong


def _found() -> Iterator[tuple[Path, Iterator[Text]]]:
    for path in _python_files():
        yield path, _of_python(path)
    for path in sorted((settings.BASE_DIR / "agents" / "frontend" / "src").rglob("*.ts*")):
        yield path, _of_console(path)
    for path in sorted((settings.BASE_DIR / "agents" / "templates").rglob("*.html")):
        yield path, _of_template(path)


def _python_files() -> Iterator[Path]:
    for app in APPS:
        for path in sorted((settings.BASE_DIR / app).rglob("*.py")):
            if not NOT_SAID & set(path.parts):
                yield path


def _calls(path: Path) -> Iterator[tuple[ast.Call, ast.expr]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and (at := TEXT_AT.get(_name(node))) is not None and len(node.args) > at:
            yield node, node.args[at]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _of_python(path: Path) -> Iterator[Text]:
    for _, text in _calls(path):
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text.value, None


def _of_console(path: Path) -> Iterator[Text]:
    source = re.sub(r"(?m)^\s*(/?\*|//).*$", "", path.read_text(encoding="utf-8"))  # an example in a comment is not said
    for function, first, second in CONSOLE.findall(source):
        match function:
            case "t":
                yield ast.literal_eval(first), None
            case "tn":
                yield (ast.literal_eval(first), ast.literal_eval(second)), None
            case "tp":
                yield ast.literal_eval(second), ast.literal_eval(first)


def _of_template(path: Path) -> Iterator[Text]:
    source = BytesIO(templatize(path.read_text(encoding="utf-8")).encode())
    for _, text, _, context in extract("python", source, keywords=TEMPLATE, options={"encoding": "utf-8"}):
        yield text, context


def _written(language: str, found: Catalog) -> bytes:
    path = words.source(language)
    catalog = Catalog(locale=Locale.parse(language))
    before = {words.key(message): message.string for message in words.read(path)} if path.exists() else {}
    for message in found:
        if message.id:
            kept = before.get(words.key(message), "")
            fits = isinstance(kept, tuple | list) == isinstance(message.id, tuple | list)
            catalog.add(message.id, kept if fits else "", locations=message.locations, context=message.context)
    file = BytesIO()
    write_po(file, catalog, width=0, omit_header=True, include_lineno=False, sort_output=True)
    head = [f"Language: {language}", "Content-Type: text/plain; charset=utf-8", f"Plural-Forms: {catalog.plural_forms}"]
    return "\n".join(['msgid ""', 'msgstr ""', *(f'"{line}\\n"' for line in head), "", ""]).encode() + file.getvalue()
