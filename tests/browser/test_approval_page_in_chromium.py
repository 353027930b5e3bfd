"""The approval page in a real browser, used as a person uses it: by keyboard, in light and dark.

Screenshots of the last run stand in the folder that pytest's `--basetemp` names.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from crm_mcp.ledger import Ledger, Question
from crm_mcp.state import StateFolder

CHANGE = Question(
    "c" * 64,
    "five_companies_update",
    "fivecrm (crm.example.com)",
    "local",
    """Change the company "Müller & Söhne".

Account: fivecrm (crm.example.com)
Tool: five_companies_update (update, irreversible)
Records: 1
Can be undone: no

Record: company = "1001", name = "Müller & Söhne"
  name: "Müller & Söhne" → "Müller Söhne GmbH"
  city: nothing → "Köln" (added)
  phone: "0221 123 456 7" → nothing (cleared)
  note: "x</style><script>alert(1)</script>" → "a  b"
  since: "2025-01-01" → "2026-04-03" (Friday, 3 April 2026)
  colour: ? → "blue" (the record as read lacks it: it cannot be compared)
  Fields that are sent and stay as they are: 2

What will be written:
  company = "1001"
  changes.name = "Müller Söhne GmbH"
  changes.city = "Köln"
  changes.phone = ""
  changes.note = "a  b"
  changes.since = "2026-04-03" (Friday, 3 April 2026)
  changes.colour = "blue"

The exact request, without credentials:
  POST https://crm.example.com/base/api2.php
  mode=update&company=1001&changes[name]=M%C3%BCller%20S%C3%B6hne%20GmbH&changes[city]=K%C3%B6ln

To approve, type: irreversible""",
    word="irreversible",
)
IMPORT = Question(
    "d" * 64,
    "five_products_import",
    "fivecrm (crm.example.com)",
    "local",
    'Import 1 product into area "001".\n\nWhat will be written:\n  area = "001"',
)


@dataclass
class Served:
    """The command in a process of its own, and the browser in front of it."""

    address: str
    browser: Chrome
    ledger: Ledger

    @property
    def origin(self) -> str:
        return self.address.partition("/enter")[0]

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def tab_to(self, name: str) -> WebElement:
        """Press Tab until the element that a reader announces by this name has the focus."""
        for _ in range(30):
            self.press(Keys.TAB)
            focused = self.browser.switch_to.active_element
            if focused.accessible_name == name:
                return focused
        pytest.fail(f"no way to {name!r} by keyboard")

    def opens(self, title: str) -> None:
        """Wait until a page of this title is there."""
        self._wait().until(lambda browser: browser.title.startswith(title))

    def refuses_the_word(self) -> None:
        """Wait until the page says that the word is wrong."""
        self._wait().until(lambda browser: browser.find_element(By.ID, "wrong").text)

    def _wait(self) -> WebDriverWait[Chrome]:
        changing = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.browser, 20, ignored_exceptions=changing)

    @property
    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "main").text


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "crm_mcp", "approvals", "web"],
        env={**os.environ, "CRM_MCP_STATE_DIR": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate(timeout=30)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "chromium is needed"
    assert driver, "chromedriver is needed; without its path selenium would download one"
    options = ChromeOptions()
    options.binary_location = chromium
    for switch in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("disable-dev-shm-usage", "window-size=1200,900", f"user-data-dir={tmp_path / 'user'}"),
    ):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options, ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def page(address: str, browser: Chrome, tmp_path: Path) -> Served:
    """Open the printed address, with two writes waiting."""
    ledger = Ledger(StateFolder(tmp_path / "state"))
    for question in (CHANGE, IMPORT):
        ledger.ask(question, "out_of_band")
    browser.get(address)
    served = Served(address, browser, ledger)
    served.opens("2 waiting")
    return served


def state_of(page: Served, question: Question) -> str:
    approval = page.ledger.standing(question.fingerprint)
    assert approval is not None
    return approval.state


def stop_renewing(page: Served) -> None:
    page.tab_to("Stop renewing")
    page.press(Keys.ENTER)
    WebDriverWait(page.browser, 20).until(lambda browser: browser.current_url.endswith("/?still"))


def test_the_printed_address_opens_the_list_and_leaves_the_address_bar(page: Served) -> None:
    assert page.browser.current_url == f"{page.origin}/"
    assert 'Change the company "Müller & Söhne".' in page.text
    cookie = page.browser.get_cookie("crm_mcp_approvals")
    assert cookie is not None
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.browser.execute_script("return document.cookie") == ""


def test_a_person_decides_with_the_keyboard_alone(page: Served) -> None:
    stop_renewing(page)
    page.tab_to('Change the company "Müller & Söhne".')
    page.press(Keys.ENTER)
    page.opens("Waiting: Change the company")
    page.tab_to("To approve, type irreversible")
    page.press("wrong", Keys.ENTER)
    page.refuses_the_word()
    assert page.browser.switch_to.active_element.get_attribute("id") == "word"
    page.press("irreversible", Keys.TAB)
    assert page.browser.switch_to.active_element.accessible_name == "Approve this write"
    page.press(Keys.SPACE)
    page.opens("Approved: Change the company")
    page.tab_to("Waiting")
    page.press(Keys.ENTER)
    page.opens("1 waiting")
    page.tab_to('Import 1 product into area "001".')
    page.press(Keys.ENTER)
    page.opens("Waiting: Import")
    page.tab_to("Reject it")
    page.press(Keys.ENTER)
    page.opens("Rejected: Import")
    page.tab_to("History")
    page.press(Keys.ENTER)
    page.opens("History")

    assert re.search(
        r"Import 1 product.*\nRejected(.|\n)*Change the company.*\nApproved", page.text
    )
    assert (state_of(page, CHANGE), state_of(page, IMPORT)) == ("approved", "rejected")


def test_the_whole_preview_is_seen_and_nothing_of_it_runs(page: Served) -> None:
    open_question(page, "Change the company")

    article = page.browser.find_element(By.TAG_NAME, "article")
    shown = [line.strip() for line in article.text.split("\n")]
    assert shown == [line.strip() for line in CHANGE.preview.split("\n") if line]
    assert [mark.text for mark in article.find_elements(By.TAG_NAME, "ins")][-2:] == [
        '"2026-04-03"',
        '"blue"',
    ]
    button = page.browser.find_element(By.CSS_SELECTOR, "button.approve")
    assert article.rect["y"] + article.rect["height"] < button.rect["y"]
    hidden = page.browser.execute_script(
        "return [...document.querySelectorAll('article, article *')].filter("
        "e => getComputedStyle(e).overflowY !== 'visible' || e.scrollWidth > e.clientWidth + 1"
        " && getComputedStyle(e).display !== 'inline').length"
    )
    assert hidden == 0


def open_question(page: Served, beginning: str) -> None:
    page.browser.find_element(By.PARTIAL_LINK_TEXT, beginning).click()
    page.opens("Waiting: ")


def every_page(page: Served) -> Iterator[str]:
    """Go to each kind of page; gives its name."""
    yield "list"
    open_question(page, "Change the company")
    yield "question"
    page.browser.find_element(By.ID, "word").send_keys("wrong", Keys.ENTER)
    page.refuses_the_word()
    yield "wrong word"
    page.browser.find_element(By.CSS_SELECTOR, "button.reject").click()
    page.opens("Rejected")
    yield "decided"
    page.browser.find_element(By.LINK_TEXT, "History").click()
    page.opens("History")
    yield "history"


def test_a_screen_reader_finds_its_way_on_every_page(page: Served) -> None:
    for name in every_page(page):
        browser = page.browser
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en", name
        assert len(browser.find_elements(By.TAG_NAME, "main")) == 1, name
        assert browser.find_element(By.TAG_NAME, "nav").accessible_name == "Pages", name
        levels = [int(found.tag_name[1]) for found in browser.find_elements(By.XPATH, HEADINGS)]
        assert levels.count(1) == 1, name
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels))
        for field in browser.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]), button, a"):
            assert field.accessible_name, (name, field.get_attribute("outerHTML"))
        order = browser.execute_script(
            "return [...document.querySelectorAll('a, input:not([type=hidden]), button')]"
            ".map(e => [e.tabIndex, e.matches('.skip') ? 0 : e.getBoundingClientRect().top"
            " + scrollY])"
        )
        assert {index for index, _ in order} == {0}, name
        assert [round(top, -2) for _, top in order] == sorted(round(top, -2) for _, top in order)


HEADINGS = "//*[self::h1 or self::h2 or self::h3]"


def emulate(page: Served, scheme: str, width: int) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


# Every text against what lies behind it, as the accessibility guidelines count contrast.
FAINT = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const light = text => rgb(text).slice(0, 3).map(c => c / 255)
  .map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const behind = e => {
  for (; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (rgb(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const faint = [];
while (walk.nextNode()) {
  if (!walk.currentNode.data.trim()) continue;
  const e = walk.currentNode.parentElement;
  const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) faint.push(e.outerHTML);
}
return faint;
"""


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_in_light_and_dark_wide_and_narrow(
    page: Served, tmp_path: Path, scheme: str, width: int
) -> None:
    emulate(page, scheme, width)
    for name in every_page(page):
        body = page.browser.find_element(By.TAG_NAME, "body")
        colours = re.findall(r"\d+", body.value_of_css_property("background-color"))
        assert (int(colours[0]) < 64) == (scheme == "dark")
        assert page.browser.execute_script(FAINT) == [], name
        root = "return document.documentElement."
        assert page.browser.execute_script(f"{root}scrollWidth") <= width, name
        shot = page.browser.execute_cdp_cmd("Page.captureScreenshot", WHOLE)
        save(tmp_path / f"{name} {scheme} {width}.png", shot["data"])


WHOLE = {"captureBeyondViewport": True, "format": "png"}


def save(path: Path, data: str) -> None:
    path.write_bytes(base64.b64decode(data))


def test_nothing_is_fetched_from_elsewhere_and_the_console_stays_empty(page: Served) -> None:
    for _ in every_page(page):
        pass

    messages = [json.loads(line)["message"] for line in logged(page, "performance")]
    sent: list[dict[str, Any]] = [
        message["params"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and message["params"]["documentURL"].startswith("http")
    ]
    addresses = {request["request"]["url"] for request in sent}
    assert f"{page.origin}/history" in addresses
    assert {urlsplit(address).netloc for address in addresses} == {urlsplit(page.origin).netloc}
    # The browser itself notes the answer to a wrong word there.
    assert [line for line in logged(page, "browser") if "status of 422" not in line] == []


def logged(page: Served, kind: str) -> list[str]:
    entries: list[dict[str, Any]] = page.browser.get_log(kind)  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries]
