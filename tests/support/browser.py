"""Debian's Chromium without a window, driven for a test of a page in a file."""

import contextlib
import os
import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from support import need


@contextlib.contextmanager
def chromium():
    """A running browser."""
    need.program("chromium")
    # A sandbox of namespaces is refused to root, and in most containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*arguments, "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page that is open, and everything that went wrong in it.

    ``faults``: what the console, the page and its dialogs said; ``asked``: the addresses that it
    asked for.
    """

    def __init__(self, browser, path, *, script=True, **context):
        self.context = browser.new_context(java_script_enabled=script, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(90000)  # the machine may be emulating others
        self.faults, self.asked = [], []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"file://{path}")
        if script:
            self.page.wait_for_selector("html[data-ready]")

    def close(self):
        """Close it, and say what went wrong."""
        self.context.close()
        return self.faults

    def serious(self):
        """What axe-core finds in the page as it is now that is serious or critical."""
        found = Axe().run(self.page).response["violations"]
        return [
            (fault["id"], node["target"], node.get("failureSummary"))
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"][:3]
        ]

    def wider_than_the_window(self):
        """By how many pixels one has to scroll sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _dialog(self, dialog):
        self.faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()
