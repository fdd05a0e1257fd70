"""The state beside the probe module: its own word and the library's word, as changes."""

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import probeword

INTERFACE = 1
WRAPPER = "one"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else True


def said(name):
    """Always true; what it knows is in `changes`."""
    changes = {
        "wrapper": WRAPPER,
        "library": probeword.WORD,
        "stale": inguestlib.stale(__file__),
        "module": __salt__["probe.word"](),
    }
    return {"name": name, "result": True, "changes": changes, "comment": ""}
