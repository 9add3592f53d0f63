"""Pages of other sites in a real browser, against the real server: they get nothing. Skipped without a Chromium."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.web.serving import Serving

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra: pip install 'vatrace[browser]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH")

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# Everything a page can try against an address; what it could read of the answers comes back.
ATTACK = """async (own) => {
  const got = [], http = "http://" + own;
  const tries = {
    list: () => fetch(http + "/api/clips", { credentials: "include" }).then((a) => a.text()),
    blind: () => fetch(http + "/api/clips", { credentials: "include", mode: "no-cors" }).then((a) => a.text()),
    put: () => fetch(http + "/api/clips", { method: "PUT", body: "clip", credentials: "include" })
      .then((a) => a.text()),
    post: () => fetch(http + "/api/clips", { method: "POST", body: "clip", credentials: "include", mode: "no-cors" })
      .then((a) => a.text()),
    script: () => new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = http + "/main.js"; script.onload = () => done("ran"); script.onerror = fail;
      document.body.append(script);
    }),
    live: () => new Promise((done, fail) => {
      const socket = new WebSocket("ws://" + own + "/api/live");
      socket.onopen = () => done("open"); socket.onerror = fail;
    }),
    frame: () => new Promise((done, fail) => {
      const frame = document.createElement("iframe");
      frame.src = http + "/"; frame.onload = () => setTimeout(() => {
        try { done(frame.contentDocument.body.innerText); } catch (error) { fail(error); }
      }, 200);
      document.body.append(frame);
    }),
  };
  for (const [name, one] of Object.entries(tries)) {
    try { const answer = await one(); if (answer) got.push(name + ": " + answer); } catch (error) { /* nothing */ }
  }
  return got;
}"""


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    """A web site of somebody else, on this machine under another name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title><body>")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site.server_port
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def visitor(server: Serving) -> Iterator[Any]:
    """A browser in which the page of the server is open, so that it holds the cookie."""
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{server.host}/?token={server.token}")
        assert page.url == f"http://{server.host}/"
        assert page.evaluate("fetch('/api/limits').then((answer) => answer.status)") == 200
        assert page.evaluate("document.cookie") == ""
        yield context
        browser.close()


@pytest.mark.parametrize("name", ["evil.localhost", "localhost", "127.0.0.1"])
def test_a_page_of_another_site_gets_nothing(name: str, server: Serving, visitor: Any, evil_port: int) -> None:
    page = visitor.new_page()
    page.goto(f"http://{name}:{evil_port}/")
    for own in (server.host, f"localhost:{server.port}"):
        assert page.evaluate(ATTACK, own) == []
    assert server.clips() == []
    page.close()


def test_the_page_itself_gets_what_it_asks_in_the_same_ways(server: Serving, visitor: Any) -> None:
    """Else the test above would pass with attempts that nobody could succeed with."""
    page = visitor.new_page()
    page.goto(f"http://{server.host}/")
    got = {each.partition(":")[0] for each in page.evaluate(ATTACK, server.host)}
    assert {"list", "blind", "put", "script", "live"} <= got
    assert "frame" not in got, "not even the page itself puts itself into a frame"
    server.remove_all()
    page.close()


def test_the_printed_address_works_as_a_link_on_a_page_of_another_site(
    server: Serving, visitor: Any, evil_port: int
) -> None:
    context = visitor.browser.new_context()
    page = context.new_page()
    page.goto(f"http://evil.localhost:{evil_port}/")
    link = f"<a href='http://{server.host}/?token={server.token}' target='_blank' rel='noopener'>open</a>"
    page.evaluate("(link) => { document.body.innerHTML = link; }", link)
    with context.expect_page() as opened:
        page.click("a")
    opened.value.wait_for_url(f"http://{server.host}/")
    opened.value.get_by_role("button", name="Choose a file").first.wait_for()
    assert opened.value.evaluate("fetch('/api/limits').then((answer) => answer.status)") == 200
    context.close()


def test_a_name_that_was_made_to_point_here_gets_nothing(server: Serving, visitor: Any) -> None:
    """The browser takes the rebound name for the page's own origin, so nothing but the server can tell."""
    page = visitor.new_page()
    answer = page.goto(f"http://evil.localhost:{server.port}/?token={server.token}")
    assert answer.status == 421
    assert page.evaluate("fetch('/api/clips').then((answer) => answer.status)") == 421
    assert page.evaluate("fetch('/api/clips', { method: 'PUT', body: 'clip' }).then((answer) => answer.status)") == 421
    assert server.clips() == []
    page.close()
