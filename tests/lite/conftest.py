"""The built site behind a server of this machine, and tabs that may ask nobody else."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build"


class Quiet(SimpleHTTPRequestHandler):
    """The server of `python -m http.server`, which writes no line for a request."""

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def site():
    """Name the built site, if it holds what runs in the browser."""
    assert (SITE / "lite" / "try.json").exists(), "build it first: python docs/make_lite.py docs/_build --pyodide DIR"
    return SITE


@pytest.fixture(scope="session")
def address(site):
    """Serve the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="session")
def served(chromium, address):
    """Make a function that opens a page of the site, and collects what should not happen there."""
    inside = (address, "data:", "blob:", "about:")
    contexts = []

    def open_page(path, **settings):
        context = chromium.new_context(**settings)
        contexts.append(context)
        wrong = []

        def only_this_machine(route):
            if route.request.url.startswith(inside):
                return route.continue_()
            wrong.append(f"asked for {route.request.url}")
            return route.abort()

        context.route("**/*", only_this_machine)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.goto(address + path)
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()
