"""An agent's work in another language, to the last word of it; and the same agent changes the language in the middle of a call."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agents.models import Agent, Interaction, NotReadyReason, User
from campaigns.models import Disposition
from dialer_project.lib import words
from telephony.drivers.simulated.script import Answers, seconds
from tests.browser.centre import Centre
from tests.browser.looking import NARROW, USUAL, chooses, fits, no_axe_violations, picture, resized
from tests.browser.served import WITHIN, Served

# everything that is read or heard: what stands there, and what is called how
EVERY_TEXT = """
() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest('script, style, noscript, kbd, [lang]:not(html)')) found.push(walker.currentNode.data);
  }
  for (const element of document.body.querySelectorAll('*')) {
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) if (element.hasAttribute(name)) found.push(element.getAttribute(name));
  }
  return found.map((text) => text.trim()).filter(Boolean);
}
"""


def english() -> list[re.Pattern[str]]:
    """Every text of the program that its Spanish does not leave as it is, with anything where a value goes."""
    found = []
    for key, spanish in words.catalogue("es")["words"].items():
        text = key.split("\x04")[-1]
        if spanish != text:
            found.append(re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))))
    return found


def speaks_spanish(page: Page, *, but: set[str]) -> None:
    """`but`: what people have written, not we."""
    expect(page.locator("html")).to_have_attribute("lang", "es")
    patterns = english()
    parts = {part.strip() for text in page.evaluate(EVERY_TEXT) for part in re.split(r" · | \N{EN DASH} |: ", text)} | set(page.evaluate(EVERY_TEXT))
    left = {part for part in parts - but if any(pattern.fullmatch(part) for pattern in patterns)}
    assert left == set()
    assert [part for part in parts if re.search(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b", part)] == []  # dates too
    no_axe_violations(page)


@pytest.fixture
def spanish(web: Served, chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of somebody who reads Spanish first."""
    context = chromium.new_context(base_url=web.url, viewport={"width": 1366, "height": 768}, locale="es-ES", reduced_motion="reduce")
    context.set_default_timeout(WITHIN * 1000)
    yield context
    context.close()


def test_an_agent_works_in_spanish_and_changes_the_language_in_the_middle_of_a_call(spanish: BrowserContext, ana: Agent, centre: Centre) -> None:
    NotReadyReason.objects.filter(code="login").update(label="Signed in")  # as every installation begins
    centre.station("Desk 12")
    campaign = centre.campaign("Spring renewal", mode="manual", agents=[ana], wrap_up_for=60, description="Renew the plan.")
    centre.person(campaign, "Maria Lopez", "+34600000001", Answers(after=seconds(0.5)), company="Lopez & Daughters", fields={"plan": "Family 50"})
    theirs = set(Disposition.objects.values_list("label", flat=True))
    centre.start(campaign)

    page = spanish.new_page()
    page.goto("/")
    speaks_spanish(page, but=theirs)
    page.get_by_label("Nombre de usuario").fill("ana")
    page.get_by_label("Contraseña").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hola, Ana")).to_be_visible()
    speaks_spanish(page, but=theirs)
    page.get_by_role("button", name="Empezar mi turno").click()
    expect(page.get_by_role("heading", name="No listo: Sesión iniciada")).to_be_visible()
    expect(page.get_by_text("Teléfono conectado")).to_be_visible()
    page.keyboard.press("Alt+R")
    expect(page.get_by_role("heading", name="Esperando la próxima llamada")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Atajos de teclado")).to_be_visible()
    speaks_spanish(page, but=theirs)
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Ejecutar campaña: Spring renewal").click()
    page.get_by_role("button", name="Obtener clientes: Spring renewal").click()
    expect(page.get_by_role("heading", name="Maria Lopez")).to_be_visible()
    page.get_by_role("button", name="Hecho", exact=True).click()
    expect(page.get_by_text("Procese primero a este cliente: llámele, programe una devolución de llamada")).to_be_visible()
    page.get_by_role("button", name="Programar devolución").click()
    page.get_by_label("Fecha y hora").fill("2020-01-01T10:00")
    expect(page.get_by_text("Esta hora ya ha pasado: elija otra posterior o cancele la devolución de llamada.")).to_be_visible()
    speaks_spanish(page, but=theirs)
    picture(page, "spanish-preview")
    page.get_by_role("checkbox", name="Programar devolución").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Llamar", exact=True).click()
    call = page.get_by_role("region", name="Llamada", exact=True)
    expect(call).to_contain_text("Conectada")

    page.get_by_label("Nota", exact=True).fill("Quiere el plan familiar.")
    page.get_by_role("button", name=re.compile("Cuenta de Ana")).click()
    page.get_by_role("menuitem", name="English").click()
    expect(page.get_by_role("region", name="Call", exact=True)).to_contain_text("Connected")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert User.objects.get().language == "en"
    page.reload()  # the agent's choice, not the browser's
    expect(page.get_by_role("region", name="Call", exact=True)).to_contain_text("Connected")
    page.get_by_role("button", name=re.compile("Account of Ana")).click()
    page.get_by_role("menuitem", name="Español").click()
    expect(call).to_contain_text("Conectada")
    expect(page.get_by_label("Nota", exact=True)).to_have_value("Quiere el plan familiar.")
    assert Interaction.objects.get().phase == "connected"
    speaks_spanish(page, but=theirs)
    picture(page, "spanish-call")

    page.evaluate("document.documentElement.dir = 'rtl'")  # as a language that is read from right to left has it
    assert fits(page)
    picture(page, "right-to-left")
    resized(page, NARROW)
    assert fits(page)
    page.evaluate("document.documentElement.dir = 'ltr'")
    resized(page, USUAL)

    page.get_by_role("button", name="Colgar").click()
    expect(page.get_by_text(re.compile(r"Postllamada: quedan \d+ s"))).to_be_visible()
    page.get_by_role("button", name="Hecho", exact=True).click()
    expect(page.get_by_text("Elija primero una tipificación: esta campaña la exige en cada llamada de este tipo.")).to_be_visible()
    speaks_spanish(page, but=theirs)
    chooses(page, "Renewed")
    page.keyboard.press("Alt+Enter")
    expect(page.get_by_role("heading", name="Esperando la próxima llamada")).to_be_visible()
    assert Interaction.objects.get().closed_because == "done"
