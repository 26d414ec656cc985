"""The chat page in a real browser, served by a real server."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from app.api.server import create_app
from app.settings import Settings
from tests.library import BY_SCORE, LIGHT, NOWHERE, RETURNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, ViewportSize

    from retrieval.embedders import Embedder

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"there is no browser at {CHROMIUM}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, shelf: Path, embedder: Embedder) -> Iterator[str]:
    """A server's address; it is sure of what is near, and hands over the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
        patch.setattr("app.bootstrap.shipped_calibration", lambda: BY_SCORE)
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg] # pydantic-settings takes it
            home=tmp_path_factory.mktemp("browser"),
            index_url=f"edge:{shelf}",
            name="Kettle Help",
            suggestions=(LIGHT,),
        )
        config = uvicorn.Config(create_app(settings), port=0, log_level="warning")
        server = uvicorn.Server(config)
        running = threading.Thread(target=server.run)
        running.start()
        while not server.started and running.is_alive():
            running.join(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        running.join()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console has been told; a test takes out what it brought about."""
    return []


@pytest.fixture
def viewport() -> ViewportSize:
    return {"width": 1280, "height": 720}


@pytest.fixture
def page(
    browser: Browser, url: str, complaints: list[str], viewport: ViewportSize
) -> Iterator[Page]:
    """The page, just opened. Whatever it complains about fails the test."""
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert complaints == []


def by(page: Page | Locator, test_id: str) -> Locator:
    return page.get_by_test_id(test_id)


def ask(page: Page, question: str) -> Locator:
    """Ask, wait for the whole reply and return it."""
    replies = page.locator("[data-role=assistant]")
    before = replies.count()
    by(page, "question").fill(question)
    by(page, "send").click()
    reply = replies.nth(before)
    expect(reply).to_have_attribute("data-state", "complete")
    return reply


def test_a_question_is_answered_with_its_source(page: Page) -> None:
    reply = ask(page, RETURNS)
    expect(page.locator("[data-role=customer]")).to_contain_text(RETURNS)
    expect(reply).to_contain_text("within 30 days of delivery")
    expect(by(reply, "citation-marker").first).to_have_text("1")
    expect(by(reply, "source-card").first).to_contain_text("Return policy")
    expect(by(reply, "handoff")).to_have_count(0)
    expect(by(page, "question")).to_have_value("")


def test_a_citation_opens_its_passage_with_the_quote_marked(page: Page) -> None:
    reply = ask(page, RETURNS)
    by(reply, "citation-marker").first.click()
    panel = by(page, "passage-panel")
    expect(panel).to_be_visible()
    expect(panel).to_contain_text("Return policy")
    marked = by(panel, "passage-quote")
    expect(marked).to_contain_text("within 30 days of delivery")
    assert marked.evaluate("node => node.tagName") == "MARK"


def test_a_source_card_opens_the_passage_too(page: Page) -> None:
    by(ask(page, LIGHT), "source-card").first.click()
    expect(by(page, "passage-quote")).to_contain_text("limescale")


def test_steps_are_quoted_and_marked_as_a_list(page: Page) -> None:
    reply = ask(page, "How do I remove the limescale from my kettle?")
    expect(reply.locator("ol li").nth(1)).to_contain_text("wait for one hour")
    by(reply, "citation-marker").first.click()
    expect(by(page, "passage-panel").locator("mark").last).to_be_visible()


def test_escape_closes_the_panel_and_gives_the_focus_back(page: Page) -> None:
    marker = by(ask(page, RETURNS), "citation-marker").first
    marker.click()
    expect(by(page, "passage-quote")).to_be_visible()
    page.keyboard.press("Escape")
    expect(by(page, "passage-panel")).to_be_hidden()
    expect(marker).to_be_focused()


@pytest.mark.parametrize("viewport", [{"width": 380, "height": 700}], ids=["phone"])
def test_on_a_phone_the_panel_covers_the_page_until_it_is_closed(page: Page) -> None:
    marker = by(ask(page, RETURNS), "citation-marker").first
    marker.click()
    expect(by(page, "passage-quote")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(by(page, "passage-panel")).to_be_hidden()
    expect(marker).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_the_documents_do_not_carry_goes_to_a_person(page: Page) -> None:
    reply = ask(page, NOWHERE)
    handoff = by(reply, "handoff")
    expect(handoff).to_contain_text("A person will take it from here")
    expect(handoff).to_contain_text("hnd_")
    expect(by(reply, "citation-marker")).to_have_count(0)


def test_everything_can_be_done_from_the_keyboard(page: Page) -> None:
    by(page, "question").focus()
    page.keyboard.type(RETURNS)
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-role=customer]")).to_have_count(0)
    page.keyboard.press("Enter")
    reply = page.locator("[data-role=assistant]").first
    expect(reply).to_have_attribute("data-state", "complete")
    marker = by(reply, "citation-marker").first
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if marker.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(by(page, "passage-quote")).to_be_visible()
    page.keyboard.press("Escape")
    expect(by(page, "passage-panel")).to_be_hidden()
    expect(marker).to_be_focused()


def test_a_suggestion_asks_itself(page: Page) -> None:
    by(page, "suggestion").click()
    reply = page.locator("[data-role=assistant]").first
    expect(reply).to_contain_text("limescale")
    expect(page.locator("[data-role=customer]")).to_contain_text(LIGHT)


def test_a_conversation_is_still_there_after_a_reload(page: Page) -> None:
    said = ask(page, RETURNS).locator(".prose").inner_text()
    page.reload()
    restored = page.locator("[data-role=assistant]")
    expect(restored).to_have_count(1)
    expect(restored.locator(".prose")).to_have_text(said, use_inner_text=True)
    by(restored, "citation-marker").first.click()
    expect(by(page, "passage-quote")).to_be_visible()


def test_a_new_conversation_begins_empty(page: Page) -> None:
    ask(page, RETURNS)
    by(page, "new-conversation").click()
    expect(by(page, "message")).to_have_count(0)
    page.reload()
    expect(by(page, "message")).to_have_count(0)


def test_markup_in_a_question_is_shown_as_text(page: Page) -> None:
    hostile = "<img src=x onerror=\"document.title='taken over'\"> kettle?"
    ask(page, hostile)
    expect(page.locator("[data-role=customer]")).to_contain_text(hostile)
    assert page.title() == "Kettle Help"


def test_a_refused_question_is_given_back(page: Page, complaints: list[str]) -> None:
    page.route(
        "**/v1/chat",
        lambda route: route.fulfill(
            status=503,
            json={
                "error": {"code": "unavailable", "message": "The service rests.", "hint": "Wait."}
            },
        ),
    )
    by(page, "question").fill(RETURNS)
    by(page, "send").click()
    expect(by(page, "error")).to_contain_text("The service rests.")
    expect(by(page, "question")).to_have_value(RETURNS)
    assert "503" in complaints.pop(), "the browser notes the status itself"


def test_an_interrupted_reply_can_be_asked_for_again(page: Page) -> None:
    cut = 'event: meta\ndata: {"conversation_id": "c", "trace_id": "t"}\n\n'
    headers = {"content-type": "text/event-stream"}
    page.route("**/v1/chat", lambda route: route.fulfill(body=cut, headers=headers), times=1)
    by(page, "question").fill(RETURNS)
    by(page, "send").click()
    expect(by(page, "error")).to_contain_text("interrupted")
    by(page, "retry").click()
    expect(page.locator("[data-role=assistant]")).to_contain_text("within 30 days")


def test_the_page_may_load_only_its_own_files(browser: Browser, url: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    response = page.goto(url)
    assert response is not None
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert all(address.startswith(url) for address in asked)
    page.close()
