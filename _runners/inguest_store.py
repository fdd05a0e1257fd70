"""
Keep the store of the fleet in order
====================================

::

    salt-run inguest.forget web1
    salt-run inguest.retain

Where the store lies, and how long it keeps what ended, is set in the master's configuration, below
``inguest``.
"""

import datetime as dt

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import settings, store

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def forget(host):
    """
    Remove a host that is gone from the store, with all its history. There is no way back.

    A minion whose key this master still accepts comes back with its next report: delete its key
    first, with ``salt-key -d``.

    host
        Its minion id.

    Returns ``{"schema": 1, "view": "forget", "host": ..., "forgotten": bool, "retcode": 0|3}``; 3
    where the store knows no such host.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.forget web1
    """

    def make(kept):
        with kept.write() as writer:
            gone = writer.forget(str(host))
        return {"host": str(host), "forgotten": gone, "retcode": 0 if gone else 3}

    return _stored("forget", make)


def retain():
    """
    Remove what is older than the settings keep, now; the engine does so once an hour.

    What is open, what a host says now, and the last link of each chain stay.

    Returns ``{"schema": 1, "view": "retain", "findings": n, "links": n, "aside": n, "details": n,
    "retcode": 0|3}``: how many rows went.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.retain
    """

    def make(kept):
        gone = kept.retain(dt.datetime.now(dt.timezone.utc))
        return {**gone._asdict(), "retcode": 0}

    return _stored("retain", make)


def _stored(view, make):
    """What ``make(store)`` gives, or the error in its place."""
    inguestlib.warn_if_stale(__file__)
    try:
        with store.open_store(settings.load(__opts__)) as kept:
            result = make(kept)
    except (store.StoreError, settings.SettingsError) as exc:
        result = {"error": str(exc), "retcode": 3}
    __context__["retcode"] = result["retcode"]
    return {"schema": 1, "view": view, **result}
