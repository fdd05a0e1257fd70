#!/usr/bin/env python3
"""Draw docs/images/page.png: the report of a small simulated fleet, as a browser shows it.

    python docs/page_picture.py [OUT.png]

The fleet is the tests' (tests/support/fleet_store.py): reports of real audits, varied by a seed.
Needs what the tests of the page need: Chromium, and requirements/tests.txt.
"""

import datetime as dt
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "_utils"), str(ROOT / "tests")]

from inguestlib.fleet import page, store  # noqa: E402
from support import browser, fleet_store  # noqa: E402

HOSTS, DAYS = 40, 60
SIZE = {"width": 1040, "height": 1500}


def main(out):
    """Write the picture."""
    with tempfile.TemporaryDirectory(prefix="page-") as scratch:
        path = Path(scratch) / "fleet.html"
        with store.open_store(f"sqlite:///{scratch}/store.sqlite") as kept:
            fleet_store.fill(kept, hosts=HOSTS, days=DAYS, part=0.004)
            with kept.read() as reader:
                since = fleet_store.NOW - dt.timedelta(days=DAYS - 1)
                texts = page.render(reader, now=fleet_store.NOW, since=since)
                path.write_text("".join(texts), encoding="utf-8")
        with browser.chromium() as chromium:
            opened = browser.Opened(chromium, path, viewport=SIZE, color_scheme="light")
            opened.page.screenshot(path=out)
            opened.close()
    print(f"{out}: {Path(out).stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/images/page.png")
