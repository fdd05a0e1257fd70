"""Says of which age it is itself, and of which age the library is that it got."""

import json
import os
from pathlib import Path

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import probeword

INTERFACE = 1
WRAPPER = "one"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else True


def word():
    """Plain data: this wrapper's word, the library's word, and where both came from."""
    return {
        "wrapper": WRAPPER,
        "library": probeword.WORD,
        "stale": inguestlib.stale(__file__),
        "file": __file__,
        "home": inguestlib.__file__,
        "pid": os.getpid(),
    }


def note(path):
    """Append `word()` to a file: for callers whose answer nobody sees."""
    with Path(path).open("a") as out:
        out.write(json.dumps(word()) + "\n")
    return True
