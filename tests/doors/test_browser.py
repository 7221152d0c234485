"""The pages as somebody uses them, with keyboard and mouse, in a real browser (Debian's chromium, chromium-driver)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from api.engine import Engine
from kg.model import Source
from tests.served import Served, served
from tests.template import blank

PATIENCE = 30  # seconds that a page may take on a busy machine
MEMBERS = "id,name,country,city,makes\nnord,Chimie du Nord,FR,Lille,gel hydroalcoolique\n"
OTHERS = "id,name,country,city,makes\nn1,Chimie du Nord et de Picardie,FR,Lille,gel hydroalcoolique en bidons\n"


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """A browser without a window."""
    chromium, control = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not control:
        reason = "There is no browser; install Debian's packages chromium and chromium-driver."
        if os.environ.get("FILIERE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1600", "--lang=en"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(control))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("browser") / "data"
    blank(folder)
    with Engine.open(folder, write=True) as engine:
        for name, text in (("members", MEMBERS), ("others", OTHERS)):
            file = folder.parent / f"{name}.csv"
            file.write_text(text, encoding="utf-8")
            engine.import_files([file], Source(name))
        engine.identity.run()
    with served(folder, {}, sample=False) as found:
        yield found


class Page:
    """What a test sees of the browser."""

    def __init__(self, browser: webdriver.Chrome, base: str) -> None:
        self._browser, self._base = browser, base

    def open(self, path: str) -> None:
        """Goes to an address of the service."""
        self._browser.get(self._base + path)

    def all(self, selector: str) -> list[WebElement]:
        """The elements of a CSS selector that are shown."""
        return [element for element in self._browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]

    def one(self, selector: str, text: str = "") -> WebElement:
        """The first of them that holds a text, once there is one."""
        return self.until(lambda: next((e for e in self.all(selector) if text in e.text), None))

    def until(self, found: Callable[[], Any]) -> Any:
        """What becomes true in time. An element that a new page replaced meanwhile is looked for again."""
        wait = WebDriverWait(self._browser, PATIENCE, ignored_exceptions=[WebDriverException])
        return wait.until(lambda _: found())

    def type(self, *keys: str) -> None:
        """Presses keys wherever the focus is."""
        webdriver.ActionChains(self._browser).send_keys(*keys).perform()

    @property
    def address(self) -> str:
        return self._browser.current_url.removeprefix(self._base)

    def complaints(self) -> list[str]:
        """What the browser had to complain of: errors of scripts, and what the content policy stopped."""
        log: list[dict[str, Any]] = self._browser.get_log("browser")
        return [line["message"] for line in log if line["level"] == "SEVERE" and "401" not in line["message"]]

    def wide(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self._browser.execute_script("return document.documentElement.scrollWidth > innerWidth"))

    def narrow(self, width: int) -> None:
        """Makes the window that wide."""
        self._browser.set_window_size(width, 1600)


@pytest.fixture
def page(driver: webdriver.Chrome, service: Served) -> Iterator[Page]:
    found = Page(driver, service.url)
    yield found
    assert found.complaints() == []
    driver.delete_all_cookies()


def test_a_need_is_typed_and_answered_with_the_keyboard_alone(page: Page) -> None:
    page.open("/?ui=en")
    page.type("hydroalcoholic gel", Keys.ENTER)
    assert "Chimie du Nord" in page.one(".results li").text
    assert "hydroalcoholic" in page.address
    page.one(".results h2 a", "Chimie du Nord").click()
    assert page.one("h1", "Chimie du Nord") and page.one("q", "gel hydroalcoolique")


def test_no_page_is_wider_than_a_telephone(page: Page) -> None:
    page.narrow(500)  # the narrowest that Chromium without a window can be
    try:
        for path in ("/", "/?q=gel", "/actors/nord.html", "/identity.html", "/clusters.html", "/sources.html", "/docs"):
            page.open(path)
            assert not page.wide(), path
    finally:
        page.narrow(1200)


def test_a_query_is_run_without_leaving_its_text(page: Page) -> None:
    page.open("/sparql?ui=en")
    text = page.one("#query")
    text.clear()
    text.send_keys("SELECT ?name WHERE { ?a a <https://w3id.org/filiere/ns#Actor> ; ")
    text.send_keys("<http://www.w3.org/2004/02/skos/core#prefLabel> ?name }", Keys.CONTROL, Keys.ENTER)
    assert page.one("#answer td", "Chimie du Nord")
    assert "query=" in page.address
    text = page.one("#query")
    text.clear()
    text.send_keys("SELECT nonsense", Keys.CONTROL, Keys.ENTER)
    assert page.one("#answer [role=alert]", "mistake")
    page.complaints()  # the answer 400 is one, and was wanted


def test_two_actors_are_said_to_be_one_and_taken_back_on_the_page(page: Page, service: Served) -> None:
    page.open("/identity.html?ui=en")
    assert page.one("summary", "Decide") and not page.all("button")
    page.one("summary").click()
    page.one("button", "They are one").click()
    assert page.one("#told", "token")
    page.one("#token").send_keys("wrong")
    page.one("button", "They are one").click()
    assert page.one("#told", "token")
    page.complaints()  # of the answer 401
    page.one("#token").clear()
    page.one("#token").send_keys(service.secret)
    page.one("#note").send_keys("one <b>house</b>")
    page.one("button", "They are one").click()
    assert page.one("td", "one <b>house</b>") and page.one("td", "by a person")
    page.open("/?q=hydroalcoholic+gel&ui=en")
    assert page.one(".results", "Also listed as")
    page.open("/identity.html?ui=en")
    page.one("button", "Take back").click()  # the tab knows the token
    assert page.one("td", "to review")


def test_a_tag_is_rejected_and_confirmed_on_the_page_of_its_actor(page: Page, service: Served) -> None:
    page.open("/actors/nord.html?ui=en")
    if not page.all("#token"):
        page.one("summary").click()
    page.one("#token").clear()
    page.one("#token").send_keys(service.secret)
    label = page.one(".evidence li a").text
    page.one("button", "Reject").click()
    assert page.one(".evidence li", "rejected")
    page.one(f"button[aria-label='Confirm: {label}']").click()
    assert page.one(".evidence li", "confirmed")
    page.one("button", "Take back").click()
    assert page.one(".evidence li", "suggested")


def test_without_a_script_nothing_offers_what_it_cannot_do(service: Served) -> None:
    for path in ("/identity.html", "/actors/nord.html"):
        html = httpx.get(service.url + path).text
        assert '<details id="deciding" hidden>' in html
        assert html.count("<button") == html.count("hidden data-at=")
