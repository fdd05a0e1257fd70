"""Work in a process of its own, as Salt's jobs are: the minion's process goes on at once.

A fork costs a few milliseconds and has all code loaded, with Salt's functions. It ends with the
work and is nobody's child: the minion never waits for it.
"""

import logging
import os
import signal

_LOG = logging.getLogger(__name__)


def aside(work):
    """Call ``work()`` in another process; returns when that has begun.

    What it raises is logged there. It may not use what can't be shared by two processes: the
    connections of the minion.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork():
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # the minion's own handlers would end the minion
        os.nice(5)
        work()
    except BaseException:  # noqa: BLE001 - nothing may run on into the minion's code
        _LOG.exception("inguest: the beacon's work failed")
    finally:
        os._exit(0)
