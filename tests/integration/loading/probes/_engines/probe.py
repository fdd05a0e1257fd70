"""An engine that notes what it is made of, and ends when the code on disk is newer."""

import json
import os
import time
from pathlib import Path

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import probeword

INTERFACE = 1
WRAPPER = "one"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else True


def start(path):
    """Note the words four times a second; Salt starts an ended engine again."""
    stale = False
    while not stale:
        stale = inguestlib.stale(__file__)
        said = {"wrapper": WRAPPER, "library": probeword.WORD, "stale": stale, "pid": os.getpid()}
        with Path(path).open("a") as out:
            out.write(json.dumps(said) + "\n")
        time.sleep(0.25)
