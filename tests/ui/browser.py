"""Prefect's pages as a person sees them: one real browser, in which pages follow each other."""

import io
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Route, sync_playwright

from eoflows.deployments.databases.install import apt_install

SECONDS = 30
SCREENSHOTS = "EOFLOWS_SCREENSHOTS"
"""Environment variable: the folder that pictures of the pages go to; without it none are made."""

_GO = "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }"
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_BROKEN = "all => all.filter(one => one.complete && !one.naturalWidth).map(one => one.src.slice(0, 120))"
_OURS = re.compile(r"/logos/|/api/(artifacts|deployments|ui/schemas|flow_runs/[^/]+/resume)")
"""What is loaded of what we made; the pages also ask for icons and counts of their own that are not there."""
_RUN = "/runs/flow-run/"
_NO_MESSAGES = "[data-sonner-toaster] { display: none }"
_LOADED = "() => [...document.images].every(one => one.complete)"


def chromium() -> str:
    """Give the browser's path; Debian's is installed when it is missing and we are root."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        apt_install("chromium", "fonts-dejavu-core")
        found = shutil.which("chromium")
    assert found is not None, "chromium is not there, also not after its installation"
    return found


class Pages:
    """Prefect's pages in one tab.

    Args:
        context: The browser's; it reaches this installation and nothing else.
        ui: Where the pages are.
    """

    def __init__(self, context: BrowserContext, ui: str) -> None:
        self.ui, self.page = ui, context.new_page()
        self.faults: list[str] = []
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("console", self._told)
        self.page.on("pageerror", self._thrown)
        self.page.goto(ui)
        self.page.wait_for_url(f"{ui}/v2/dashboard**")

    def _thrown(self, error: Error) -> None:
        # The picture of a run's tasks throws when a run changes while it is drawn.
        if _RUN not in self.page.url:
            self.faults.append(f"exception: {error}")

    def _told(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        if message.type == "error" and url.startswith(self.ui) and _OURS.search(url):
            self.faults.append(f"{message.text} ({url})")

    def go(self, path: str, shown: Locator | None = None) -> None:
        """Go to a page as a link in it does, which takes a second less than to load all anew."""
        if _RUN in self.page.url:
            # The picture of a run's tasks goes on after its page, and throws then.
            self.page.goto(f"{self.ui}/v2{path}")
        else:
            self.page.evaluate(_GO, f"/v2{path}")
        (self.page.get_by_role("main") if shown is None else shown).first.wait_for()

    def button(self, name: str) -> Locator:
        """Give a button by what stands on it."""
        return self.page.get_by_role("button", name=name, exact=True)

    def text(self, text: str | re.Pattern[str]) -> Locator:
        """Give what has a text."""
        return self.page.get_by_text(text)

    def drawn(self) -> None:
        """Wait until what was done is drawn; what is filled in faster is lost."""
        self.page.evaluate(_DRAWN)

    def painted(self, canvas: Locator) -> None:
        """Wait until something stands in the upper half of a canvas; the page does not say when."""
        deadline = time.monotonic() + SECONDS
        while True:
            seen = Image.open(io.BytesIO(canvas.screenshot())).convert("L")
            lowest, highest = seen.crop((0, 0, seen.width, seen.height // 2)).getextrema()
            if highest - lowest > 100:
                return
            assert time.monotonic() < deadline, f"nothing was painted in {SECONDS} s"
            self.drawn()

    def broken_images(self) -> list[str]:
        """Give the addresses of pictures that did not come, once all have come or not."""
        self.page.wait_for_function(_LOADED)
        found: list[str] = self.page.locator("img").evaluate_all(_BROKEN)
        # The logos of Prefect's own blocks come from their maker's server.
        return [one for one in found if one.startswith((self.ui, "data:"))]

    def picture(self, name: str, of: Page | None = None) -> None:
        """Keep what is seen now in this tab, or of another page, if somebody wants pictures."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            page = of or self.page
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.wait_for_function("() => document.fonts.status === 'loaded'")
            page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled", style=_NO_MESSAGES)


@contextmanager
def open_browser() -> Iterator[BrowserContext]:
    """Open a browser that reaches this host only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1280, "height": 860}, locale="en-GB", timezone_id="UTC"
        )
        context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), _refuse)
        yield context
        browser.close()


def _refuse(route: Route) -> None:
    route.abort()
