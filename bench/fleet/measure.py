"""One question to a store, in a process of its own: its time and its memory, as JSON.

``python bench/fleet/measure.py status sqlite:////tmp/fleet/store.sqlite``
"""

import datetime as dt
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "_utils"), str(HERE)]


def status(reader, now):
    """The fleet as its last messages left it."""
    from inguestlib.fleet.views.status import status

    return str(status(reader, now, 10800)["hosts"])


def drift(reader, now):
    """What changed in the last day."""
    from inguestlib.fleet.views.drift import drift

    return str(drift(reader, now - dt.timedelta(days=1), now)["summary"])


def whatif(reader, now):
    """All hosts judged by a policy that asks for other name servers."""
    from simulated import POLICY

    from inguestlib.fleet.whatif import proposal
    from inguestlib.fleet.whatif.run import whatif

    other = {**POLICY, "dns": {**POLICY["dns"], "servers": ["10.1.1.1", "10.1.1.2"]}}
    proposed = proposal.from_text(json.dumps({"inguest": other}), "proposed.yaml")
    names = sorted(host.name for host in reader.each_host())
    found = whatif(reader, proposed, names, now)
    return f"{found['hosts']} {list(found['unjudged'].values())[:1]} {found['errors']}"


def page(reader, now):
    """The page of HTML."""
    from inguestlib.fleet import page

    return f"{sum(len(part.encode()) for part in page.render(reader, now=now)):,} bytes"


QUESTIONS = {"status": status, "drift": drift, "whatif": whatif, "page": page}


def main(name, url):
    """Ask, and print what it took."""
    from simulated import NOW

    from inguestlib.fleet import store

    with store.open_store(url) as kept:
        began, before = time.perf_counter(), os.times()
        with kept.read() as reader:
            said = QUESTIONS[name](reader, NOW)
        seconds, after = time.perf_counter() - began, os.times()
    spent = sum(after[:4]) - sum(before[:4])
    own = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    out = {"seconds": seconds, "cpu": spent, "peak": own / 1024, "child": child / 1024}
    print(json.dumps({**out, "said": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
