"""Work in a process of its own, as Salt's jobs are: the minion's process goes on at once.

A fork has all code loaded, with Salt's functions, and costs the minion a few milliseconds.
"""

import contextlib
import gc
import logging
import os
import signal

_LOG = logging.getLogger(__name__)
_CHILDREN = set()


def aside(work):
    """Call ``work()`` in another process; returns when that has begun.

    What it raises is logged there. It may not use what two processes can't share: the
    connections of the minion. Call :func:`reap` now and then.
    """
    child = os.fork()
    if child:
        _CHILDREN.add(child)
        return
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # the minion's own handlers would end the minion
        gc.disable()  # a search for garbage would copy the memory that the two share
        work()
    except BaseException:  # noqa: BLE001 - nothing may run on into the minion's code
        _LOG.exception("inguest: the beacon's work failed")
    finally:
        os._exit(0)


def reap():
    """Let those go that have ended; never waits."""
    for child in tuple(_CHILDREN):
        with contextlib.suppress(ChildProcessError):
            if not os.waitpid(child, os.WNOHANG)[0]:
                continue
        _CHILDREN.discard(child)
